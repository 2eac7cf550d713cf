"""Update: an author edits a message, a person or a channel its description, the staff this server's."""

from __future__ import annotations

from activitypub.documents import Activity, ActorDocument, Note
from app.act import Act
from app.effects import roles, spaces
from app.effects.update import actor, note, server
from app.errors import InvalidInputError


def authorise(act: Act) -> None:
    if (handler := spaces.handler_of(act)) is not None:
        handler.authorise_change(act)
        return
    if roles.is_about_role(act):
        roles.authorise_change(act)
        return
    match act.activity.object:
        case Note():
            note.authorise(act, act.activity.object)
        case ActorDocument() if _is_of_this_server(act):
            server.authorise(act, act.activity.object)
        case ActorDocument():
            actor.authorise(act, act.activity.object)
        case _:
            raise InvalidInputError("Only messages, people and channels are edited here.")


def apply(act: Act) -> list[Activity]:
    if (handler := spaces.handler_of(act)) is not None:
        handler.change(act)
        return []
    if roles.is_about_role(act):
        roles.change(act)
        return []
    match act.activity.object:
        case Note():
            return note.apply(act, act.activity.object)
        case ActorDocument() if _is_of_this_server(act):
            return server.apply(act, act.activity.object)
        case ActorDocument():
            return actor.apply(act, act.activity.object)
    return []


def _is_of_this_server(act: Act) -> bool:
    return act.is_local and act.activity.object_id == act.uris.instance
