"""A server with people and channels of its own, and a world of other servers around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from activitypub import build
from activitypub.documents import Activity
from activitypub.signatures import HttpRequest
from app.actions import hosts, keys, remote_actors
from app.actions.inbox import process
from app.db import reading, transaction
from app.ids import INSTANCE_ID
from app.models import Activity as LoggedActivity
from app.models import Actor, Channel, InboxItem, Message, Space
from app.pipeline import Outcome, compose, room, submit
from app.queries.actors import get_by_id
from app.queries.permissions import get_permissions
from app.queries.viewers import Viewer
from app.services import remote
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.federation.remote import RemoteActor, Wire, rsa_key
from tests.outcomes import open_document

ACTIVITY_JSON = "application/activity+json"


class World:
    """`alice` owns the server and `bob` is a member of it; `zoe` and `mallory` are people of other servers, and `peer`
    and `evil` the instance actors of those."""

    def __init__(self, server: Server, wire: Wire, alice: Person, bob: Person) -> None:
        self.server, self.wire, self.alice, self.bob = server, wire, alice, bob
        self.zoe = self.meet(RemoteActor("https://peer.example/users/zoe"))
        self.peer = self.meet(RemoteActor("https://peer.example/actor", "Application"))
        self.mallory = self.meet(RemoteActor("https://evil.example/users/mallory"))
        self.evil = self.meet(RemoteActor("https://evil.example/actor", "Application"))

    def meet(self, actor: RemoteActor) -> RemoteActor:
        """From now on the actor can be fetched; this server does not know it yet."""
        self.wire.serve(actor.uri, actor.document)
        return actor

    def forget(self) -> None:
        """What this process remembers of other servers, and what was asked of them."""
        _forget_others()
        self.wire.forget()

    # What is asked of the server.

    def get(self, path: str, by: RemoteActor | None = None, *, accept: str = ACTIVITY_JSON, **headers: str) -> Any:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if by is None:
            return self.server.call("GET", path, headers={"Accept": accept} | headers, base_url=ORIGIN)
        return self.send(by.get(path), Accept=accept, **headers)

    def send(self, request: HttpRequest, **headers: str) -> Any:
        """The answer to a signed request; `headers` take the place of its own."""
        given = ({"Content-Type": ACTIVITY_JSON} if request.method == "POST" else {}) | headers
        replaced = {name.lower() for name in given}
        lines = [*(line for line in request.headers if line[0].lower() not in replaced), *given.items()]
        return self.server.client.open(
            request.target, method=request.method, headers=lines, data=request.body, base_url=ORIGIN, buffered=True
        )

    def receive(self, sender: RemoteActor, activity: dict[str, Any]) -> None:
        """The activity arrives and a worker applies it."""
        answer = self.send(sender.post(activity))
        assert answer.status_code == 202, answer.text
        process(sender.host)

    @contextmanager
    def counted_queries(self) -> Iterator[list[str]]:
        """What the database is asked meanwhile; a BEGIN, which SQLite needs, is no question."""
        queries: list[str] = []
        with self.server.counted_queries() as statements:
            yield queries
        queries += [statement for statement in statements if not statement.startswith("BEGIN")]

    # What is true before.

    def viewer(self, person: Person) -> Viewer:
        with reading() as session:
            return get_permissions(session, get_by_id(session, person.id)).viewer

    def channel(self, name: str, *, is_private: bool = False) -> str:
        activity, private = compose.channel(self.viewer(self.alice), name, type="text", is_private=is_private)
        return str(submit(activity, private=private).found["channel_id"])

    def say(self, person: Person, channel_id: str, text: str) -> Outcome:
        return submit(compose.channel_message(self.viewer(person), channel_id, text))

    def tell(self, person: Person, other: RemoteActor, text: str) -> Outcome:
        """A direct message."""
        return submit(compose.direct_message(self.viewer(person), [self.known(other)], text))

    def edit(self, person: Person, message: Outcome, text: str) -> Outcome:
        return submit(compose.edit(self.viewer(person), message.found["message_id"], text))

    def delete(self, person: Person, message: Outcome) -> Outcome:
        return submit(compose.deletion(self.viewer(person), message.found["message_id"]))

    def delete_channel(self, channel_id: str) -> Outcome:
        return submit(compose.channel_deletion(self.viewer(self.alice), channel_id))

    def follow(self, follower: RemoteActor, uri: str, *, number: int = 1) -> dict[str, Any]:
        """Somebody elsewhere follows one of ours, or joins an open channel; returns the Follow."""
        activity = follower.activity("Follow", uri, number=number)
        self.receive(follower, activity)
        return activity

    def admit(self, channel_id: str, newcomer: RemoteActor) -> Outcome:
        return submit(compose.admission(self.viewer(self.alice), channel_id, self.known(newcomer)))

    def ban(self, banned: RemoteActor) -> Outcome:
        blocked = self.known(banned).uri
        return self.submit(build.block(actor=self.actor(self.alice.id).uri, object=blocked, target=self.home))

    def join_elsewhere(self, person: Person, group: RemoteActor, *, is_open: bool) -> str:
        """One of ours becomes a member of another server's channel; returns the id that it has here."""
        self.wire.serve(group.uri, group.document | {"manuallyApprovesFollowers": not is_open})
        channel, member = self.known(group), self.actor(person.id).uri
        self.submit(build.follow(actor=member, object=group.uri))
        self.receive(group, group.activity("Accept", self.last_activity("Follow", member)))
        return channel.id

    def submit(self, activity: Activity) -> Outcome:
        return submit(activity)

    @property
    def home(self) -> str:
        with reading() as session:
            return str(session.scalar(select(Actor.uri).join(Space, Space.actor_id == Actor.id).where(Space.is_home)))

    def actor(self, id: str) -> Actor:
        with reading() as session:
            return get_by_id(session, id)

    def known(self, actor: RemoteActor) -> Actor:
        """As this server knows it from now on."""
        return remote_actors.known_or_fetched_actor(actor.uri)

    def stored_actor(self, uri: str) -> Actor | None:
        with reading() as session:
            return session.scalar(select(Actor).where(Actor.uri == uri))

    def channel_row(self, channel_id: str) -> Channel:
        with reading() as session:
            return session.scalars(select(Channel).where(Channel.actor_id == channel_id)).one()

    def digest_of(self, outcome: Outcome) -> str:
        with reading() as session:
            return session.scalars(select(LoggedActivity.digest).where(LoggedActivity.uri == outcome.uri)).one()

    def last_activity(self, type: str, actor_uri: str) -> dict[str, Any]:
        """The newest activity of that type by one of ours, as it was recorded."""
        with reading() as session:
            found = session.scalars(
                select(LoggedActivity.id)
                .join(Actor, Actor.id == LoggedActivity.actor_id)
                .where(LoggedActivity.type == type, Actor.uri == actor_uri)
                .order_by(LoggedActivity.position.desc())
                .limit(1)
            ).one()
            return dict(json.loads(open_document(session, found) or b""))

    def mark_for_members(self, message: Outcome) -> None:
        """As if its author had meant it for the channel's members alone, which only other servers' people can."""
        with transaction() as session:
            changed = update(Message).where(Message.id == message.found["message_id"])
            session.execute(changed.values(audience="members"))

    def age_key_of(self, actor: RemoteActor) -> None:
        """As if what is known of the actor had been fetched long ago."""
        with transaction() as session:
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            session.execute(update(Actor).where(Actor.uri == actor.uri).values(fetched_at=long_ago))


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """In place of this process's one guarded client, which remembers nothing of other tests."""
    wire = Wire()
    monkeypatch.setattr(remote, "_client", wire)
    monkeypatch.setattr(keys, "generate_rsa", rsa_key)
    _forget_others()
    return wire


def _forget_others() -> None:
    caches = (remote_actors._keys, remote_actors._refused, remote_actors._failing, remote_actors._asked_again)
    for cache in (*caches, hosts._seen_lately, hosts._left_alone, room._rooms):
        cache.clear()


@pytest.fixture
def world(server: Server, wire: Wire, owner: Person, member: Person) -> World:
    server.once("keys", lambda: keys.make_keys(INSTANCE_ID))  # As a worker does soon after the start.
    return World(server, wire, owner, member)


def outcome() -> tuple[str, str | None]:
    """What became of the last request."""
    with reading() as session:
        item = session.scalars(select(InboxItem).order_by(InboxItem.position.desc()).limit(1)).one()
        return item.state, item.outcome
