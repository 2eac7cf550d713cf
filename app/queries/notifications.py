"""Reads of notifications: that somebody mentioned one in a channel that one still sees."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Select, String, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from activitypub.uris import domain_of
from app.db import rows_of
from app.errors import NotFoundError
from app.ids import first_id_at
from app.insertion import LOOKS_ELSEWHERE
from app.models import Account, Actor, Block, Channel, Message, Notification
from app.queries.viewers import Viewer
from app.queries.visibility import channel_is_visible

MOST_BY_AUTHOR: Final = 20
"""Notifications of one recipient within what their caller calls lately."""
MOST_BY_DOMAIN: Final = 60
"""And those by all the people of another domain's servers."""
NO_SUCH_NOTIFICATION = "The provided notification_id does not exist or could not be found."


class NotificationView(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    type: str
    actor_id: str
    channel_id: str
    message_id: str
    created_at: datetime
    read_at: datetime | None


_LISTENING = (
    select(Account.actor_id)
    .where(
        Account.actor_id.in_(bindparam("candidates", expanding=True)),
        ~select(Block.id)
        .where(Block.actor_id == Account.actor_id, Block.blocked_id == bindparam("author_id"), Block.space_id.is_(None))
        .exists(),
    )
    .order_by(Account.actor_id)
    .execution_options(**LOOKS_ELSEWHERE)
)
_TOLD_LATELY: Final = (
    select(
        Notification.account_id,
        func.sum(case((Notification.actor_id == bindparam("author_id"), 1), else_=0)).label("by_author"),
        func.count().label("by_domain"),
    )
    .join(Actor, Actor.id == Notification.actor_id)
    .where(
        Notification.account_id.in_(bindparam("candidates", expanding=True)),
        Notification.id > bindparam("since"),
        or_(
            Actor.id == bindparam("author_id"),
            Actor.host == bindparam("domain"),
            Actor.host.endswith(bindparam("below", type_=String)),
        ),
    )
    .group_by(Notification.account_id)
)


def list_notifications(session: Session, viewer: Viewer, *, page: int, size: int) -> list[NotificationView]:
    """The newest first."""
    query = (
        _own(viewer, select(Notification, Message.channel_id))
        .order_by(Notification.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return [_view(*row) for row in session.execute(query, _bound(viewer))]


def count_unread_notifications(session: Session, viewer: Viewer) -> int:
    query = _own(viewer, select(func.count()).select_from(Notification)).where(Notification.read_at.is_(None))
    return session.scalar(query, _bound(viewer)) or 0


def get_notification(session: Session, viewer: Viewer, notification_id: str) -> NotificationView:
    """Raises NotFoundError for somebody else's, and for one about a message that the viewer no longer sees."""
    query = _own(viewer, select(Notification, Message.channel_id)).where(Notification.id == notification_id)
    row = session.execute(query, _bound(viewer)).one_or_none()
    if row is None:
        raise NotFoundError(NO_SUCH_NOTIFICATION)
    return _view(*row)


def find_views(session: Session, notification_ids: Collection[str]) -> dict[str, NotificationView]:
    """Those that there still are, by id, for whoever checks who may see them: one goes with its message."""
    query: Select[*tuple[Any, ...]] = (
        select(Notification, Message.channel_id)
        .join(Message, Message.id == Notification.message_id)
        .where(Notification.id.in_(notification_ids))
    )
    return {row.Notification.id: _view(*row) for row in session.execute(query)}


def unread_ids(viewer: Viewer) -> Select[str]:
    """As part of another statement, where who the viewer is will be bound as `viewer_id`: those seen and not read."""
    return _own(viewer, select(Notification.id)).where(Notification.read_at.is_(None))


def list_told_enough(session: Session, account_ids: Collection[str], *, author_id: str, since: datetime) -> set[str]:
    """Those whom the author has told of all that one may tell another, or the author's domain of all that one may."""
    domain = domain_of(session.get_one(Actor, author_id).host or "")
    bound = {"candidates": account_ids, "author_id": author_id, "since": first_id_at("notification", since)}
    rows = session.execute(_TOLD_LATELY, bound | {"domain": domain, "below": f".{domain}"})
    return {row.account_id for row in rows if row.by_author >= MOST_BY_AUTHOR or row.by_domain >= MOST_BY_DOMAIN}


def count_told_by(session: Session, author_id: str, *, since: datetime) -> int:
    """How often the author's messages since then have told anybody of themselves."""
    told = select(func.count()).select_from(Message).join(Notification, Notification.message_id == Message.id)
    late = told.where(Message.author_id == author_id, Message.id > first_id_at("msg", since))
    return session.scalar(late) or 0


def list_mentioned(session: Session, message_id: str) -> set[str]:
    """The accounts that were told of a message."""
    return set(session.scalars(select(Notification.account_id).where(Notification.message_id == message_id)))


def list_listening(session: Session, candidates: Collection[str], *, author_id: str, limit: int) -> list[str]:
    """Those of the first `limit` candidates (actor ids) who have an account here and have not blocked the author."""
    rows = rows_of(session, _LISTENING, {"candidates": sorted(candidates)[:limit], "author_id": author_id})
    return [row.actor_id for row in rows]


def _bound(viewer: Viewer) -> dict[str, str]:
    return {"viewer_id": viewer.actor_id}


def _own(viewer: Viewer, query: Select[*tuple[Any, ...]]) -> Select[Any]:
    return (
        query.join(Message, Message.id == Notification.message_id)
        .join(Channel, Channel.actor_id == Message.channel_id)
        .where(Notification.account_id == viewer.actor_id, Message.deleted_at.is_(None), channel_is_visible(viewer))
    )


def _view(row: Notification, channel_id: str) -> NotificationView:
    return NotificationView(
        id=row.id,
        account_id=row.account_id,
        type=row.type,
        actor_id=row.actor_id,
        channel_id=channel_id,
        message_id=row.message_id,
        created_at=row.created_at,
        read_at=row.read_at,
    )
