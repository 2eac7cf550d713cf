"""That somebody types: who may say so, and who is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.waiting import eventually
from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat, Listener, Process
from tests.facades.pufferblow.test_sockets_clients import answers

Connect = Callable[..., Listener]
NO_SUCH_CHANNEL = "The provided channel ID does not exist or could not be found."


@pytest.fixture
def connect(chat: Chat, connect: Connect) -> Connect:
    """Typing is told to those who are known to be here, and that is noted after a socket is opened."""
    opened: dict[str, set[Process]] = {}

    def open_and_be_known(person: Person, *about: Any, **more: Any) -> Listener:
        listener = connect(person, *about, **more)
        processes = opened.setdefault(person.id, set())
        processes.add(more.get("process") or chat.near)
        eventually(lambda: chat.processes_of(person) == len(processes), what="somebody is known to be here")
        return listener

    return open_and_be_known


@pytest.fixture
def bob(chat: Chat) -> Person:
    return chat.sign_up("bob")


def test_typing_is_told_to_the_others(chat: Chat, connect: Connect, bob: Person, far: Process) -> None:
    typist, device = connect(bob), connect(bob)
    ears = [connect(chat.owner), connect(chat.owner, chat.lobby), connect(chat.owner, process=far)]

    typist.say({"type": "typing", "channel_id": chat.lobby})

    for ear in ears:
        assert ear.wait_for("typing") == {
            "type": "typing",
            "channel_id": chat.lobby,
            "user_id": bob.id,
            "username": bob.username,
        }
    assert answers(typist) == answers(device) == []
    assert "typing" not in [told["type"] for told in [*typist.heard, *device.heard]]


def test_who_types_is_called_as_they_are_now(chat: Chat, connect: Connect, bob: Person) -> None:
    typist, ear = connect(bob), connect(chat.owner)
    chat.call("PUT", "/api/v1/users/profile", bob, new_username=f"{bob.username}_new")

    typist.say({"type": "typing", "channel_id": chat.lobby})

    assert ear.wait_for("typing")["username"] == f"{bob.username}_new"


def test_socket_of_a_channel_need_not_name_it(chat: Chat, connect: Connect, bob: Person) -> None:
    typist, ear, elsewhere = connect(bob, chat.lobby), connect(chat.owner), chat.create_channel()

    typist.say({"type": "typing", "channel_id": elsewhere})

    assert ear.wait_for("typing")["channel_id"] == chat.lobby


def test_typing_in_private_is_told_to_members_in_every_process(
    chat: Chat, connect: Connect, bob: Person, far: Process
) -> None:
    secret, carol = chat.create_channel(is_private=True), chat.sign_up("carol")
    chat.let_in(bob, secret)
    typist, near_ear, far_ear = connect(bob), connect(chat.owner), connect(chat.owner, process=far)
    outsiders = [connect(carol), connect(carol, process=far)]

    typist.say({"type": "typing", "channel_id": secret})
    near_ear.wait_for("typing", channel_id=secret)
    far_ear.wait_for("typing", channel_id=secret)
    typist.say({"type": "typing", "channel_id": chat.lobby})

    for outsider in outsiders:
        assert "typing" not in [told["type"] for told in outsider.until("typing", channel_id=chat.lobby)]


def test_typing_in_an_open_channel_is_told_to_those_who_see_it(chat: Chat, connect: Connect, bob: Person) -> None:
    typist, ear, his = connect(chat.owner), connect(chat.sign_up("carol")), connect(bob)
    chat.ban_unheard(bob)

    typist.say({"type": "typing", "channel_id": chat.lobby})

    ear.wait_for("typing", channel_id=chat.lobby)
    assert answers(typist) == []
    assert answers(his) == []
    assert "typing" not in [told["type"] for told in his.heard]


@pytest.mark.parametrize("which", ["private", "unknown", "missing", "deleted", "odd"])
def test_typing_where_one_may_not_look_is_an_error_that_says_nothing(
    chat: Chat, connect: Connect, bob: Person, which: str
) -> None:
    body: dict[str, Any] = {"channel_id": "channel_nope"}
    if which == "private":
        body["channel_id"] = chat.create_channel(is_private=True)
    elif which == "deleted":
        body["channel_id"] = chat.create_channel()
        chat.call("DELETE", f"/api/v1/channels/{body['channel_id']}/delete?auth_token={chat.owner.token}")
    elif which == "missing":
        body = {}
    elif which == "odd":
        body["channel_id"] = {"x": ["y"]}
    ear, owner = connect(bob), connect(chat.owner)

    ear.say({"type": "typing", **body})

    assert answers(ear) == [{"type": "error", "error": NO_SUCH_CHANNEL}]
    assert answers(owner) == []
    assert "typing" not in [told["type"] for told in owner.heard]


def test_moderator_that_is_one_no_longer_does_not_type_in_private(chat: Chat, connect: Connect, bob: Person) -> None:
    secret = chat.create_channel(is_private=True)
    chat.grant(bob, "moderator")
    ear = connect(bob)
    ear.say({"type": "typing", "channel_id": secret})
    assert answers(ear) == []

    chat.take_role(bob)
    ear.say({"type": "typing", "channel_id": secret})

    assert answers(ear) == [{"type": "error", "error": NO_SUCH_CHANNEL}]


def test_who_may_not_say_anything_does_not_type(chat: Chat, connect: Connect, bob: Person) -> None:
    typist, ear = connect(bob), connect(chat.owner)
    timeout = f"/api/v1/moderation/users/{bob.id}/timeout"

    chat.call("POST", timeout, chat.owner, duration_minutes=5)
    typist.say({"type": "typing", "channel_id": chat.lobby})
    [refused] = answers(typist)
    chat.call("DELETE", timeout, chat.owner)
    chat.send(chat.owner, chat.lobby, "till here")

    assert refused["type"] == "error"
    assert re.fullmatch(r"You are timed out until \S+ and cannot send messages\.", refused["error"])
    assert "typing" not in [told["type"] for told in ear.until("message", message="till here")]
    typist.say({"type": "typing", "channel_id": chat.lobby})
    ear.wait_for("typing", user_id=bob.id)


def test_where_bits_decide_who_may_not_send_does_not_type(chat: Chat, connect: Connect, bob: Person) -> None:
    space = chat.call("POST", "/api/v1/conferences", chat.owner, name="Harbour")["id"]
    chat.call("PATCH", f"/api/v1/conferences/{space}", chat.owner, index_conference=True)
    channel = chat.call("POST", f"/api/v1/conferences/{space}/channels", chat.owner, name="quay")["id"]
    chat.call("POST", f"/api/v1/conferences/{space}/members", bob, user_id=bob.id)
    typist, ear = connect(bob), connect(chat.owner)

    chat.call("PATCH", f"/api/v1/channels/{channel}", chat.owner, permissions=3)
    typist.say({"type": "typing", "channel_id": channel})
    assert answers(typist) == [{"type": "error", "error": "You may not do this here."}]
    chat.send(chat.owner, chat.lobby, "till here")
    assert "typing" not in [told["type"] for told in ear.until("message", message="till here")]

    chat.call("PATCH", f"/api/v1/channels/{channel}", chat.owner, permissions=143)
    typist.say({"type": "typing", "channel_id": channel})
    ear.wait_for("typing", channel_id=channel)
