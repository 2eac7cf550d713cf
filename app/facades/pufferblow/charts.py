"""Charts for the staff, in the words of the reference server and of the web client (contracts/pufferblow.md, 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy.orm import Session

from app.db import reading
from app.facades.pufferblow.answers import Time, iso
from app.facades.pufferblow.api import API
from app.queries.periods import PERIODS, Bucket, buckets
from app.queries.statistics import People, count_all_messages, count_people, count_places, count_since, growth
from app.queries.viewers import Viewer
from app.queries.windows import Counted, Level, Window, count_in, measure_online
from app.web.api import NoParams
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Administration"

# What is answered where no period is asked for, as the reference keeps it.
_COUNTED_PERIODS: Final = ("monthly", "weekly", "daily")
_MEASURED_PERIODS: Final = ("7d", "hourly")
_DAYS_OF_AVERAGE: Final = 30


class Which(Params):
    period: Annotated[
        str | None, Field(max_length=16, description=f"One of {', '.join(PERIODS)}; nothing is known of others.")
    ] = None


class Point(Shape):
    """One bucket. The reference's clients read `time_key` and `primary_value`, the web client `label` and `value`."""

    time_key: str
    primary_value: float
    metrics: dict[str, float]
    period: str
    timestamp: Time
    label: str
    value: float
    date: str | None = None
    weekly: str | None = None
    monthly: str | None = None


Points = list[Point]


class RegistrationStats(Shape):
    total_users: int
    new_this_week: int
    new_this_month: int
    online_now: int
    recently_active: int
    growth_rate_week: float
    growth_rate_month: float
    peak_registrations: int
    avg_daily_registrations: float


class MessageStats(Shape):
    total_messages: int
    messages_today: int
    messages_this_week: int
    messages_this_month: int
    messages_this_quarter: int
    messages_this_year: int
    growth_rate_week: float
    growth_rate_month: float
    peak_activity: int
    avg_daily_messages: float
    messages_per_user: float


class ChannelStats(Shape):
    total_channels: int
    public_channels: int
    private_channels: int
    new_this_week: int
    new_this_month: int
    growth_rate_week: float
    growth_rate_month: float
    peak_creations: int
    avg_daily_creations: float


class OnlineStats(Shape):
    currently_online: int
    recently_active: int
    peak_online_today: int
    avg_online_today: float
    peak_online_week: int
    avg_online_week: float
    total_users: int
    online_percentage: float


class StatusStats(Shape):
    online_users: int
    offline_users: int
    away_users: int
    total_users: int


class RegistrationChart(Shape):
    status_code: int
    chart_data: Points | dict[str, Points]
    raw_stats: RegistrationStats


class MessageChart(Shape):
    status_code: int
    chart_data: Points | dict[str, Points]
    raw_stats: MessageStats


class ChannelChart(Shape):
    status_code: int
    chart_data: Points | dict[str, Points]
    raw_stats: ChannelStats


class OnlineChart(Shape):
    status_code: int
    chart_data: Points | dict[str, Points]
    raw_stats: OnlineStats


class Slice(Shape):
    label: str
    value: int


class StatusChart(Shape):
    status_code: int
    chart_data: list[Slice]
    raw_stats: StatusStats


@API.signed_in(
    "POST",
    "/api/v1/system/charts/user-registrations",
    params=Which,
    answer=RegistrationChart,
    tag=TAG,
    summary="New accounts over time",
    privilege="view_server_stats",
    scope="instance:modify",
)
def chart_registrations(_: Viewer, params: Which) -> RegistrationChart:
    now = datetime.now(UTC)
    with reading() as session:
        people = count_people(session, now)
        week, month = count_since(session, "users", now, 7, 30)
        figures = RegistrationStats(
            total_users=people.total,
            new_this_week=week,
            new_this_month=month,
            online_now=people.online,
            recently_active=people.recent,
            growth_rate_week=growth(session, "users", now, days=7),
            growth_rate_month=growth(session, "users", now, days=30),
            peak_registrations=_peak(session, "users", now),
            avg_daily_registrations=_daily(month),
        )
        data = _counted(session, "users", params.period, now)
    return RegistrationChart(status_code=200, chart_data=data, raw_stats=figures)


@API.signed_in(
    "POST",
    "/api/v1/system/charts/message-activity",
    params=Which,
    answer=MessageChart,
    tag=TAG,
    summary="Messages over time, those deleted since among them",
    privilege="view_server_stats",
    scope="instance:modify",
)
def chart_messages(_: Viewer, params: Which) -> MessageChart:
    now = datetime.now(UTC)
    with reading() as session:
        people = count_people(session, now)
        today, week, month, quarter, year = count_since(session, "messages", now, 0, 7, 30, 90, 365)
        total = count_all_messages(session, now)
        figures = MessageStats(
            total_messages=total,
            messages_today=today,
            messages_this_week=week,
            messages_this_month=month,
            messages_this_quarter=quarter,
            messages_this_year=year,
            growth_rate_week=growth(session, "messages", now, days=7),
            growth_rate_month=growth(session, "messages", now, days=30),
            peak_activity=_peak(session, "messages", now),
            avg_daily_messages=_daily(month),
            messages_per_user=round(total / people.total, 2) if people.total else 0.0,
        )
        data = _counted(session, "messages", params.period, now)
    return MessageChart(status_code=200, chart_data=data, raw_stats=figures)


@API.signed_in(
    "POST",
    "/api/v1/system/charts/channel-creation",
    params=Which,
    answer=ChannelChart,
    tag=TAG,
    summary="New channels over time, without those deleted since",
    privilege="view_server_stats",
    scope="instance:modify",
)
def chart_channels(_: Viewer, params: Which) -> ChannelChart:
    now = datetime.now(UTC)
    with reading() as session:
        places = count_places(session)
        week, month = count_since(session, "channels", now, 7, 30)
        figures = ChannelStats(
            total_channels=places.total,
            public_channels=places.public,
            private_channels=places.private,
            new_this_week=week,
            new_this_month=month,
            growth_rate_week=growth(session, "channels", now, days=7),
            growth_rate_month=growth(session, "channels", now, days=30),
            peak_creations=_peak(session, "channels", now),
            avg_daily_creations=_daily(month),
        )
        data = _counted(session, "channels", params.period, now)
    return ChannelChart(status_code=200, chart_data=data, raw_stats=figures)


@API.signed_in(
    "POST",
    "/api/v1/system/charts/online-users",
    params=Which,
    answer=OnlineChart,
    tag=TAG,
    summary="How many people were here over time, by a sample every quarter of an hour",
    privilege="view_server_stats",
    scope="instance:modify",
)
def chart_online(_: Viewer, params: Which) -> OnlineChart:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with reading() as session:
        people = count_people(session, now)
        windows = [Window(midnight, now), Window(now - timedelta(days=7), now)]
        today, week = measure_online(session, windows)
        data = _data(params.period, _MEASURED_PERIODS, lambda period: _measured_points(session, period, people, now))
    figures = OnlineStats(
        currently_online=people.online,
        recently_active=people.recent,
        peak_online_today=max(today.peak, people.online),
        avg_online_today=round(today.average, 2),
        peak_online_week=max(week.peak, people.online),
        avg_online_week=round(week.average, 2),
        total_users=people.total,
        online_percentage=round(100 * people.online / people.total, 1) if people.total else 0.0,
    )
    return OnlineChart(status_code=200, chart_data=data, raw_stats=figures)


@API.signed_in(
    "POST",
    "/api/v1/system/charts/user-status",
    params=NoParams,
    answer=StatusChart,
    tag=TAG,
    summary="How many people are here, away and not here",
    privilege="view_server_stats",
    scope="instance:modify",
)
def chart_statuses(_viewer: Viewer, _: NoParams) -> StatusChart:
    with reading() as session:
        people = count_people(session, datetime.now(UTC))
    here, away, offline = people.online - people.away, people.away, people.total - people.online
    return StatusChart(
        status_code=200,
        chart_data=[
            Slice(label="Online", value=here),
            Slice(label="Offline", value=offline),
            Slice(label="Away", value=away),
        ],
        raw_stats=StatusStats(online_users=here, offline_users=offline, away_users=away, total_users=people.total),
    )


def _counted(session: Session, counted: Counted, period: str | None, now: datetime) -> Points | dict[str, Points]:
    return _data(period, _COUNTED_PERIODS, lambda period: _counted_points(session, counted, period, now))


def _data(period: str | None, kept: Sequence[str], points: Callable[[str], Points]) -> Points | dict[str, Points]:
    """The points of the period; without one, of each that the reference keeps."""
    return points(period) if period is not None else {name: points(name) for name in kept}


def _counted_points(session: Session, counted: Counted, period: str, now: datetime) -> Points:
    cut = buckets(period, now)
    counts = count_in(session, counted, [bucket.window for bucket in cut]) if cut else []
    return [_point(period, bucket, count, {"count": count}) for bucket, count in zip(cut, counts, strict=True)]


def _measured_points(session: Session, period: str, people: People, now: datetime) -> Points:
    """A bucket shorter than the time between two samples may have none: it has what the one before it had."""
    cut = buckets(period, now)
    levels = measure_online(session, [bucket.window for bucket in cut]) if cut else []
    points: Points = []
    level = Level(0, 0.0, 0)
    for bucket, found in zip(cut, levels, strict=True):
        is_short = bucket.window.end - bucket.window.start < timedelta(hours=1)
        level = found if found.samples or not is_short else level
        if bucket is cut[-1] and not found.samples:
            level = Level(1, people.online, people.online)
        metrics: dict[str, Any] = {
            "avg_count": round(level.average, 2),
            "peak_count": level.peak,
            "samples": found.samples,
        }
        points.append(_point(period, bucket, round(level.average, 2), metrics))
    return points


def _point(period: str, bucket: Bucket, value: float, metrics: dict[str, float]) -> Point:
    named = {"daily": "date", "weekly": "weekly", "monthly": "monthly"}
    return Point(
        time_key=bucket.key,
        primary_value=float(value),
        metrics={name: float(metric) for name, metric in metrics.items()},
        period=period,
        timestamp=iso(bucket.window.start),
        label=bucket.label,
        value=value,
        **{named[period]: bucket.key} if period in named else {},
    )


def _peak(session: Session, counted: Counted, now: datetime) -> int:
    """The most of one day, of the last thirty."""
    return max(count_in(session, counted, [bucket.window for bucket in buckets("daily", now)]))


def _daily(month: int) -> float:
    return round(month / _DAYS_OF_AVERAGE, 2)
