"""The audit log (contracts/pufferblow.md, 10, recent-activity)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.db import reading
from app.facades.pufferblow.answers import Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.urls import shown_url
from app.queries.audit import AuditView, list_audited
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Audit log"

_SENTENCES = {
    "app_allowed": "{who} allowed an app to act for them",
    "background_task_run": "{who} ran the task {target}",
    "background_task_toggled": "{who} switched the task {target}",
    "backup_config_updated": "{who} changed the back-ups",
    "bot_made": "{who} made a bot's credentials",
    "channel_created": "{who} made a channel",
    "channel_deleted": "{who} deleted a channel",
    "channel_updated": "{who} changed a channel",
    "file_deleted": "{who} deleted a file",
    "file_upload": "{who} uploaded a file",
    "files_cleaned_up": "{who} removed files that nothing uses",
    "ip_blocked": "{who} blocked {target}",
    "ip_unblocked": "{who} unblocked {target}",
    "password_changed": "{who} changed their password",
    "refresh_token_reused": "A login session of {who} ended: its refresh token came twice",
    "report_resolved": "{who} closed a report",
    "role_created": "{who} made a role",
    "role_deleted": "{who} deleted a role",
    "role_updated": "{who} changed a role",
    "runtime_config_updated": "{who} changed the configuration",
    "server_avatar_updated": "{who} changed the server's picture",
    "server_banner_updated": "{who} changed the server's banner",
    "server_settings_updated": "{who} changed the server's settings",
    "tokens_reset": "{who} ended all of their sessions",
    "user_banned": "{who} banned somebody",
    "user_joined": "{who} joined",
    "user_roles_updated": "{who} changed somebody's roles",
    "user_signed_in": "{who} signed in",
    "user_timed_out": "{who} timed somebody out",
    "user_timeout_ended": "{who} ended a timeout",
    "user_unbanned": "{who} lifted a ban",
}


class HowMany(Params):
    limit: Annotated[int, Field(ge=1, le=100)] = 10


class WhoDid(Shape):
    id: str
    username: str
    avatar_url: str | None


class ActivityShown(Shape):
    """`user` is null for what the server did by itself."""

    id: str
    type: str
    title: str
    description: str
    timestamp: Time
    user: WhoDid | None
    metadata: dict[str, Any]


class RecentActivity(Shape):
    status_code: int
    activities: list[ActivityShown]


@API.signed_in(
    "POST",
    "/api/v1/system/recent-activity",
    params=HowMany,
    answer=RecentActivity,
    privilege="view_audit_logs",
    tag=TAG,
    summary="What was done to the server and by its staff, the newest first",
    scope="instance:modify",
)
def show_recent_activity(viewer: Viewer, params: HowMany) -> RecentActivity:
    with reading() as session:
        views = list_audited(session, viewer, limit=params.limit)
    return RecentActivity(status_code=200, activities=[_shown(view) for view in views])


def _shown(view: AuditView) -> ActivityShown:
    user = None
    if view.actor_id is not None and view.username is not None:
        user = WhoDid(id=view.actor_id, username=view.username, avatar_url=shown_url(view.avatar_url))
    sentence = _SENTENCES.get(view.type, "{who}: " + view.type)
    return ActivityShown(
        id=view.id,
        type=view.type,
        title=view.type.replace("_", " ").title().replace("Ip ", "IP "),
        description=sentence.format(who=view.username or "The server", target=view.target),
        timestamp=iso(view.created_at),
        user=user,
        metadata={"target": view.target, **view.data} if view.target else dict(view.data),
    )
