"""A person as this facade's clients know one (contracts/pufferblow.md, 3)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from app.actions.tokens import origin_server
from app.facades.pufferblow.answers import Time, iso
from app.facades.pufferblow.urls import shown_url
from app.queries.accounts import Profile
from app.queries.privileges import ROLES, Role
from app.queries.viewers import Viewer
from app.settings import current
from app.web.authentication import token_expires_at
from app.web.shapes import Shape

_ADMIN_ROLES = frozenset({"owner", "admin"})
_ACCENTS = ("#0ea5e9", "#22c55e", "#d946ef", "#f97316", "#eab308", "#ef4444", "#6366f1", "#14b8a6")


class ResolvedRole(Shape):
    role_id: str
    role_name: str
    privileges_ids: list[str]
    is_system: bool


class ModerationState(Shape):
    is_banned: bool
    ban_reason: str | None
    banned_at: Time | None
    timeout_until: Time | None
    timeout_reason: str | None
    is_timed_out: bool


class UserData(Shape):
    """`is_owner` and `is_admin` are what the official SDK decides by; clients ask `resolved_privileges`."""

    user_id: str
    username: str
    about: str | None
    avatar_url: str | None
    banner_url: str | None
    avatar_kind: str
    banner_kind: str
    accent_color: str
    avatar_seed: str
    status: str
    origin_server: str
    inbox_id: str | None
    roles_ids: list[str]
    last_seen: Time
    joined_servers_ids: list[str]
    auth_token_expire_time: Time | None
    created_at: Time
    updated_at: Time
    resolved_roles: list[ResolvedRole]
    resolved_privileges: list[str]
    moderation_state: ModerationState
    is_owner: bool
    is_admin: bool


def user_data(profile: Profile, viewer: Viewer) -> UserData:
    """The profile as `viewer` may see it; when the viewer's own token ends is told to nobody else."""
    is_own = profile.actor_id == viewer.actor_id
    ends_at = token_expires_at() if is_own else None
    return UserData(
        user_id=profile.actor_id,
        username=profile.username,
        about=profile.about,
        avatar_url=shown_url(profile.avatar_url),
        banner_url=shown_url(profile.banner_url),
        avatar_kind="image" if profile.avatar_url else "identicon",
        banner_kind="image" if profile.banner_url else "solid",
        accent_color=_accent_of(profile.actor_id),
        avatar_seed=profile.actor_id,
        status=profile.status,
        origin_server=profile.host or origin_server(current()),
        inbox_id=None,
        roles_ids=list(profile.roles),
        last_seen=iso(profile.last_seen_at),
        joined_servers_ids=[profile.space_id],
        auth_token_expire_time=iso(ends_at) if ends_at else None,
        created_at=iso(profile.created_at),
        updated_at=iso(profile.updated_at),
        resolved_roles=[
            *(_resolved_role(ROLES[role]) for role in profile.roles if role in ROLES),
            *map(_resolved_role, profile.own_roles),
        ],
        resolved_privileges=sorted(profile.privileges),
        moderation_state=_moderation_state(profile, with_reasons=is_own or viewer.has("moderate_content")),
        is_owner="owner" in profile.roles,
        is_admin=not _ADMIN_ROLES.isdisjoint(profile.roles),
    )


def _resolved_role(role: Role) -> ResolvedRole:
    return ResolvedRole(
        role_id=role.id, role_name=role.name, privileges_ids=sorted(role.privileges), is_system=role.is_system
    )


def _moderation_state(profile: Profile, *, with_reasons: bool) -> ModerationState:
    timed_out_until = profile.timed_out_until
    is_timed_out = timed_out_until is not None and timed_out_until > datetime.now(UTC)
    return ModerationState(
        is_banned=profile.banned_at is not None,
        ban_reason=profile.ban_reason if with_reasons else None,
        banned_at=iso(profile.banned_at) if profile.banned_at else None,
        timeout_until=iso(timed_out_until) if timed_out_until and is_timed_out else None,
        timeout_reason=profile.timeout_reason if with_reasons and is_timed_out else None,
        is_timed_out=is_timed_out,
    )


def _accent_of(actor_id: str) -> str:
    """A colour that stays the person's own."""
    return _ACCENTS[hashlib.sha256(actor_id.encode()).digest()[0] % len(_ACCENTS)]
