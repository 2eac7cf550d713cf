"""Sockets without a network: what each would have been sent, and the feed that tells them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import event

from app.db import database, reading
from app.facades.pufferblow import telling
from app.live import process
from app.live.connection import Connection
from app.live.hub import Subscriber
from app.models import Actor
from app.pipeline import compose, submit
from app.queries.events import list_after
from app.services import bus
from app.services.bus import Bus
from tests.world import Channel, World

Heard = dict[str, Any]

# contracts/pufferblow.md, 7; `event_id` and `edited_at` are ours.
_AUTHOR = {
    "sender_user_id", "username", "sender_username", "sender_avatar_url", "sender_banner_url", "sender_status",
    "sender_roles", "sender_about", "sender_last_seen", "sender_created_at",
}  # fmt: skip
_TEXT = {"reply_to", "message", "hashed_message", "sent_at", "edited_at", "attachments", "reactions"}
MESSAGE_KEYS = {"type", "event_id", "message_id", "channel_id"} | _AUTHOR | _TEXT
DIRECT_KEYS = {"type", "event_id", "message_id", "conversation_id", "federated"} | _AUTHOR | _TEXT


class Ear:
    """A socket that notes what it is sent, and is sent nothing once it is closed."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.closed: int | None = None
        self.reason = ""

    def offer_frame(self, frame: bytes) -> bool:
        if self.closed is None:
            self.frames.append(frame)
        return self.closed is None

    def close(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed, self.reason = int(code), reason

    @property
    def heard(self) -> list[Heard]:
        return [json.loads(frame[frame.index(b'{"') :]) for frame in self.frames]

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.heard]

    @property
    def texts(self) -> list[str]:
        """The messages it has heard."""
        return [message["message"] for message in self.heard if message["type"] in ("message", "direct_message")]

    def last(self, type: str) -> Heard:
        return next(message for message in reversed(self.heard) if message["type"] == type)


class Room:
    """The sockets of one web process, on a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.live = process.configure(Bus(None, installation="test"))
        telling.follow_events(self.live)
        self._position = self._head()
        self._sessions = 0

    def listen(
        self,
        actor: Actor,
        channel: Channel | None = None,
        *,
        session: str | None = None,
        scopes: frozenset[str] | None = None,
    ) -> Ear:
        self._sessions += 1
        ear = Ear()
        self.live.hub.add(
            Subscriber(
                actor.id,
                cast("Connection", ear),
                f"ip{self._sessions}",
                session_id=session or f"session_{self._sessions}",
                channel_id=channel.id if channel else None,
                scopes=scopes,
            )
        )
        return ear

    def tell(self) -> None:
        """What the feed does: hand on what was committed since."""
        with reading() as session:
            batch = list_after(session, self._position, limit=500)
            self._position = batch[-1].position if batch else self._position
            telling.tell(session, batch)

    def _head(self) -> int:
        rows = self.world.event_rows()
        return rows[-1].position if rows else 0


@pytest.fixture
def room(world: World, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(bus, "_hinted", None)
    monkeypatch.setattr(process, "_live", None)
    return Room(world)


@pytest.fixture
def lobby(world: World) -> Channel:
    return world.channel("lobby")


@pytest.fixture
def secret(world: World) -> Channel:
    """A private channel: alice owns the server, bob is a member."""
    return world.channel("secret", is_private=True, members=[world.bob])


@pytest.fixture
def carol(world: World) -> Actor:
    """She is in no private channel."""
    return world.actor("carol")


def put_out(world: World, person: Actor, channel: Channel) -> None:
    submit(compose.expulsion(world.viewer(world.alice), channel.id, person))


def react(world: World, person: Actor, uri: str, emoji: str) -> None:
    submit(compose.reaction(world.viewer(person), world.message(uri).id, emoji))


def make_channel(world: World, name: str, *, is_private: bool = False) -> str:
    """Its id. Unlike `World.channel`, it leaves the event to be told."""
    activity, private = compose.channel(world.viewer(world.alice), name, type="text", is_private=is_private)
    return str(submit(activity, private=private).found["channel_id"])


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(*about: Any) -> None:
        if about[2] != "BEGIN":  # Which costs SQLite nothing, and PostgreSQL is not asked for.
            asked.append(str(about[2]))

    event.listen(database().engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database().engine, "before_cursor_execute", note)
