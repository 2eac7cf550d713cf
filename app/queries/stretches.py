"""Stretches of what was said in a place: between two positions or since a time, and no more of it at once than is read
in a moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import ColumnElement, UnaryExpression, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models import Message, MessageContent
from app.queries.messages import VIEWS, MessageView, read_views

MOST_BYTES: Final = 8 << 20
"""Of all contents at once, as they are stored. A thousand of the longest messages take seconds to open and to write,
and nobody else is served meanwhile."""


def list_around(
    session: Session, place_id: str, *, is_channel: bool, before: int | None, after: int | None, size: int
) -> list[MessageView]:
    """Living messages of a place between two positions, the oldest first: the first `size` after one, else the last;
    fewer where they are long."""
    conditions = [_place(is_channel=is_channel) == place_id]
    if before is not None:
        conditions.append(Message.position < before)
    if after is not None:
        conditions.append(Message.position > after)
    is_upward = after is not None
    views = _read(session, conditions, Message.position if is_upward else Message.position.desc(), size)
    return views if is_upward else views[::-1]


def list_since(session: Session, place_id: str, *, is_channel: bool, since: datetime, size: int) -> list[MessageView]:
    """The newest living messages of a place that were published since then, the oldest first; fewer where they are
    long, or many of the last were deleted."""
    is_there = _place(is_channel=is_channel) == place_id
    newest = session.scalar(select(func.max(Message.position)).where(is_there)) or 0
    # Times are in no index: where there is nothing since then, all that was ever said would be looked through.
    conditions = [is_there, Message.position > newest - 2 * size, Message.published_at >= since]
    return _read(session, conditions, Message.position.desc(), size)[::-1]


def are_too_long(session: Session, message_ids: Collection[str]) -> bool:
    """Whether these messages are more than is read at once; one alone never is."""
    stored = select(func.sum(func.length(MessageContent.sealed))).where(MessageContent.message_id.in_(message_ids))
    return len(message_ids) > 1 and (session.scalar(stored) or 0) > MOST_BYTES


def _place(*, is_channel: bool) -> InstrumentedAttribute[str | None]:
    return Message.channel_id if is_channel else Message.conversation_id


def _read(
    session: Session,
    conditions: Collection[ColumnElement[bool]],
    order: InstrumentedAttribute[int] | UnaryExpression[Any],
    size: int,
) -> list[MessageView]:
    """The first of them, but no more than are read at once."""
    lengths = session.scalars(
        select(func.length(MessageContent.sealed))
        .join(Message, Message.id == MessageContent.message_id)
        .where(*conditions, Message.deleted_at.is_(None))
        .order_by(order)
        .limit(size)
    )
    fitting = sum(total <= MOST_BYTES for total in accumulate(lengths))
    return read_views(session, VIEWS.where(*conditions).order_by(order).limit(max(fitting, 1)), {})
