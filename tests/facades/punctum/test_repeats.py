"""A request that comes again after its sender was put out, or left: it changes nothing, and tells nothing new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.errors import ConflictError, ForbiddenError
from app.facades.punctum import accounts
from app.pipeline import compose
from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client, Shown, is_refused, without

KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def carla(server: Server, owner: Person) -> Person:
    return server.once("carla", lambda: server.sign_up("carla"))


@pytest.fixture
def crew(client: Client, owner: Person, carla: Person, conference: Shown) -> Shown:
    """The conference, in which carla may make channels."""
    client.join(owner, conference, carla)
    client.patch(_membership(conference, carla), owner, permissions=143 + 64)
    return conference


def test_who_was_banned_is_told_nothing_of_the_channel(
    client: Client, owner: Person, carla: Person, crew: Shown
) -> None:
    body = {"name": "quay", "parent_conference": crew["id"]}
    made = _ask(client, carla, "/channels", body)
    assert _ask(client, carla, "/channels", body) == made
    client.ok("POST", f"{_membership(crew, carla)}/ban", owner, {})
    client.patch(f"/channels/{made['id']}", owner, name="behind her back")

    with client.server.stores_nothing():
        assert _ask(client, carla, "/channels", body) == {"id": made["id"]}


def test_who_no_longer_reads_the_channel_is_told_nothing_of_the_message(
    client: Client, owner: Person, carla: Person, crew: Shown, channel: Shown
) -> None:
    body = {"content": "aye", "parent_channel": channel["id"]}
    sent = _ask(client, carla, "/messages", body)
    client.ok("POST", f"/messages/{sent['id']}/react", owner, {"reaction": "thumbs_up"})
    told = _ask(client, carla, "/messages", body)
    client.patch(_membership(crew, carla), owner, permissions=1)

    with client.server.stores_nothing():
        assert _ask(client, carla, "/messages", body) == {"id": sent["id"]}
    assert (told["reactions"], without(told, "reactions")) == (["thumbs_up"], sent)


def test_who_left_a_group_is_told_nothing_of_it(client: Client, owner: Person, member: Person, carla: Person) -> None:
    body = {"channel_type": "direct_message", "members": [owner.id, member.id], "name": "Crew"}
    made = _ask(client, carla, "/channels", body)
    others = [id_ for id_ in made["members"] if id_ != carla.id]
    client.patch(f"/channels/{made['id']}", carla, members=others)
    client.patch(f"/channels/{made['id']}", owner, name="behind her back")

    with client.server.stores_nothing():
        assert _ask(client, carla, "/channels", body) == {"id": made["id"]}


def test_a_message_that_was_taken_down_is_not_pinned_again(client: Client, owner: Person, channel: Shown) -> None:
    body = {"content": "aye", "parent_channel": channel["id"], "pinned": True}
    sent = _ask(client, owner, "/messages", body)
    taken_down = client.patch(f"/messages/{sent['id']}", owner, pinned=False)

    with client.server.stores_nothing():
        assert _ask(client, owner, "/messages", body) == taken_down
    assert (sent["pinned"], without(sent, "pinned")) == (True, taken_down)


def test_a_bot_is_left_as_it_is_by_now(client: Client, carla: Person, member: Person) -> None:
    body = {"username": "echo", "bio": "hers", "short_status": 1}
    made = _ask(client, carla, "/accounts", body)
    path = f"/accounts/{made['id']}"
    client.patch(path, carla, bot_owner=member.id)
    client.patch(path, member, bio="his", short_status=3)
    shown = client.get(path, None)

    with client.server.stores_nothing():
        assert _ask(client, carla, "/accounts", body) == shown
    assert (made["bio"], shown["bio"], shown["short_status"]) == ("hers", "his", 3)
    assert client.get(path, None) == shown


@pytest.mark.parametrize("step", [(compose, "profile"), (accounts, "set_status")])
def test_a_bot_is_made_whole_or_not_at_all(
    client: Client, member: Person, monkeypatch: pytest.MonkeyPatch, step: tuple[Any, str]
) -> None:
    """Or the same request once more would answer 201 for what it never described."""
    body = {"username": "echo", "bio": "his", "short_status": 1}
    with monkeypatch.context() as patched:
        patched.setattr(*step, _refuse(ForbiddenError("no")))
        with client.server.stores_nothing():
            assert is_refused(client.call("POST", "/accounts", member, json=body, headers=KEY), 403, 3)

    made = _ask(client, member, "/accounts", body)

    assert (made["bio"], made["short_status"]) == ("his", 1)


@pytest.mark.parametrize("step", [(compose, "profile"), (compose, "pin")])
def test_who_was_overtaken_makes_it_whole_all_the_same(
    client: Client, owner: Person, channel: Shown, monkeypatch: pytest.MonkeyPatch, step: tuple[Any, str]
) -> None:
    monkeypatch.setattr(*step, _refuse(ConflictError("Try again."), then=getattr(*step)))

    sent = _ask(client, owner, "/messages", {"content": "aye", "parent_channel": channel["id"], "pinned": True})
    made = _ask(client, owner, "/accounts", {"username": "echo", "bio": "hers"}, key="twice")

    assert (sent["pinned"], made["bio"]) == (True, "hers")


def _refuse(error: Exception, then: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """What raises, each time or only the first."""
    called: list[object] = []

    def step(*given: Any, **named: Any) -> Any:
        called.append(given)
        if then is None or len(called) == 1:
            raise error
        return then(*given, **named)

    return step


def _ask(client: Client, person: Person, path: str, body: dict[str, Any], *, key: str = "once") -> Shown:
    answer = client.call("POST", path, person, json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    shown: Shown = answer.json
    return shown


def _membership(conference: Shown, person: Person) -> str:
    return f"/conferences/{conference['id']}/members/{person.id}"
