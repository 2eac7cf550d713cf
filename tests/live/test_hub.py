"""The hub: who is reached, and who is not."""

from typing import cast

import pytest

from app.live.connection import Connection
from app.live.frames import text_frame
from app.live.hub import SOCKETS_PER_IP, SOCKETS_PER_USER, Hub, Subscriber


class FakeConnection:
    """A socket that notes what it was asked to do."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.closed: list[tuple[int, str]] = []
        self.is_cut = False

    def offer_frame(self, frame: bytes) -> bool:
        self.texts.append(frame)
        return not self.closed

    def close(self, code: int, reason: str) -> None:
        self.closed.append((int(code), reason))

    def cut(self) -> None:
        self.is_cut = True


class Room:
    """A hub and the sockets that joined it, by any name."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.sockets: dict[str, FakeConnection] = {}
        self.subscribers: dict[str, Subscriber] = {}

    def join(
        self, name: str, viewer_id: str, *, ip: str = "192.0.2.1", channel: str | None = None, session: str = ""
    ) -> bool:
        self.sockets[name] = FakeConnection()
        self.subscribers[name] = Subscriber(
            viewer_id=viewer_id,
            connection=cast("Connection", self.sockets[name]),
            remote_ip=ip,
            session_id=session,
            channel_id=channel,
        )
        return self.hub.add(self.subscribers[name])

    def leave(self, name: str) -> bool:
        return self.hub.remove(self.subscribers[name])

    def heard(self, text: str) -> set[str]:
        return {name for name, socket in self.sockets.items() if text_frame(text) in socket.texts}

    def closed(self) -> set[str]:
        return {name for name, socket in self.sockets.items() if socket.closed}


@pytest.fixture
def room() -> Room:
    return Room()


def test_text_reaches_the_named_users_on_all_their_sockets(room: Room) -> None:
    for name, viewer in (("desk", "user_alice"), ("phone", "user_alice"), ("bob", "user_bob"), ("eve", "user_eve")):
        room.join(name, viewer)

    taken = room.hub.send({"user_alice", "user_bob", "user_absent"}, "hello", channel_id=None)

    assert taken == 3
    assert room.heard("hello") == {"desk", "phone", "bob"}


def test_narrowed_socket_hears_its_own_channel_and_what_is_of_none(room: Room) -> None:
    room.join("all", "user_alice")
    room.join("lobby", "user_alice", channel="channel_lobby")
    room.join("attic", "user_alice", channel="channel_attic")

    room.hub.send(None, "in the lobby", channel_id="channel_lobby")
    room.hub.send(None, "bob is online", channel_id=None)
    room.hub.send(None, "a direct message", channel_id="conversation_1")

    assert room.heard("in the lobby") == {"all", "lobby"}
    assert room.heard("bob is online") == {"all", "lobby", "attic"}
    assert room.heard("a direct message") == {"all"}


def test_presence_is_told_by_the_first_and_the_last_socket(room: Room) -> None:
    assert room.join("desk", "user_alice")
    assert not room.join("phone", "user_alice")
    assert room.hub.viewers() == {"user_alice"}

    assert not room.leave("desk")
    assert room.leave("phone")

    assert not room.leave("phone")
    assert room.hub.viewers() == set()
    assert len(room.hub) == 0


def test_limits_are_per_user_and_per_ip(room: Room) -> None:
    for number in range(SOCKETS_PER_USER):
        room.join(f"alice{number}", "user_alice", ip="192.0.2.1")
    assert not room.hub.may_connect("user_alice", "198.51.100.1")
    assert room.hub.may_connect("user_bob", "192.0.2.1")

    for number in range(SOCKETS_PER_IP - SOCKETS_PER_USER):
        room.join(f"guest{number}", f"user_{number}", ip="192.0.2.1")
    assert not room.hub.may_connect("user_bob", "192.0.2.1")
    assert room.hub.may_connect("user_bob", "198.51.100.1")

    room.leave("alice0")
    assert room.hub.may_connect("user_alice", "192.0.2.1")


def test_socket_that_came_in_beyond_the_limit_is_closed(room: Room) -> None:
    for number in range(SOCKETS_PER_USER + 1):
        room.join(f"alice{number}", "user_alice")

    assert room.closed() == {f"alice{SOCKETS_PER_USER}"}
    assert room.sockets[f"alice{SOCKETS_PER_USER}"].closed[0][0] == 1008


def test_ban_closes_all_sockets_of_a_user_and_sign_out_those_of_its_session(room: Room) -> None:
    room.join("desk", "user_alice", session="session_1")
    room.join("phone", "user_alice", session="session_2")
    room.join("bob", "user_bob", session="session_3")

    room.hub.close_session("session_2", "signed out")
    assert room.closed() == {"phone"}

    room.hub.close_viewer("user_alice", 1008, "banned")
    assert room.closed() == {"desk", "phone"}


def test_restart_closes_everybody_and_cuts_who_does_not_go(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.hub.GOODBYE_SECONDS", 0.05)
    room.join("alice", "user_alice")

    room.hub.close_all()
    room.join("late", "user_bob")

    assert room.sockets["alice"].closed == [(1012, "restarting")]
    assert room.sockets["alice"].is_cut
    assert room.sockets["late"].closed == [(1012, "restarting")]


def test_sockets_of_one_channel_are_closed_alone(room: Room) -> None:
    room.join("here", "alice", channel="channel_1")
    room.join("elsewhere", "alice", channel="channel_2")
    room.join("everywhere", "alice")
    room.join("other", "bob", channel="channel_1")

    room.hub.close_channel(["alice"], "channel_1", 1008, "removed")
    assert room.closed() == {"here"}

    room.hub.close_channel(None, "channel_1", 1008, "deleted")
    assert room.closed() == {"here", "other"}


def test_somebody_is_narrowed_while_all_their_sockets_are(room: Room) -> None:
    room.join("one", "alice", channel="channel_1")
    room.join("two", "alice", channel="channel_2")
    assert room.hub.is_narrowed("alice")

    room.join("three", "alice")
    assert not room.hub.is_narrowed("alice")
