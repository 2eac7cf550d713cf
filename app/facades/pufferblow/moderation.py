"""Moderation: bans, timeouts, reports (contracts/pufferblow.md, 11)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.actions import moderation
from app.db import reading
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Flag, Id
from app.queries.reports import ReportView, list_reports
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Moderation"
MAX_REPORTS = 100

Reason = Annotated[str, Field(max_length=500)] | None
Minutes = Annotated[int, Field(ge=1, le=moderation.MAX_TIMEOUT_MINUTES)]
Category = Annotated[str, Field(min_length=1, max_length=64)]
Description = Annotated[str, Field(max_length=1000)] | None


class WhichUser(Params):
    target_user_id: Id


class Ban(WhichUser):
    reason: Reason = None


class Timeout(Ban):
    duration_minutes: Minutes


class ReportMessages(Params):
    """`forward` tells the home server of another server's person, in this server's name."""

    message_ids: Annotated[list[Id], Field(min_length=1, max_length=50)]
    category: Category
    description: Description = None
    forward: Flag = False


class ReportUser(WhichUser):
    category: Category
    description: Description = None
    forward: Flag = False


class ListReports(Params):
    limit: Annotated[int, Field(ge=1, le=MAX_REPORTS)] = 50


class ResolveReport(Params):
    report_id: Id
    action: Annotated[str, Field(min_length=1, max_length=32)]
    reason: Reason = None


class Moderated(Done):
    target_user_id: str


class TimedOut(Moderated):
    expires_at: Time


class MessagesReported(Done):
    reported_count: int


class ReportResolved(Done):
    report_id: str


class Named(Shape):
    id: str
    username: str


class ReportShown(Shape):
    """`status` is pending, resolved or dismissed. `messages` is what they said when they were reported."""

    id: str
    type: str
    status: str
    category: str
    description: str | None
    reporter: Named
    reported_at: Time
    resolved_at: Time | None
    resolution: str | None
    reason: str | None
    target_user: Named | None = None
    sender: Named | None = None
    message_ids: list[str] | None = None
    channel_ids: list[str] | None = None
    messages: dict[str, str] | None = None


class ReportsListed(Shape):
    """`total` counts all of them, listed or not."""

    status_code: int
    reports: list[ReportShown]
    total: int


@API.signed_in(
    "POST",
    "/api/v1/moderation/users/{target_user_id}/ban",
    params=Ban,
    answer=Moderated,
    privilege="ban_users",
    tag=TAG,
    summary="Put somebody out of this server",
    status=201,
    errors={404, 409},
    scope=moderation.BAN_SCOPE,
)
def ban_user(viewer: Viewer, params: Ban) -> Moderated:
    name = moderation.ban(viewer, params.target_user_id, params.reason)
    return Moderated(status_code=201, message=f"User '{name}' has been banned.", target_user_id=params.target_user_id)


@API.signed_in(
    "DELETE",
    "/api/v1/moderation/users/{target_user_id}/ban",
    params=WhichUser,
    answer=Moderated,
    privilege="ban_users",
    tag=TAG,
    summary="Let somebody come back",
    errors={404, 409},
    scope=moderation.BAN_SCOPE,
)
def unban_user(viewer: Viewer, params: WhichUser) -> Moderated:
    name = moderation.lift_ban(viewer, params.target_user_id)
    return Moderated(status_code=200, message=f"User '{name}' has been unbanned.", target_user_id=params.target_user_id)


@API.signed_in(
    "POST",
    "/api/v1/moderation/users/{target_user_id}/timeout",
    params=Timeout,
    answer=TimedOut,
    privilege="mute_users",
    tag=TAG,
    summary="Let somebody read and not write for a while",
    status=201,
    errors={404},
    scope=moderation.TIMEOUT_SCOPE,
)
def time_out_user(viewer: Viewer, params: Timeout) -> TimedOut:
    name, until = moderation.time_out(viewer, params.target_user_id, params.duration_minutes, params.reason)
    return TimedOut(
        status_code=201,
        message=f"User '{name}' has been timed out.",
        target_user_id=params.target_user_id,
        expires_at=iso(until),
    )


@API.signed_in(
    "DELETE",
    "/api/v1/moderation/users/{target_user_id}/timeout",
    params=WhichUser,
    answer=Moderated,
    privilege="mute_users",
    tag=TAG,
    summary="Let somebody write again",
    errors={404},
    scope=moderation.TIMEOUT_SCOPE,
)
def end_timeout(viewer: Viewer, params: WhichUser) -> Moderated:
    name = moderation.end_timeout(viewer, params.target_user_id)
    return Moderated(status_code=200, message=f"Timeout cleared for '{name}'.", target_user_id=params.target_user_id)


@API.signed_in(
    "POST",
    "/api/v1/moderation/reports/messages",
    params=ReportMessages,
    answer=MessagesReported,
    tag=TAG,
    summary="Report messages to the moderators",
    status=201,
    errors={404, 409},
    scope="message:write",
)
def report_messages(viewer: Viewer, params: ReportMessages) -> MessagesReported:
    count = moderation.report_messages(
        viewer,
        params.message_ids,
        category=params.category,
        description=params.description or "",
        forward=params.forward,
    )
    return MessagesReported(status_code=201, message="Message report submitted successfully.", reported_count=count)


@API.signed_in(
    "POST",
    "/api/v1/moderation/reports/users",
    params=ReportUser,
    answer=Moderated,
    tag=TAG,
    summary="Report a person to the moderators",
    status=201,
    errors={404, 409},
    scope="message:write",
)
def report_user(viewer: Viewer, params: ReportUser) -> Moderated:
    moderation.report_person(
        viewer,
        params.target_user_id,
        category=params.category,
        description=params.description or "",
        forward=params.forward,
    )
    return Moderated(
        status_code=201, message="User report submitted successfully.", target_user_id=params.target_user_id
    )


@API.signed_in(
    "POST",
    "/api/v1/moderation/reports",
    params=ListReports,
    answer=ReportsListed,
    tag=TAG,
    summary="Reports, the newest first: for moderators all but those about them, for others their own",
    scope="message:moderate",
)
def list_all_reports(viewer: Viewer, params: ListReports) -> ReportsListed:
    with reading() as session:
        views, total = list_reports(session, viewer, limit=params.limit)
    return ReportsListed(status_code=200, reports=[_shown(view) for view in views], total=total)


@API.signed_in(
    "POST",
    "/api/v1/moderation/reports/{report_id}/resolve",
    params=ResolveReport,
    answer=ReportResolved,
    privilege="moderate_content",
    tag=TAG,
    summary="Close a report: dismiss, resolve, warn, delete_messages, timeout or ban",
    errors={404, 409},
    scope="message:moderate",
)
def resolve_report(viewer: Viewer, params: ResolveReport) -> ReportResolved:
    action = moderation.resolve_report(viewer, params.report_id, params.action, params.reason)
    return ReportResolved(
        status_code=200, message=f"Report resolved with action: {action}.", report_id=params.report_id
    )


def _shown(view: ReportView) -> ReportShown:
    target = Named(id=view.target_id, username=view.target_name)
    about: dict[str, Any] = {"target_user": target}
    if view.message_ids:
        about = {
            "sender": target,
            "message_ids": list(view.message_ids),
            "channel_ids": list(view.channel_ids),
            "messages": view.texts or None,
        }
    return ReportShown(
        id=view.id,
        type=view.type,
        status=view.status,
        category=view.category,
        description=view.description,
        reporter=Named(id=view.reporter_id, username=view.reporter_name),
        reported_at=iso(view.created_at),
        resolved_at=iso(view.resolved_at) if view.resolved_at else None,
        resolution=view.resolution,
        reason=view.reason,
        **about,
    )
