"""What is deleted in the very moment in which it is said, edited or passed on stays gone, and so does who is put out.

SQLite has one writer, so there is nothing to see there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.vocabulary import PUBLIC
from app.actions.inbox import process
from app.db import reading
from app.effects.create import note as creation
from app.effects.update import note as edit
from app.models import Activity, Event, Message, MessageContent
from tests import together
from tests.databases import ON_POSTGRESQL
from tests.facades.conftest import ORIGIN, Server
from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.remote import RemoteActor
from tests.facades.federation.test_announced import pond, served
from tests.facades.federation.test_passed_on import follows_of, text_of

__all__ = ["pond"]

pytestmark = ON_POSTGRESQL


def cross(monkeypatch: pytest.MonkeyPatch, first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """The second begins when the first was received and is not committed."""
    together.cross(monkeypatch, "receive.performed", first, second)


def between(monkeypatch: pytest.MonkeyPatch, effect: Any, delete: Callable[[], Any]) -> None:
    """Somebody of ours deletes after an activity was allowed, and before it changes anything."""
    authorise = effect.authorise

    def authorise_first(*given: Any) -> None:
        authorise(*given)
        deleting = threading.Thread(target=delete)
        deleting.start()
        deleting.join()

    monkeypatch.setattr(effect, "authorise", authorise_first)


def events() -> list[str]:
    with reading() as session:
        return [event.type for event in session.scalars(select(Event).order_by(Event.position))]


def recorded(type: str) -> list[str | None]:
    """What the activities of that type are about."""
    with reading() as session:
        return list(session.scalars(select(Activity.object_uri).where(Activity.type == type)))


def lobby_with(world: World, *members: RemoteActor) -> tuple[str, str]:
    """The id and the URI of a channel that people elsewhere follow."""
    channel_id = world.channel("lobby")
    uri = f"{ORIGIN}/ap/channels/{channel_id}"
    for member in members:
        world.follow(member, uri)
    return channel_id, uri


@pytest.mark.parametrize(
    ("announced", "deleted", "is_first"),
    [
        ("the note", "the note", "the Announce"),
        ("its Create", "the note", "the Delete"),
        ("the note", "its author", "the Delete"),
        ("its Create", "its author", "the Announce"),
    ],
)
def test_what_a_channel_passes_on_while_its_author_deletes_it(
    world: World, pond: RemoteActor, monkeypatch: pytest.MonkeyPatch, announced: str, deleted: str, is_first: str
) -> None:
    """The two come from two servers, each of which has a worker of its own."""
    world.known(world.zoe)
    note = served(world, world.zoe)
    create = world.zoe.activity("Create", note, to=[PUBLIC])
    world.wire.serve(create["id"], create)
    announce = pond.activity("Announce", note["id"] if announced == "the note" else create, to=[PUBLIC])
    delete = world.zoe.activity("Delete", note["id"] if deleted == "the note" else world.zoe.uri, to=[PUBLIC])
    for request in (pond.post(announce), world.zoe.post(delete)):
        assert world.send(request).status_code == 202

    both = [lambda: process(pond.host), lambda: process(world.zoe.host)]
    cross(monkeypatch, *(both if is_first == "the Announce" else reversed(both)))

    assert text_of(note["id"]) is None


def test_an_edit_of_what_a_moderator_deletes_meanwhile_is_neither_kept_nor_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_id, uri = lobby_with(world, world.zoe, world.mallory)
    note = world.zoe.note(to=[PUBLIC], cc=[uri])
    world.receive(world.zoe, world.zoe.activity("Create", note, to=[PUBLIC], cc=[uri]))
    with reading() as session:
        message_id = session.scalars(select(Message.id).where(Message.uri == note["id"])).one()
    path = f"/api/v1/channels/{channel_id}/delete_message"
    which = {"message_id": message_id}
    between(monkeypatch, edit, lambda: world.server.call("DELETE", path, person=world.alice, query_string=which))

    world.receive(world.zoe, world.zoe.activity("Update", note | {"content": "worse"}, to=[PUBLIC], cc=[uri]))

    assert (outcome()[0], text_of(note["id"])) == ("dropped", None)
    assert (recorded("Update"), events().count("message_edited")) == ([], 0)
    assert f"{world.zoe.uri}/activities/update-1" not in recorded("Announce")


@pytest.mark.parametrize("by", ["somebody elsewhere", "one of ours"])
def test_what_is_said_in_a_channel_that_is_deleted_meanwhile_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    channel_id, uri = lobby_with(world, world.zoe)
    path = f"/api/v1/channels/{channel_id}"
    between(monkeypatch, creation, lambda: world.server.call("DELETE", f"{path}/delete", person=world.alice))

    if by == "one of ours":
        said = world.server.call("POST", f"{path}/send_message", person=world.bob, data={"message": "hello"})
        assert said.status_code == 404
    else:
        note = world.zoe.note(to=[PUBLIC], cc=[uri])
        world.receive(world.zoe, world.zoe.activity("Create", note, to=[PUBLIC], cc=[uri]))
        assert outcome()[0] == "dropped"

    with reading() as session:
        assert session.scalars(select(Message)).all() == []
    assert events()[-1] == "channel_deleted"


@pytest.mark.parametrize("in_private", [False, True], ids=["channel", "conversation"])
def test_what_somebody_says_while_their_account_is_deleted_goes_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch, in_private: bool
) -> None:
    channel_id, answers = world.channel("lobby"), list[int]()
    path = f"/api/v1/accounts/{world.bob.id}"
    other = Server(world.server.client.application.test_client())
    deleting = threading.Thread(target=lambda: answers.append(other.call("DELETE", path, person=world.bob).status_code))
    authorise = creation.authorise

    def authorise_first(*given: Any) -> None:
        authorise(*given)
        deleting.start()
        deleting.join(together.MEANWHILE_SECONDS)

    monkeypatch.setattr(creation, "authorise", authorise_first)
    if in_private:
        said: dict[str, Any] = {"json": {"peer": world.alice.username, "message": "hello"}}
        world.server.call("POST", "/api/v1/dms/send", person=world.bob, **said)
    else:
        said = {"data": {"message": "hello"}}
        world.server.call("POST", f"/api/v1/channels/{channel_id}/send_message", person=world.bob, **said)
    deleting.join()

    assert answers == [200]
    with reading() as session:
        assert session.scalars(select(Message).where(Message.deleted_at.is_(None))).all() == []
        assert session.scalars(select(MessageContent)).all() == []


@pytest.mark.parametrize("is_ban", [True, False], ids=["banned", "blocked"])
def test_who_follows_while_they_are_put_out_does_not_stay(
    world: World, monkeypatch: pytest.MonkeyPatch, is_ban: bool
) -> None:
    """Else whoever expects to be would follow all the time."""
    _, uri = lobby_with(world)
    zoe, alice = world.known(world.zoe), world.actor(world.alice.id).uri
    follow = world.zoe.activity("Follow", uri if is_ban else alice)
    assert world.send(world.zoe.post(follow)).status_code == 202
    block = build.block(actor=alice, object=zoe.uri, target=world.home if is_ban else None)

    cross(monkeypatch, lambda: process(world.zoe.host), lambda: world.submit(block))

    assert follows_of(world.zoe) == []
