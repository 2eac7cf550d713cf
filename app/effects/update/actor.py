"""Update a Person or a Group: somebody describes themselves anew, or a moderator a channel."""

from __future__ import annotations

from activitypub.documents import Activity, ActorDocument
from activitypub.uris import same_origin
from app.act import Act, LiveEvent
from app.effects.create.group import NAME_TAKEN, check_name
from app.effects.create.person import NAME_TAKEN as USERNAME_TAKEN
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.models import Actor
from app.projections import accounts, actors, audit, channels, files
from app.queries.actors import find_actor, find_local
from app.queries.channels import find_channel, is_name_taken
from app.queries.permissions import get_permissions


def authorise(act: Act, document: ActorDocument) -> None:
    target = find_actor(act.session, document.id)
    if target is None:
        raise NotFoundError("The actor does not exist.")
    act.found["target"] = target
    if target.id == act.actor.id:
        if act.is_local:
            _authorise_own(act, document)
        return
    if not act.is_local:
        # A channel elsewhere, or that server, is edited by its own server's people, a person by nobody else.
        if target.type not in {"Group", "Application"} or not same_origin(target.uri, act.actor.uri):
            raise ForbiddenError("only the actor itself can change its description")
        return
    channel = find_channel(act.session, target.id)
    if channel is None or not target.is_local:
        raise ForbiddenError("only the actor itself can change its description")
    get_permissions(act.session, act.actor).require("edit_channels")
    check_name(document.name)
    name_key = channels.name_key(document.name)
    if name_key != channel.name_key and is_name_taken(act.session, name_key):
        raise ConflictError(NAME_TAKEN)


def _authorise_own(act: Act, document: ActorDocument) -> None:
    get_permissions(act.session, act.actor)
    named = find_local(act.session, document.preferred_username)
    if named is not None and named.id != act.actor.id:
        raise ConflictError(USERNAME_TAKEN)


def apply(act: Act, document: ActorDocument) -> list[Activity]:
    target: Actor = act.found.pop("target")
    channel = find_channel(act.session, target.id)
    if channel is not None and target.is_local:
        audit.note(act.session, "channel_updated", actor_id=act.actor.id, target=target.id, now=act.now)
        channels.rename(act.session, channel, name=document.name.strip())
        act.publish(LiveEvent("channel_updated", channel_id=target.id, actor_id=act.actor.id))
        return []
    if target.fetched_at is None or target.fetched_at < act.signed_at:
        actors.describe(act.session, target, document, now=act.now)
    for file in act.private.get("new_files", ()):
        files.add(act.session, file, now=act.now)
    if act.is_local and "username" in act.private:
        accounts.describe(act.session, target, username=act.private["username"], about=act.private["about"])
        accounts.change_access(act.session, target.id, now=act.now, **act.private["access"])
    return []
