"""Where a page of a history begins, without counting all that is newer.

Positions in a place have no holes, and of each block of positions it is kept how many messages are deleted
(`history_gaps`). What is above a page is then known by subtraction, and less than a block is left to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.models import Channel, Conversation, HistoryGap

BLOCK: Final = 1024
_NEAR: Final = 1000  # So few are counted off at once.
_TOP: Final = 2**62  # Above every position.

_FROM_CHANNEL = (
    select(Channel.head, HistoryGap.block, HistoryGap.deleted)
    .outerjoin(HistoryGap, HistoryGap.place_id == Channel.actor_id)
    .where(Channel.actor_id == bindparam("place_id"))
    .order_by(HistoryGap.block.desc())
)
_FROM_CONVERSATION = (
    select(Conversation.head, HistoryGap.block, HistoryGap.deleted)
    .outerjoin(HistoryGap, HistoryGap.place_id == Conversation.id)
    .where(Conversation.id == bindparam("place_id"))
    .order_by(HistoryGap.block.desc())
)


class Start(NamedTuple):
    """Go down from position `top` and pass over `skip` living messages."""

    top: int
    skip: int


class Gap(NamedTuple):
    block: int
    deleted: int


def find_start(session: Session, place_id: str, *, is_channel: bool, skip: int) -> Start | None:
    """Where what comes after the newest `skip` living messages begins; None where nothing does."""
    if skip <= _NEAR:
        return Start(_TOP, skip)
    rows = session.execute(_FROM_CHANNEL if is_channel else _FROM_CONVERSATION, {"place_id": place_id}).all()
    if not rows:
        return None
    return seek(rows[0].head, [Gap(row.block, row.deleted) for row in rows if row.block is not None], skip)


def seek(head: int, gaps: Sequence[Gap], skip: int) -> Start | None:
    """The same by arithmetic; the newest gap first. What is left to skip is less than a block."""
    top = head
    for block, deleted in gaps:
        first, last = max(block * BLOCK, 1), block * BLOCK + BLOCK - 1
        whole = max(top - last, 0)  # Between this block and the one before, nothing is deleted.
        if skip < whole:
            return Start(top - skip, 0)
        skip, top = skip - whole, min(top, last)
        living = top - first + 1 - deleted
        if skip < living:
            return Start(top, skip)
        skip, top = skip - living, first - 1
    return Start(top - skip, 0) if skip < top else None
