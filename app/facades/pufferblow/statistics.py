"""Figures about the server: some for everybody, as the official clients ask without a token, some for its staff."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from msgspec import convert

from app.db import reading
from app.facades.pufferblow.answers import Time, iso
from app.facades.pufferblow.api import API
from app.queries.snapshots import ACTIVITY, STATISTICS, find_snapshot
from app.queries.statistics import Activity, count_activity, count_people, count_places, count_recent_messages
from app.queries.viewers import Viewer
from app.settings import current
from app.web.api import NoParams
from app.web.shapes import Shape

if TYPE_CHECKING:
    from app.services.machine import Machine

TAG = "Administration"


class UserFigures(Shape):
    total: int
    online: int
    recently_active: int
    new_this_week: int
    new_this_month: int


class ChannelFigures(Shape):
    total: int
    public: int
    private: int
    new_this_week: int
    new_this_month: int


class MessageFigures(Shape):
    total: int
    past_24h: int
    past_week: int
    past_month: int
    past_quarter: int
    past_year: int


class SystemFigures(Shape):
    uptime: float
    last_updated: Time


class Statistics(Shape):
    timestamp: Time
    users: UserFigures
    channels: ChannelFigures
    messages: MessageFigures
    system: SystemFigures


class StatisticsShown(Shape, kw_only=True):
    """The official SDK reads `statistics`, the web client `stats`; they are the same."""

    status_code: int
    message: str | None = None
    statistics: Statistics | None
    stats: Statistics | None


class Usage(Shape):
    cpu_percent: float
    ram_used_gb: float
    ram_total_gb: float
    ram_percent: float
    disk_read_mb_per_sec: float
    disk_write_mb_per_sec: float
    storage_used_gb: float
    storage_total_gb: float
    storage_percent: float
    uptime_seconds: float
    uptime_formatted: str
    timestamp: int


class UsageShown(Shape):
    status_code: int
    server_usage: Usage


class ActivityMetrics(Shape):
    total_users: int
    total_channels: int
    messages_per_hour: int
    active_users_24h: int
    current_online: int
    engagement_rate: float
    messages_per_active_user: float
    channel_utilization: float
    last_updated: Time


class ActivityMetricsShown(Shape):
    status_code: int
    activity_metrics: ActivityMetrics


class Overview(Shape):
    total_users: int
    total_channels: int
    messages_last_hour: int
    active_users: int
    messages_this_period: int


class OverviewShown(Shape):
    status_code: int
    server_overview: Overview


@API.public(
    "GET",
    "/api/v1/system/server-stats",
    params=NoParams,
    answer=StatisticsShown,
    tag=TAG,
    summary="Counts of people, channels and messages, as the background task server_stats_update found them last",
)
def show_statistics(_: NoParams) -> StatisticsShown:
    with reading() as session:
        snapshot = find_snapshot(session, STATISTICS)
    if snapshot is None:
        message = "No statistics yet. The background task server_stats_update has not run."
        return StatisticsShown(status_code=200, message=message, statistics=None, stats=None)
    taken_at = iso(snapshot.taken_at)
    system = SystemFigures(uptime=_machine().uptime_seconds(), last_updated=taken_at)
    # Whatever version of the server has stored them: what this one does not know is not shown.
    shown = convert({**snapshot.figures, "timestamp": taken_at, "system": system}, Statistics)
    return StatisticsShown(status_code=200, statistics=shown, stats=shown)


@API.public(
    "POST",
    "/api/v1/system/server-usage",
    params=NoParams,
    answer=UsageShown,
    tag=TAG,
    summary="How busy the machine is; looked at every two seconds at most",
)
def show_usage(_: NoParams) -> UsageShown:
    usage = _machine().usage()
    shown = {name: getattr(usage, name) for name in Usage.__struct_fields__ if hasattr(usage, name)}
    formatted = _duration(int(usage.uptime_seconds))
    return UsageShown(
        status_code=200, server_usage=Usage(**shown, uptime_formatted=formatted, timestamp=int(time.time()))
    )


@API.signed_in(
    "POST",
    "/api/v1/system/activity-metrics",
    params=NoParams,
    answer=ActivityMetricsShown,
    tag=TAG,
    summary="How busy people are: of the last day as activity_metrics_update found it, of the last hour as it is",
    privilege="view_server_stats",
    scope="instance:modify",
)
def show_activity(_viewer: Viewer, _: NoParams) -> ActivityMetricsShown:
    now = datetime.now(UTC)
    with reading() as session:
        people, places = count_people(session, now), count_places(session)
        last_hour, _day = count_recent_messages(session, now)
        snapshot = find_snapshot(session, ACTIVITY)
        activity = Activity(**snapshot.figures) if snapshot else count_activity(session, now)
    return ActivityMetricsShown(
        status_code=200,
        activity_metrics=ActivityMetrics(
            total_users=people.total,
            total_channels=places.total,
            messages_per_hour=last_hour,
            active_users_24h=activity.authors,
            current_online=people.online,
            engagement_rate=_share(activity.authors, people.total),
            messages_per_active_user=round(activity.messages / activity.authors, 2) if activity.authors else 0.0,
            channel_utilization=_share(activity.channels, places.total),
            last_updated=iso(snapshot.taken_at if snapshot else now),
        ),
    )


@API.signed_in(
    "POST",
    "/api/v1/system/server-overview",
    params=NoParams,
    answer=OverviewShown,
    tag=TAG,
    summary="The server at a glance; the period is the last 24 hours",
    privilege="view_server_stats",
    scope="instance:modify",
)
def show_overview(_viewer: Viewer, _: NoParams) -> OverviewShown:
    now = datetime.now(UTC)
    with reading() as session:
        people, places = count_people(session, now), count_places(session)
        last_hour, last_day = count_recent_messages(session, now)
    overview = Overview(
        total_users=people.total,
        total_channels=places.total,
        messages_last_hour=last_hour,
        active_users=people.recent,
        messages_this_period=last_day,
    )
    return OverviewShown(status_code=200, server_overview=overview)


@cache
def _machine() -> Machine:
    from app.services.machine import Machine  # With psutil, which only a process that is asked needs.

    return Machine(current().data_dir)


def _share(part: int, whole: int) -> float:
    """In per cent."""
    return min(100.0, round(100 * part / whole, 1)) if whole else 0.0


def _duration(seconds: int) -> str:
    return f"{seconds // 86_400}d {seconds // 3600 % 24}h {seconds // 60 % 60}m"
