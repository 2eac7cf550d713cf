"""Reads of our actors' collections, a page at a time, and of each only what the asker may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import QueryableAttribute, Session

from app.models import Activity, ActivityDocument, Actor, Channel, Follow, Message, Pin
from app.queries.actors import ACCEPTED
from app.queries.redaction import redact
from app.queries.viewers import Viewer
from app.queries.visibility import document_is_shown, is_private_channel
from app.sealing import open_row

K = TypeVar("K", str, int)


class Cut(msgspec.Struct, Generic[K], frozen=True):
    """Where a page is cut out of a collection: after one item, or before one; neither for the first page.

    The items are named by their keys and need not be there any more, so that no cursor can do harm.
    """

    after: K | None = None
    before: K | None = None


class Page(msgspec.Struct, Generic[K], frozen=True):
    """URIs in the collection's order, and between which keys the pages around this one are cut."""

    items: Sequence[str]
    next_after: K | None
    previous_before: K | None


def list_followers(session: Session, target_id: str, cut: Cut[str], *, size: int) -> Page[str]:
    """Who follows the actor, or is a member of the channel; the oldest first."""
    query = select(Follow.id, Actor.uri).join(Actor, Actor.id == Follow.actor_id).where(_follows_of(target_id))
    return _cut_page(session, query, Follow.id, cut, size=size)


def list_following(session: Session, actor_id: str, cut: Cut[str], *, size: int) -> Page[str]:
    query = select(Follow.id, Actor.uri).join(Actor, Actor.id == Follow.target_id).where(_followed_by(actor_id))
    return _cut_page(session, query, Follow.id, cut, size=size)


def count_followers(session: Session, target_id: str) -> int:
    return session.scalar(select(func.count()).select_from(Follow).where(_follows_of(target_id))) or 0


def count_following(session: Session, actor_id: str) -> int:
    return session.scalar(select(func.count()).select_from(Follow).where(_followed_by(actor_id))) or 0


def list_messages(session: Session, channel_id: str, cut: Cut[int], *, size: int, is_member: bool) -> Page[int]:
    """A channel's living messages, the newest first; those meant for members only where a member asks."""
    query = select(Message.position, Message.uri).where(_living_in(channel_id, is_member=is_member))
    return _cut_page(session, query, Message.position, cut, size=size, newest_first=True)


def list_pinned(session: Session, channel_id: str, *, limit: int, is_member: bool) -> list[str]:
    query = (
        select(Message.uri)
        .join(Pin, and_(Pin.channel_id == Message.channel_id, Pin.object_uri == Message.uri))
        .where(_living_in(channel_id, is_member=is_member))
        .order_by(Pin.created_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def list_outbox(
    session: Session, actor_id: str, viewer: Viewer | None, *, page: int, size: int
) -> tuple[list[bytes], bool]:
    """(the recorded documents of a page, newest first, without text replaced since; whether there are more).

    What is hidden from the viewer is left out before pages are counted, so that they tell nothing of it. What is
    between two actors alone, a follow or a block, is listed for nobody.
    """
    query = (
        _select_outbox(Activity.id, ActivityDocument.scope, ActivityDocument.sealed)
        .where(Activity.actor_id == actor_id, document_is_shown(viewer))
        .order_by(Activity.position.desc())
        .limit(size + 1)
        .offset((page - 1) * size)
    )
    rows = session.execute(query).all()
    opened = [open_row(session, row.scope, row.id, row.sealed) for row in rows[:size]]
    return redact(session, [body for body in opened if body is not None]), len(rows) > size


def count_outbox(session: Session, actor_id: str) -> int:
    """What strangers see of it."""
    counted = _select_outbox(func.count()).where(Activity.actor_id == actor_id, document_is_shown(None))
    return session.scalar(counted) or 0


def _follows_of(target_id: str) -> ColumnElement[bool]:
    return and_(Follow.target_id == target_id, Follow.state == ACCEPTED)


def _followed_by(actor_id: str) -> ColumnElement[bool]:
    """Without private channels, whose members are told by nobody but themselves."""
    return and_(Follow.actor_id == actor_id, Follow.state == ACCEPTED, ~is_private_channel(Follow.target_id))


def _living_in(channel_id: str, *, is_member: bool) -> ColumnElement[bool]:
    living = and_(Message.channel_id == channel_id, Message.deleted_at.is_(None))
    return living if is_member else and_(living, Message.audience == "public")


def _select_outbox(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Activities that can still be shown: not erased and not taken back. What each shows, is for its place to say."""
    return (
        select(*columns)
        .select_from(Activity)
        .join(ActivityDocument, ActivityDocument.activity_id == Activity.id)
        .outerjoin(Channel, Channel.actor_id == ActivityDocument.scope)
        .where(Activity.undone_at.is_(None))
    )


def _cut_page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    key: QueryableAttribute[K],
    cut: Cut[K],
    *,
    size: int,
    newest_first: bool = False,
) -> Page[K]:
    """The page of `query`, whose rows are (key, URI); one row more is read to know whether it is the last."""
    is_forward = cut.before is None
    is_ascending = is_forward != newest_first
    edge = cut.after if is_forward else cut.before
    if edge is not None:
        query = query.where(key > edge if is_ascending else key < edge)
    rows = session.execute(query.order_by(key.asc() if is_ascending else key.desc()).limit(size + 1)).all()
    has_more, rows = len(rows) > size, rows[:size]
    if not is_forward:
        rows = rows[::-1]
    if not rows:
        return Page([], None, None)
    return Page(
        [row[1] for row in rows],
        next_after=rows[-1][0] if has_more or not is_forward else None,
        previous_before=rows[0][0] if (cut.after is not None if is_forward else has_more) else None,
    )
