"""What the server is called and what it allows, and that a change holds at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from app.actions.server import follow_changes
from app.db import reading, transaction
from app.models import Activity, AuditEntry, Setting
from app.projections import server_settings as projection
from app.queries import server_settings as module
from app.services.bus import SETTINGS, Bus
from tests.answers import refusal
from tests.facades.conftest import ORIGIN, PASSWORD, Person, Server
from tests.together import at_once

PATH = "/api/v1/system/server-info"
SIGN_UP = "/api/v1/users/signup"
DONE = "Server settings updated successfully"
FULL = refusal(403, "This server takes no more accounts.")
FORBIDDEN = refusal(403, "Access forbidden. Missing required privilege: manage_server_settings.")
PRIVATE = refusal(403, "This server is private. Ask its staff for an account.")


def info(server: Server) -> dict[str, Any]:
    answer = server.call("GET", PATH)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json["server_info"]
    return shown


def change(server: Server, by: Person, **given: Any) -> Any:
    return server.call("PUT", PATH, json={"auth_token": by.token} | given)


def sign_up(server: Server, username: str, **more: Any) -> Any:
    return server.call("POST", SIGN_UP, json={"username": username, "password": PASSWORD} | more)


def audited() -> list[tuple[str, str | None, dict[str, Any]]]:
    with reading() as session:
        rows = select(AuditEntry.type, AuditEntry.actor_id, AuditEntry.data)
        return [tuple(row) for row in session.execute(rows.where(AuditEntry.type == "server_settings_updated"))]


@contextmanager
def changes_nothing(server: Server) -> Iterator[None]:
    def settings() -> list[Any]:
        with reading() as session:
            return [tuple(row) for row in session.execute(select(Setting.name, Setting.value).order_by(Setting.name))]

    before = info(server), settings(), server.stored()
    yield
    assert (info(server), settings(), server.stored()) == before


def test_a_new_server_says_what_it_allows_to_whoever_asks(server: Server) -> None:
    shown = info(server)

    assert {name: shown[name] for name in ("server_name", "server_description", "is_private", "max_users")} == {
        "server_name": "chat.example",
        "server_description": "",
        "is_private": False,
        "max_users": None,
    }
    assert shown["max_message_length"] == 50_000
    assert shown["allowed_image_types"] == ["png", "jpg", "jpeg", "gif", "webp"]
    assert (shown["members_count"], shown["online_members"]) == (0, 0)
    assert shown["rtc_media_quality"]["default_profile"] == "balanced"


def test_what_is_changed_holds_at_once_and_the_rest_stays(server: Server, owner: Person) -> None:
    before = info(server)
    changes = {
        "server_name": " The Pond ",
        "server_description": "fish & <chips>\nfor all",
        "max_image_size": 7,
        "allowed_file_types": [".PDF", "txt"],
    }

    answer = change(server, owner, **changes)

    assert answer.json == {"status_code": 200, "message": DONE, "updated_fields": list(changes)}
    assert info(server) == before | changes | {
        "server_name": "The Pond",
        "allowed_file_types": ["pdf", "txt"],
        "members_count": 1,
    }
    assert audited() == [("server_settings_updated", owner.id, {"fields": list(changes)})]


def test_other_servers_see_the_new_name_and_the_change_is_an_activity_of_who_made_it(
    server: Server, owner: Person
) -> None:
    change(server, owner, server_name="The Pond", server_description="a < b")

    assert server.call("GET", "/nodeinfo/2.1").json["metadata"]["nodeName"] == "The Pond"
    instance = server.call("GET", "/ap/instance").json
    assert (instance["name"], instance["summary"]) == ("The Pond", "<p>a &lt; b</p>")
    assert server.call("GET", "/api/v1/info").json["description"] == "a < b"
    with reading() as session:
        last = session.scalars(select(Activity).order_by(Activity.position.desc()).limit(1)).one()
    assert (last.type, last.object_uri, last.audience) == ("Update", instance["id"], "public")


def test_limits_are_nobody_elses_business(server: Server, owner: Person) -> None:
    before = server.stored()["activities"]

    change(server, owner, max_message_length=10)

    assert server.stored()["activities"] == before
    assert [data["fields"] for _, _, data in audited()] == [["max_message_length"]]


def test_asking_for_nothing_changes_nothing(server: Server, owner: Person) -> None:
    with changes_nothing(server):
        answer = change(server, owner)

    assert (answer.status_code, answer.json["updated_fields"]) == (200, [])


SENSELESS: list[dict[str, Any]] = [
    {"server_name": "  "},
    {"server_name": "x" * 101},
    {"server_name": "bell\a"},
    {"server_description": "x" * 2001},
    {"is_private": "perhaps"},
    {"max_users": -1},
    {"max_message_length": 0},
    {"max_message_length": 50_001},
    {"max_image_size": 0},
    {"max_file_size": 10**9},
    {"allowed_image_types": []},
    {"allowed_image_types": ["../../etc"]},
    {"allowed_image_types": [{"png": 1}]},
    {"allowed_file_types": ["a"] * 65},
    {"server_name": "Good", "max_gif_size": "big"},
]


def test_a_value_nobody_can_mean_is_refused_whole(server: Server, owner: Person) -> None:
    with changes_nothing(server):
        answers = [change(server, owner, **given) for given in SENSELESS]

    taken = [given for given, answer in zip(SENSELESS, answers, strict=True) if answer.status_code != 400]
    assert taken == []
    assert all(isinstance(answer.json["detail"], str) for answer in answers)


def test_only_the_staff_changes_the_server(server: Server, owner: Person, member: Person) -> None:
    moderator = server.sign_up("carol")
    server.give_role(moderator, "moderator")

    with changes_nothing(server):
        for given in ({"server_name": "Mine"}, {"max_users": 1}):
            answers = [change(server, person, **given) for person in (member, moderator)]
            anonymous = server.call("PUT", PATH, json=given)

            assert [(answer.status_code, answer.json) for answer in answers] == [FORBIDDEN] * 2
            assert anonymous.status_code == 401


def test_what_another_process_changed_is_known_once_it_is_told_or_soon(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = Bus(None, installation=ORIGIN)
    follow_changes(bus)
    seen = [info(server)["max_users"]]

    with transaction() as session:
        projection.put(session, {"max_users": 9})
    seen.append(info(server)["max_users"])
    bus.publish(SETTINGS)
    seen.append(info(server)["max_users"])
    with transaction() as session:
        projection.put(session, {"max_users": 8})
    monkeypatch.setattr(module, "_LIVES_SECONDS", 0)
    seen.append(info(server)["max_users"])

    assert seen == [None, None, 9, 8]


def test_the_longest_message_is_what_the_staff_says(server: Server, owner: Person) -> None:
    channel_id = server.create_channel(owner)["channel_id"]
    change(server, owner, max_message_length=5)
    path = f"/api/v1/channels/{channel_id}/send_message"

    with server.stores_nothing():
        answer = server.call("POST", path, person=owner, data={"message": "sixsix"})

    assert (answer.status_code, answer.json) == refusal(400, "the message is too long. Limit: 5 characters")
    assert server.send(owner, channel_id, "five!")["message"] == "five!"


def test_a_full_server_takes_nobody_more_until_the_limit_is_lifted(server: Server, owner: Person) -> None:
    change(server, owner, max_users=1)

    with server.stores_nothing():
        answer = sign_up(server, "late")
    is_open = server.call("GET", "/nodeinfo/2.1").json["openRegistrations"]
    change(server, owner, max_users=0)

    assert (answer.status_code, answer.json, is_open) == (*FULL, False)
    assert info(server)["max_users"] is None
    assert sign_up(server, "late").status_code == 201


def test_of_two_who_come_for_the_last_place_one_gets_it(server: Server, owner: Person) -> None:
    change(server, owner, max_users=2)

    names = iter(["bob", "carol"])

    statuses = at_once(lambda: sign_up(server, next(names)).status_code, times=2)

    assert sorted(statuses) == [201, 403]


def test_on_a_private_server_the_staff_makes_the_accounts(server: Server, owner: Person, member: Person) -> None:
    change(server, owner, is_private=True)

    with server.stores_nothing():
        strangers = sign_up(server, "stranger")
        members = sign_up(server, "guest", auth_token=member.token)
        nonsense = sign_up(server, "guest", auth_token="not.a.token")
    staffs = sign_up(server, "guest", auth_token=owner.token)

    assert (strangers.status_code, strangers.json) == PRIVATE
    assert (members.status_code, members.json) == PRIVATE
    assert nonsense.status_code == 400
    assert staffs.status_code == 201
    assert server.call("GET", "/nodeinfo/2.1").json["openRegistrations"] is False


def test_the_first_account_is_made_on_a_private_server_too(server: Server) -> None:
    with transaction() as session:
        projection.put(session, {"is_private": True})

    assert sign_up(server, "alice").status_code == 201
