"""Compose what people of other instances do, as their instance, or the home of the place, tells it over Punctum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from activitypub import build, html
from activitypub.attachments import Attachment
from activitypub.documents import Activity
from activitypub.uris import origin_of
from app.ids import new_id
from app.models import Actor


class ToldMessage(msgspec.Struct, frozen=True):
    """A message at home elsewhere. `in_reply_to` is a URI and `context` a group's; `embeds` are as they were given."""

    uri: str
    text: str
    published: datetime
    edited: datetime | None = None
    in_reply_to: str | None = None
    context: str | None = None
    links: Sequence[Attachment] = ()
    embeds: Sequence[dict[str, Any]] = ()


def told_message(author: Actor, to: Sequence[Actor], told: ToldMessage) -> Activity:
    """`to` is the channel that it stands in, or everybody else in a conversation."""
    return _by(author, build.create(actor=author.uri, object=_note(author, to, told)))


def told_edit(author: Actor, to: Sequence[Actor], told: ToldMessage) -> Activity:
    note = _note(author, to, told)
    return _by(author, build.update(actor=author.uri, object=note, to=note["to"]))


def told_deletion(actor: Actor, uri: str, former_type: str) -> Activity:
    """By its author, or by the channel that it stands in."""
    tombstone = build.tombstone(id=uri, former_type=former_type, deleted=datetime.now(UTC))
    return _by(actor, build.delete(actor=actor.uri, object=tombstone, to=[]))


def told_reaction(actor: Actor, message_uri: str, sign: str) -> Activity:
    return _by(actor, build.like(actor=actor.uri, object=message_uri, to=[], content=sign))


def told_reaction_taken_back(actor: Actor, message_uri: str, sign: str, *, activity_uri: str) -> Activity:
    like = build.like(actor=actor.uri, object=message_uri, to=[], content=sign)
    return _by(actor, build.undo(actor=actor.uri, object=build.with_id(like, activity_uri)))


def told_joining(actor: Actor, space_uri: str) -> Activity:
    return _by(actor, build.join(actor=actor.uri, object=space_uri))


def told_leaving(actor: Actor, uri: str) -> Activity:
    """A space or a group."""
    return _by(actor, build.leave(actor=actor.uri, object=uri))


def told_block(actor: Actor, person: Actor) -> Activity:
    return _by(actor, build.block(actor=actor.uri, object=person.uri))


def told_report(actor: Actor, uris: Sequence[str], note: str) -> Activity:
    return _by(actor, build.flag(actor=actor.uri, objects=uris, content=note))


def uri_of_told(domain: str, remote_id: str) -> str:
    """What something is called here that has no name but the one that Punctum gives it."""
    return f"https://{domain}/api/v1/id/{remote_id}"


def _by(actor: Actor, activity: Activity) -> Activity:
    """With an id: over Punctum what somebody does has none."""
    return build.with_id(activity, f"{origin_of(actor.uri)}/api/v1/federation/{new_id('act')}")


def _note(author: Actor, to: Sequence[Actor], told: ToldMessage) -> dict[str, Any]:
    text = told.text if told.text.strip() or told.links else " "
    return build.note(
        id=told.uri,
        author=author.uri,
        content=html.from_text(text, {}),
        source=text,
        published=told.published,
        updated=told.edited,
        to=[actor.uri for actor in to],
        audience=[actor.uri for actor in to if actor.type == "Group"],
        context=told.context,
        in_reply_to=told.in_reply_to,
        attachments=told.links,
    )
