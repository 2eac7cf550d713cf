"""Moderation: who may put whom out, what a timeout keeps from whom, and what becomes of a report."""

from __future__ import annotations

from typing import Any

import pytest

from app.db import reading
from app.models import AuditEntry
from tests.answers import refusal
from tests.databases import ON_SQLITE
from tests.facades.conftest import PASSWORD, Person, Server
from tests.together import at_once

USERS = "/api/v1/moderation/users"
REPORTS = "/api/v1/moderation/reports"


@pytest.fixture
def moderator(server: Server, owner: Person) -> Person:
    def make() -> Person:
        person = server.sign_up("mona")
        server.give_role(person, "moderator")
        return person

    return server.once("mona moderates", make)


def ban(server: Server, by: Person, whom: Person, **given: Any) -> Any:
    return server.call("POST", f"{USERS}/{whom.id}/ban", person=by, json=given)


def unban(server: Server, by: Person, whom: Person) -> Any:
    return server.call("DELETE", f"{USERS}/{whom.id}/ban", person=by)


def time_out(server: Server, by: Person, whom: Person, minutes: Any = 5, **given: Any) -> Any:
    given |= {"duration_minutes": minutes}
    return server.call("POST", f"{USERS}/{whom.id}/timeout", person=by, json=given)


def try_to_send(server: Server, person: Person, channel_id: str) -> Any:
    path = f"/api/v1/channels/{channel_id}/send_message"
    return server.call("POST", path, person=person, data={"message": "hello"})


def sign_in(server: Server, person: Person) -> Any:
    given = {"username": person.username, "password": PASSWORD}
    return server.call("POST", "/api/v1/users/signin", json=given)


def state(server: Server, by: Person, whom: Person) -> dict[str, Any]:
    answer = server.call("POST", "/api/v1/users/profile", person=by, json={"user_id": whom.id})
    shown: dict[str, Any] = answer.json["user_data"]["moderation_state"]
    return shown


def reports(server: Server, person: Person, **given: Any) -> list[dict[str, Any]]:
    answer = server.call("POST", REPORTS, person=person, json=given)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json["reports"]
    return listed


def report_user(server: Server, by: Person, whom: str, **given: Any) -> Any:
    given = {"target_user_id": whom, "category": "spam"} | given
    return server.call("POST", f"{REPORTS}/users", person=by, json=given)


def report_messages(server: Server, by: Person, *message_ids: str, **given: Any) -> Any:
    given = {"message_ids": list(message_ids), "category": "spam"} | given
    return server.call("POST", f"{REPORTS}/messages", person=by, json=given)


def resolve(server: Server, by: Person, report_id: str, action: str, **given: Any) -> Any:
    return server.call("POST", f"{REPORTS}/{report_id}/resolve", person=by, json={"action": action} | given)


def audited(kind: str) -> list[tuple[str | None, str | None]]:
    with reading() as session:
        entries = session.query(AuditEntry).where(AuditEntry.type == kind).order_by(AuditEntry.position)
        return [(entry.actor_id, entry.target) for entry in entries]


def test_a_ban_ends_everything_until_it_is_lifted(server: Server, moderator: Person, member: Person) -> None:
    answer = ban(server, moderator, member, reason="spam")

    assert (answer.status_code, answer.json) == (
        201,
        {"status_code": 201, "message": "User 'bob' has been banned.", "target_user_id": member.id},
    )
    assert server.call("POST", "/api/v1/users/profile", person=member).status_code == 403
    refused = sign_in(server, member)
    assert (refused.status_code, refused.json) == refusal(403, "This account has been banned from this home instance.")
    shown = state(server, moderator, member)
    assert (shown["is_banned"], shown["ban_reason"]) == (True, "spam")

    lifted = unban(server, moderator, member)

    assert (lifted.status_code, lifted.json["message"]) == (200, "User 'bob' has been unbanned.")
    assert sign_in(server, member).status_code == 200
    assert server.call("POST", "/api/v1/users/profile", person=member).status_code == 200
    assert (audited("user_banned"), audited("user_unbanned")) == (
        [(moderator.id, member.id)],
        [(moderator.id, member.id)],
    )


def test_who_comes_back_reads_and_writes_again(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]
    ban(server, owner, member)
    unban(server, owner, member)

    assert try_to_send(server, member, channel).status_code == 201


def test_a_ban_of_one_moderator_is_lifted_by_another(server: Server, owner: Person, moderator: Person) -> None:
    person = server.sign_up("zoe")
    ban(server, owner, person)

    assert unban(server, moderator, person).status_code == 200


@pytest.mark.parametrize("who", ["owner", "admin", "moderator", "oneself"])
def test_nobody_acts_on_who_may_do_as_much(server: Server, owner: Person, moderator: Person, who: str) -> None:
    other = server.sign_up("ada")
    if who in {"admin", "moderator"}:
        server.give_role(other, who)
    whom = {"owner": owner, "oneself": moderator}.get(who, other)

    with server.stores_nothing():
        banned, timed_out = ban(server, moderator, whom), time_out(server, moderator, whom)

    assert banned.status_code in {400, 403}
    assert timed_out.status_code == 403


@pytest.mark.parametrize("role", ["admin", "moderator"])
def test_nobody_lifts_the_ban_of_who_may_do_as_much(
    server: Server, owner: Person, moderator: Person, role: str
) -> None:
    other = server.sign_up("ada")
    ban(server, owner if role == "admin" else moderator, other)
    server.give_role(other, role)

    with server.stores_nothing():
        refused = unban(server, moderator, other)

    detail = "Access forbidden. The targeted user's roles allow as much as yours."
    assert (refused.status_code, refused.json) == refusal(403, detail)
    assert state(server, owner, other)["is_banned"] is True
    assert sign_in(server, other).status_code == 403
    assert unban(server, owner, other).status_code == 200


def test_members_moderate_nobody(server: Server, owner: Person, member: Person) -> None:
    other = server.sign_up("zoe")

    with server.stores_nothing():
        answers = [
            ban(server, member, other),
            unban(server, member, other),
            time_out(server, member, other),
            server.call("DELETE", f"{USERS}/{other.id}/timeout", person=member),
            resolve(server, member, "report_0", "dismiss"),
        ]

    assert [answer.status_code for answer in answers] == [403] * 5


@pytest.mark.parametrize("user_id", ["nobody", "user_00000000000000000000000000"])
def test_whom_nobody_knows_is_a_404(server: Server, owner: Person, user_id: str) -> None:
    nobody = Person(user_id, "nobody", {})

    with server.stores_nothing():
        answers = [
            ban(server, owner, nobody),
            unban(server, owner, nobody),
            time_out(server, owner, nobody),
            report_user(server, owner, user_id),
        ]

    assert [answer.status_code for answer in answers] == [404] * 4


def test_a_channel_is_nobody(server: Server, owner: Person) -> None:
    channel = Person(server.create_channel(owner)["channel_id"], "lobby", {})

    with server.stores_nothing():
        assert [ban(server, owner, channel).status_code, time_out(server, owner, channel).status_code] == [404, 404]


def test_who_is_not_banned_is_not_unbanned(server: Server, owner: Person, member: Person) -> None:
    with server.stores_nothing():
        assert unban(server, owner, member).status_code == 404


def test_who_is_timed_out_reads_and_does_not_write(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    channel = server.create_channel(owner)["channel_id"]

    answer = time_out(server, moderator, member, 5, reason="noise")

    assert (answer.status_code, answer.json["message"]) == (201, "User 'bob' has been timed out.")
    with server.stores_nothing():
        refused = try_to_send(server, member, channel)
    assert (refused.status_code, answer.json["expires_at"] in refused.json["detail"]) == (403, True)
    assert server.call("GET", f"/api/v1/channels/{channel}/load_messages", person=member).status_code == 200
    shown = state(server, member, member)
    assert (shown["is_timed_out"], shown["timeout_reason"], shown["timeout_until"]) == (
        True,
        "noise",
        answer.json["expires_at"],
    )
    assert state(server, server.sign_up("zoe"), member)["timeout_reason"] is None

    ended = server.call("DELETE", f"{USERS}/{member.id}/timeout", person=moderator)

    assert (ended.status_code, ended.json["message"]) == (200, "Timeout cleared for 'bob'.")
    assert try_to_send(server, member, channel).status_code == 201


@pytest.mark.parametrize("minutes", [0, -1, 40_321, "soon", None, 1.5, True])
@ON_SQLITE
def test_a_timeout_has_one_minute_to_four_weeks(server: Server, owner: Person, member: Person, minutes: Any) -> None:
    with server.stores_nothing():
        assert time_out(server, owner, member, minutes).status_code == 400


def test_a_reported_message_stays_readable_for_moderators(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    channel = server.create_channel(owner)["channel_id"]
    bad = server.send(member, channel, "buy fish")["message_id"]
    reporter = server.sign_up("zoe")

    answer = report_messages(server, reporter, bad, description="advertising")
    server.call("DELETE", f"/api/v1/channels/{channel}/delete_message?message_id={bad}", person=member)

    assert (answer.status_code, answer.json) == (
        201,
        {"status_code": 201, "message": "Message report submitted successfully.", "reported_count": 1},
    )
    (report,) = reports(server, moderator)
    assert {name: report[name] for name in ("type", "status", "category", "description", "messages")} == {
        "type": "message_report",
        "status": "pending",
        "category": "spam",
        "description": "advertising",
        "messages": {bad: "buy fish"},
    }
    assert (report["reporter"]["username"], report["sender"]["id"]) == ("zoe", member.id)
    assert (report["message_ids"], report["channel_ids"]) == ([bad], [channel])


def test_a_reporter_sees_what_became_of_it_and_nobody_else_sees_it(
    server: Server, owner: Person, moderator: Person, member: Person
) -> None:
    reporter = server.sign_up("zoe")
    report_user(server, reporter, member.id, description="rude")
    (report,) = reports(server, reporter)

    answer = resolve(server, moderator, report["id"], "warn", reason="talked to bob")

    assert (answer.status_code, answer.json["message"]) == (200, "Report resolved with action: warn.")
    (seen,) = reports(server, reporter)
    assert (seen["status"], seen["resolution"], seen["reason"]) == ("resolved", "warn", "talked to bob")
    assert reports(server, member) == []
    assert audited("report_resolved") == [(moderator.id, report["id"])]


def test_who_is_reported_neither_learns_of_it_nor_closes_it(server: Server, owner: Person, moderator: Person) -> None:
    report_user(server, server.sign_up("zoe"), moderator.id, description="threatens me")
    (report,) = reports(server, owner)

    with server.stores_nothing():
        seen = server.call("POST", REPORTS, person=moderator).json
        hidden, unknown = (resolve(server, moderator, id_, "dismiss") for id_ in (report["id"], "report_0"))

    assert (seen["reports"], seen["total"]) == ([], 0)
    assert (hidden.status_code, hidden.json) == (unknown.status_code, unknown.json)
    assert hidden.status_code == 404
    assert reports(server, owner) == [report]
    assert resolve(server, owner, report["id"], "dismiss").status_code == 200


def test_the_owner_reads_and_closes_a_report_about_them_who_may_be_the_only_moderator(
    server: Server, owner: Person, moderator: Person
) -> None:
    report_user(server, server.sign_up("zoe"), owner.id, description="threatens me")

    (report,) = reports(server, owner)
    assert reports(server, moderator) == [report]
    assert resolve(server, owner, report["id"], "dismiss").status_code == 200


def test_what_one_cannot_see_one_cannot_report(server: Server, owner: Person, member: Person) -> None:
    private = server.create_channel(owner, channel_name="staff", is_private=True)["channel_id"]
    secret = server.send(owner, private, "a secret")["message_id"]

    with server.stores_nothing():
        hidden, unknown = report_messages(server, member, secret), report_messages(server, member, "msg_0")

    assert (hidden.status_code, hidden.json) == (unknown.status_code, unknown.json)
    assert hidden.status_code == 404


def test_nobody_reports_themselves(server: Server, owner: Person, member: Person) -> None:
    with server.stores_nothing():
        assert report_user(server, member, member.id).status_code == 400


def test_messages_of_several_people_are_several_reports(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]
    other = server.sign_up("zoe")
    sent = [server.send(person, channel, "buy fish")["message_id"] for person in (member, other, member)]

    assert report_messages(server, owner, *sent).json["reported_count"] == 3
    assert sorted(len(report["message_ids"]) for report in reports(server, owner)) == [1, 2]


def test_the_same_is_reported_once_while_it_is_open(server: Server, owner: Person, member: Person) -> None:
    reporter = server.sign_up("zoe")
    assert report_user(server, reporter, member.id).status_code == 201

    with server.stores_nothing():
        assert report_user(server, reporter, member.id).status_code == 409
    resolve(server, owner, reports(server, owner)[0]["id"], "dismiss")

    assert report_user(server, reporter, member.id).status_code == 201


def test_a_report_is_closed_once(server: Server, owner: Person, moderator: Person, member: Person) -> None:
    report_user(server, moderator, member.id)
    (report,) = reports(server, moderator)
    people = iter([owner, moderator])

    answers = at_once(lambda: resolve(server, next(people), report["id"], "dismiss"), times=2)

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert reports(server, owner)[0]["status"] == "dismissed"


@pytest.mark.parametrize(
    ("action", "came"),
    [("delete_messages", "deleted"), ("ban", "banned"), ("timeout", "timed out"), ("BAN_USER", "banned")],
)
def test_a_resolution_is_carried_out(
    server: Server, owner: Person, moderator: Person, member: Person, action: str, came: str
) -> None:
    channel = server.create_channel(owner)["channel_id"]
    bad = server.send(member, channel, "buy fish")["message_id"]
    report_messages(server, owner, bad)
    (report,) = reports(server, moderator)

    assert resolve(server, moderator, report["id"], action).status_code == 200

    shown = state(server, owner, member)
    loaded = server.call("GET", f"/api/v1/channels/{channel}/load_messages", person=owner).json["messages"]
    assert {
        "banned": shown["is_banned"],
        "timed out": shown["is_timed_out"],
        "deleted": loaded == [],
    } == {name: name == came for name in ("banned", "timed out", "deleted")}


def test_a_resolution_nobody_may_carry_out_leaves_the_report_open(
    server: Server, owner: Person, moderator: Person
) -> None:
    reporter = server.sign_up("zoe")
    report_user(server, reporter, owner.id)
    (report,) = reports(server, moderator)

    with server.stores_nothing():
        refused, unknown = (
            resolve(server, moderator, report["id"], "ban"),
            resolve(server, moderator, report["id"], "feed to sharks"),
        )

    assert (refused.status_code, unknown.status_code) == (403, 400)
    assert reports(server, moderator)[0]["status"] == "pending"


@pytest.mark.parametrize(
    "given",
    [
        {"message_ids": []},
        {"message_ids": ["m"] * 51},
        {"category": ""},
        {"category": "x" * 65},
        {"description": "x" * 1001},
        {"message_ids": [7]},
    ],
)
@ON_SQLITE
def test_a_bad_report_is_a_400(server: Server, owner: Person, given: dict[str, Any]) -> None:
    with server.stores_nothing():
        assert report_messages(server, owner, "m", **given).status_code == 400


@pytest.mark.parametrize("limit", [0, 101, "many"])
def test_a_list_of_reports_has_an_end(server: Server, owner: Person, limit: Any) -> None:
    assert server.call("POST", REPORTS, person=owner, json={"limit": limit}).status_code == 400
