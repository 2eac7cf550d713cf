"""Charts and figures: what they count, over which buckets, and who may see them. The clock stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
import time_machine
from sqlalchemy import insert, select, update

from app.actions import snapshots
from app.actions.presence import set_status
from app.db import reading, transaction
from app.ids import first_id_at
from app.models import Account, Actor, Channel, Message, Sample
from app.queries.snapshots import STATISTICS, find_snapshot
from tests.answers import refusal
from tests.facades.conftest import Person, Server

NOW = datetime(2031, 5, 14, 12, 34, 56, tzinfo=UTC)  # A Wednesday, in ISO week 20.
CHARTS = ("user-registrations", "message-activity", "online-users", "channel-creation", "user-status")
FIGURES = [*(f"charts/{name}" for name in CHARTS), "activity-metrics", "server-overview"]
FORBIDDEN = refusal(403, "Access forbidden. Missing required privilege: view_server_stats.")


def ago(**before: float) -> datetime:
    return NOW - timedelta(**before)


@pytest.fixture(autouse=True)
def _still() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(server: Server, owner: Person) -> Person:
    """The owner, as if of old: ids are made by the real clock, which is years behind."""
    return owner


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


def ask(server: Server, by: Person, what: str, **given: Any) -> Any:
    answer = server.call("POST", f"/api/v1/system/{what}", json={"auth_token": by.token} | given)
    assert answer.status_code == 200, answer.text
    return answer.json


def chart(server: Server, by: Person, name: str, **given: Any) -> Any:
    return ask(server, by, f"charts/{name}", **given)["chart_data"]


def values(points: list[dict[str, Any]]) -> dict[str, float]:
    """What is not nothing, by bucket."""
    return {point["time_key"]: point["value"] for point in points if point["value"]}


def sent(channel_id: str, author: Person, *times: datetime) -> None:
    """Messages that came at these times."""
    with transaction() as session:
        head = session.scalar(select(Channel.head).where(Channel.actor_id == channel_id)) or 0
        for position, at in enumerate(times, start=head + 1):
            made = first_id_at("msg", at)
            row: dict[str, Any] = {
                "id": made,
                "uri": f"https://chat.example/ap/messages/{made}",
                "author_id": author.id,
                "position": position,
            }
            row |= {"channel_id": channel_id, "audience": "public", "published_at": at}
            session.execute(insert(Message).values(row))
        session.execute(update(Channel).where(Channel.actor_id == channel_id).values(head=head + len(times)))


def joined(*times: datetime) -> None:
    """Accounts that were made at these times."""
    with transaction() as session:
        for at in times:
            made = first_id_at("user", at)
            uri = f"https://chat.example/ap/users/{made}"
            actor: dict[str, Any] = {
                "id": made,
                "uri": uri,
                "type": "Person",
                "local_name": made,
                "preferred_username": made,
                "name": made,
            }
            actor |= {"summary": "", "inbox": f"{uri}/inbox", "created_at": at, "updated_at": at}
            actor |= {"manually_approves": False, "discoverable": True}
            session.execute(insert(Actor).values(actor))
            session.execute(insert(Account).values(actor_id=made, username=made, password_hash="", last_seen_at=at))


def online(**counts: int) -> None:
    """Samples; a time is written h12m30 for so many hours and minutes ago."""
    with transaction() as session:
        for ago_, count in counts.items():
            hours, minutes = ago_.removeprefix("h").split("m")
            at = ago(hours=int(hours), minutes=int(minutes))
            session.execute(insert(Sample).values(name="online", taken_at=at, value=count))


MONTHS = {"2031-05": 5, "2031-04": 1, "2030-11": 1}
DAYS = {"2031-05-14": 3, "2031-05-13": 1, "2031-05-11": 1, "2031-04-24": 1}
HOURS = {"2031-05-14 12:00": 2, "2031-05-14 07:00": 1, "2031-05-13 13:00": 1}
BUCKETS = {
    "1h": (12, {"2031-05-14 12:30": 1, "2031-05-14 12:00": 1}),
    "24h": (24, HOURS),
    "hourly": (24, HOURS),
    "7d": (7, {"2031-05-14": 3, "2031-05-13": 1, "2031-05-11": 1}),
    "30d": (30, DAYS),
    "daily": (30, DAYS),
    "90d": (90, DAYS),
    "weekly": (12, {"2031-W20": 4, "2031-W19": 1, "2031-W17": 1}),
    "1y": (12, MONTHS),
    "monthly": (12, MONTHS),
}


@pytest.mark.parametrize("is_counted_before", [False, True])
def test_messages_are_counted_in_the_bucket_they_came_in(
    server: Server, staff: Person, lobby: str, is_counted_before: bool
) -> None:
    times = [ago(minutes=1), ago(minutes=34), ago(hours=5), ago(hours=23), ago(days=3), ago(days=20), ago(days=180)]
    sent(lobby, staff, *reversed(times))
    if is_counted_before:
        snapshots.count_hours(NOW)

    charts = {period: chart(server, staff, "message-activity", period=period) for period in BUCKETS}

    assert {period: (len(points), values(points)) for period, points in charts.items()} == BUCKETS


def test_a_point_has_the_words_of_both_kinds_of_clients(server: Server, staff: Person, lobby: str) -> None:
    sent(lobby, staff, ago(minutes=1))

    assert chart(server, staff, "message-activity", period="weekly")[-1] == {
        "time_key": "2031-W20",
        "primary_value": 1.0,
        "metrics": {"count": 1.0},
        "period": "weekly",
        "timestamp": "2031-05-12T00:00:00+00:00",
        "label": "2031-W20",
        "value": 1.0,
        "date": None,
        "weekly": "2031-W20",
        "monthly": None,
    }


def test_hours_are_counted_once_and_never_before_they_are_over(server: Server, staff: Person, lobby: str) -> None:
    sent(lobby, staff, ago(hours=40), ago(hours=2), ago(minutes=20))
    snapshots.count_hours(NOW)
    snapshots.count_hours(NOW)
    sent(lobby, staff, ago(minutes=10))

    with reading() as session:
        hours = session.execute(select(Sample.taken_at, Sample.value).where(Sample.name == "messages")).all()

    assert {(NOW - at) // timedelta(hours=1): count for at, count in hours} == {40: 1, 2: 1, 1: 0}
    assert ask(server, staff, "charts/message-activity")["raw_stats"]["total_messages"] == 4


def test_hours_of_a_clock_that_was_ahead_are_counted_when_they_come(server: Server, staff: Person, lobby: str) -> None:
    """Fault F17: the clock was a day ahead when the hours were counted, and was put back."""
    snapshots.count_hours(NOW + timedelta(days=1))
    sent(lobby, staff, ago(hours=2), ago(minutes=40))

    snapshots.count_hours(NOW)

    shown = {"2031-05-14 10:00": 1, "2031-05-14 11:00": 1}
    assert values(chart(server, staff, "message-activity", period="hourly")) == shown
    sent(lobby, staff, NOW + timedelta(hours=23))
    snapshots.count_hours(NOW + timedelta(days=1))
    with reading() as session:
        hours = session.execute(select(Sample.taken_at, Sample.value).where(Sample.name == "messages")).all()
    assert {(NOW - at) // timedelta(hours=1): count for at, count in hours if count} == {2: 1, 1: 1, -23: 1}


def test_figures_of_messages(server: Server, staff: Person, lobby: str) -> None:
    sent(lobby, staff, *reversed([ago(hours=1), ago(hours=2), ago(days=9), ago(days=40), ago(days=200)]))

    assert ask(server, staff, "charts/message-activity", period="7d")["raw_stats"] == {
        "total_messages": 5,
        "messages_today": 2,
        "messages_this_week": 2,
        "messages_this_month": 3,
        "messages_this_quarter": 4,
        "messages_this_year": 5,
        "growth_rate_week": 100.0,
        "growth_rate_month": 200.0,
        "peak_activity": 2,
        "avg_daily_messages": 0.1,
        "messages_per_user": 5.0,
    }


def test_figures_of_accounts(server: Server, staff: Person) -> None:
    joined(ago(hours=1), ago(days=2), ago(days=8), ago(days=35))
    set_status(staff.id, "online")

    answer = ask(server, staff, "charts/user-registrations", period="7d")

    assert values(answer["chart_data"]) == {"2031-05-14": 1, "2031-05-12": 1}
    assert answer["raw_stats"] == {
        "total_users": 5,
        "new_this_week": 2,
        "new_this_month": 3,
        "online_now": 1,
        "recently_active": 2,
        "growth_rate_week": 100.0,
        "growth_rate_month": 200.0,
        "peak_registrations": 1,
        "avg_daily_registrations": 0.1,
    }


def test_figures_of_channels_are_of_those_that_are_left(server: Server, staff: Person, lobby: str) -> None:
    server.create_channel(staff, channel_name="staff", is_private=True)
    gone = server.create_channel(staff, channel_name="gone")["channel_id"]
    server.call("DELETE", f"/api/v1/channels/{gone}/delete", person=staff)

    answer = ask(server, staff, "charts/channel-creation", period="24h")

    assert values(answer["chart_data"]) == {"2031-05-14 12:00": 2}
    assert answer["raw_stats"] == {
        "total_channels": 2,
        "public_channels": 1,
        "private_channels": 1,
        "new_this_week": 2,
        "new_this_month": 2,
        "growth_rate_week": 0.0,
        "growth_rate_month": 0.0,
        "peak_creations": 2,
        "avg_daily_creations": 0.07,
    }


def test_people_online_are_the_average_of_samples_and_the_last_bucket_is_now(server: Server, staff: Person) -> None:
    online(h1m0=2, h1m15=4, h30m0=9)
    set_status(staff.id, "online")

    answer = ask(server, staff, "charts/online-users", period="24h")

    assert values(answer["chart_data"]) == {"2031-05-14 11:00": 3, "2031-05-14 12:00": 1}
    assert answer["raw_stats"] == {
        "currently_online": 1,
        "recently_active": 1,
        "peak_online_today": 4,
        "avg_online_today": 3.0,
        "peak_online_week": 9,
        "avg_online_week": 5.0,
        "total_users": 1,
        "online_percentage": 100.0,
    }


def test_between_two_samples_people_stay(server: Server, staff: Person) -> None:
    online(h0m40=2, h0m25=3)

    assert values(chart(server, staff, "online-users", period="1h")) == {
        "2031-05-14 11:50": 2,
        "2031-05-14 11:55": 2,
        "2031-05-14 12:00": 2,
        "2031-05-14 12:05": 3,
        "2031-05-14 12:10": 3,
        "2031-05-14 12:15": 3,
        "2031-05-14 12:20": 3,
        "2031-05-14 12:25": 3,
    }


def test_statuses_are_here_away_and_not_here(server: Server, staff: Person) -> None:
    people = [server.sign_up(name) for name in ("bob", "carol", "dave")]
    for person, status in zip([staff, *people], ("online", "dnd", "away", "offline"), strict=True):
        set_status(person.id, status)

    answer = ask(server, staff, "charts/user-status")

    assert answer["chart_data"] == [
        {"label": "Online", "value": 2},
        {"label": "Offline", "value": 1},
        {"label": "Away", "value": 1},
    ]
    assert answer["raw_stats"] == {"online_users": 2, "offline_users": 1, "away_users": 1, "total_users": 4}


def test_without_a_period_come_those_of_the_reference_and_an_unknown_one_has_nothing(
    server: Server, staff: Person
) -> None:
    every = {name: chart(server, staff, name) for name in ("user-registrations", "online-users")}

    assert {name: {period: len(points) for period, points in kept.items()} for name, kept in every.items()} == {
        "user-registrations": {"daily": 30, "weekly": 12, "monthly": 12},
        "online-users": {"7d": 7, "hourly": 24},
    }
    assert [chart(server, staff, "online-users", period=period) for period in ("yearly", "")] == [[], []]


def test_figures_are_for_the_staff(server: Server, owner: Person, member: Person) -> None:
    with server.stores_nothing():
        for what in FIGURES:
            path = f"/api/v1/system/{what}"
            asked = server.call("POST", path, json={"auth_token": member.token, "period": "7d"})
            unknown = server.call("POST", path, json={"auth_token": "not.a.token", "period": "7d"})
            anonymous = server.call("POST", path, json={"period": "7d"})

            assert (asked.status_code, asked.json) == FORBIDDEN
            assert (unknown.status_code, anonymous.status_code) == (400, 401)


def test_a_period_is_a_word(server: Server, staff: Person) -> None:
    body = {"auth_token": staff.token, "period": ["7d"]}

    assert server.call("POST", "/api/v1/system/charts/online-users", json=body).status_code == 400


def test_overview_and_activity(server: Server, staff: Person, lobby: str) -> None:
    server.create_channel(staff, channel_name="empty")
    sent(lobby, staff, *reversed([ago(minutes=5), ago(hours=3), ago(hours=20), ago(days=2)]))
    joined(ago(hours=1))

    overview = ask(server, staff, "server-overview")["server_overview"]
    metrics = ask(server, staff, "activity-metrics")["activity_metrics"]

    assert overview == {
        "total_users": 2,
        "total_channels": 2,
        "messages_last_hour": 1,
        "active_users": 2,
        "messages_this_period": 3,
    }
    assert metrics == {
        "total_users": 2,
        "total_channels": 2,
        "messages_per_hour": 1,
        "active_users_24h": 1,
        "current_online": 0,
        "engagement_rate": 50.0,
        "messages_per_active_user": 3.0,
        "channel_utilization": 50.0,
        "last_updated": NOW.isoformat(),
    }


def test_activity_of_the_day_is_what_the_task_found(server: Server, staff: Person, lobby: str) -> None:
    sent(lobby, staff, ago(hours=3))
    snapshots.update_activity(ago(hours=1))
    sent(lobby, staff, ago(minutes=1))

    metrics = ask(server, staff, "activity-metrics")["activity_metrics"]

    assert (metrics["messages_per_active_user"], metrics["messages_per_hour"]) == (1.0, 1)
    assert metrics["last_updated"] == ago(hours=1).isoformat()


def test_statistics_are_for_everybody_once_the_task_has_run(server: Server, staff: Person, lobby: str) -> None:
    sent(lobby, staff, ago(days=100), ago(hours=3))
    path = "/api/v1/system/server-stats"
    before = server.call("GET", path).json
    snapshots.update_statistics(NOW)

    after = server.call("GET", path).json

    assert (before["statistics"], before["stats"]) == (None, None)
    assert "server_stats_update" in before["message"]
    assert after["statistics"] == after["stats"]
    assert after["stats"].pop("system")["last_updated"] == NOW.isoformat()
    assert after["stats"] == {
        "timestamp": NOW.isoformat(),
        "users": {"total": 1, "online": 0, "recently_active": 1, "new_this_week": 0, "new_this_month": 0},
        "channels": {"total": 1, "public": 1, "private": 0, "new_this_week": 1, "new_this_month": 1},
        "messages": {
            "total": 2,
            "past_24h": 1,
            "past_week": 1,
            "past_month": 1,
            "past_quarter": 1,
            "past_year": 2,
        },
    }
    assert list(values(chart(server, staff, "online-users", period="1h"))) == []


def test_what_another_version_counted_as_well_is_not_shown(server: Server, staff: Person) -> None:
    path = "/api/v1/system/server-stats"
    snapshots.update_statistics(NOW)
    shown = server.call("GET", path).json["stats"]
    with transaction() as session:
        kept = find_snapshot(session, STATISTICS)
        assert kept is not None
        figures = dict(kept.figures)
        newer = figures | {"files": {"total": 1}, "users": figures["users"] | {"asleep": 5}}
        snapshots.keep_snapshot(session, STATISTICS, newer, NOW)

    assert server.call("GET", path).json["stats"] == shown | {"system": ANY}


def test_usage_of_the_machine_is_for_everybody(server: Server) -> None:
    usage = server.call("POST", "/api/v1/system/server-usage").json["server_usage"]

    assert 0 < usage["ram_used_gb"] <= usage["ram_total_gb"]
    assert 0 < usage["storage_used_gb"] <= usage["storage_total_gb"]
    assert usage["timestamp"] == int(NOW.timestamp())
    assert server.call("POST", "/api/v1/system/server-usage", json={}).status_code == 200
