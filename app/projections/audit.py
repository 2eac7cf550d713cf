"""The audit log: what was done to the server and by its staff, written in the transaction of what it tells of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from app.insertion import insert_rows
from app.models import AuditEntry

Kind = Literal[
    "app_allowed",
    "background_task_run",
    "background_task_toggled",
    "backup_config_updated",
    "bot_made",
    "channel_created",
    "channel_deleted",
    "channel_updated",
    "file_deleted",
    "file_upload",
    "files_cleaned_up",
    "ip_blocked",
    "ip_unblocked",
    "password_changed",
    "refresh_token_reused",
    "report_resolved",
    "role_created",
    "role_deleted",
    "role_updated",
    "runtime_config_updated",
    "server_avatar_updated",
    "server_banner_updated",
    "server_settings_updated",
    "tokens_reset",
    "user_banned",
    "user_joined",
    "user_roles_updated",
    "user_signed_in",
    "user_timed_out",
    "user_timeout_ended",
    "user_unbanned",
]


def note(
    session: Session,
    type: Kind,
    *,
    actor_id: str | None,
    target: str | None = None,
    now: datetime | None = None,
    **data: Any,
) -> None:
    """One entry, kept if the transaction is. `target` is an id, an address or a name; `data` holds no text that
    people wrote to each other and nothing secret."""
    entry = {"type": type, "actor_id": actor_id, "target": target, "data": data, "created_at": now or datetime.now(UTC)}
    insert_rows(session, AuditEntry, entry)
