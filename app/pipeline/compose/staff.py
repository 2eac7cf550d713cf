"""Compose what people say of themselves, and what the staff does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from activitypub import build, html
from activitypub.documents import Activity
from activitypub.times import write_time
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.errors import NotFoundError
from app.ids import INSTANCE_ID, new_id
from app.models import Actor
from app.queries import messages
from app.queries.accounts import get_profile
from app.queries.actors import get_by_id, list_keys
from app.queries.blocks import find_block
from app.queries.channels import get_home_space
from app.queries.documents import actor_document
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris


def server(viewer: Viewer, *, name: str | None = None, description: str | None = None) -> Activity:
    """This server under another name or with another description (plain text); None leaves it as it is."""
    uris = Uris(current().origin)
    with reading() as session:
        instance = get_by_id(session, INSTANCE_ID)
        document = actor_document(uris, instance, list_keys(session, INSTANCE_ID), None)
        home = get_by_id(session, get_home_space(session).actor_id)
    document["updated"] = write_time(datetime.now(UTC))
    del document["@context"]
    if name is not None:
        document["name"] = name.strip()
    if description is not None:
        document["summary"] = html.from_text(description, {}) if description.strip() else ""
    return build.update(actor=viewer.uri, object=document, to=[PUBLIC], cc=[home.followers or ""])


def role(viewer: Viewer, role_id: str, name: str, *, is_new: bool) -> Activity:
    """A role of the home space, made or changed: to other servers it is a collection of people. What it allows is
    told to nobody, and goes to `submit` as `private`."""
    uris = Uris(current().origin)
    document = {"id": uris.role(role_id), "type": "Collection", "name": name}
    if is_new:
        return build.create(actor=viewer.uri, object=document, to=[])
    return build.update(actor=viewer.uri, object=document, to=[])


def role_deletion(viewer: Viewer, role_id: str) -> Activity:
    uri = Uris(current().origin).role(role_id)
    tombstone = build.tombstone(id=uri, former_type="Collection", deleted=datetime.now(UTC))
    return build.delete(actor=viewer.uri, object=tombstone, to=[])


def roles_change(viewer: Viewer, person: Actor, *, given: Sequence[str], taken: Sequence[str]) -> list[Activity]:
    """One activity for each role, by its id."""
    uris = Uris(current().origin)
    return [
        *(build.add(actor=viewer.uri, object=person.uri, target=uris.role(role_id), to=[]) for role_id in given),
        *(build.remove(actor=viewer.uri, object=person.uri, target=uris.role(role_id), to=[]) for role_id in taken),
    ]


def ban(viewer: Viewer, person: Actor) -> Activity:
    with reading() as session:
        home = get_by_id(session, get_home_space(session).actor_id)
    return build.block(actor=viewer.uri, object=person.uri, target=home.uri, to=[home.uri, person.uri])


def ban_lifted(viewer: Viewer, person: Actor) -> Activity:
    """Raises NotFoundError for who is not banned."""
    with reading() as session:
        home = get_by_id(session, get_home_space(session).actor_id)
        known = find_block(session, by=None, actor_id=person.id, space_id=home.id)
        by = get_by_id(session, known.actor_id) if known else None
    if known is None or by is None:
        raise NotFoundError("The targeted user is not banned.")
    block = build.block(actor=by.uri, object=person.uri, target=home.uri, to=[home.uri, person.uri])
    return build.undo(actor=viewer.uri, object=build.with_id(block, known.activity_uri))


def report(viewer: Viewer, person: Actor, description: str, *, message_ids: Sequence[str] = ()) -> Activity:
    """About a person and, if any are named, messages of theirs. Raises NotFoundError for what the viewer cannot see."""
    with reading() as session:
        found = [messages.get_visible(session, viewer, message_id)[0] for message_id in message_ids]
    if any(message.deleted_at is not None or message.author_id != person.id for message in found):
        raise NotFoundError(messages.NO_SUCH_MESSAGE)
    named = [person.uri, *(message.uri for message in found)]
    return build.flag(actor=viewer.uri, objects=named, content=description)


def profile(
    viewer: Viewer, *, username: str | None, about: str | None, display_name: str | None = None
) -> tuple[Activity, Mapping[str, Any]]:
    """The viewer under a new name, with a new description, or both; None leaves what is.

    Who is shown under no name of their own is shown under the new username. The activity, and what `submit` is to be
    given as `private`.
    """
    uris = Uris(current().origin)
    with reading() as session:
        actor = get_by_id(session, viewer.actor_id)
        known = get_profile(session, viewer.actor_id)
        document = actor_document(uris, actor, list_keys(session, actor.id), None)
    shown = known.name if known.name != known.username else None
    username = known.username if username is None else username
    about = known.about if about is None else about or None
    document |= {
        "preferredUsername": username.lower(),
        "name": display_name or shown or username,
        "summary": html.from_text(about, {}) if about else "",
        "updated": write_time(datetime.now(UTC)),
    }
    activity = build.update(actor=viewer.uri, object=document, to=[PUBLIC], cc=[actor.followers or ""])
    return activity, {"username": username, "about": about}


def account_block(viewer: Viewer, person: Actor) -> Activity:
    """Told to nobody: not even the one who is blocked (activitypub, section 6.9)."""
    return build.block(actor=viewer.uri, object=person.uri, to=[])


def account_block_lifted(viewer: Viewer, person: Actor, activity_uri: str) -> Activity:
    block = build.block(actor=viewer.uri, object=person.uri, to=[])
    return build.undo(actor=viewer.uri, object=build.with_id(block, activity_uri))


def account_deletion(actor: Actor) -> Activity:
    """An account is gone, by its own word."""
    tombstone = build.tombstone(id=actor.uri, former_type=actor.type, deleted=datetime.now(UTC))
    return build.delete(actor=actor.uri, object=tombstone, to=[PUBLIC], cc=[actor.followers or ""])


def account(username: str, *, type_: Literal["Person", "Service"] = "Person") -> Activity:
    """A new account here, which the instance makes: somebody's, or a bot."""
    uris = Uris(current().origin)
    uri = uris.user(new_id("user"))
    described = build.Person(
        uri=uri,
        type=type_,
        username=username.lower(),
        name=username,
        summary="",
        url=uri,
        published=datetime.now(UTC),
        shared_inbox=uris.shared_inbox,
        manually_approves=False,
        discoverable=True,
        rsa_key=None,
        ed25519_key=None,
    )
    return build.create(actor=uris.instance, object=build.actor(described), to=[uris.instance])
