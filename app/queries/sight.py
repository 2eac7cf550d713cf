"""Which channels somebody sees, which takes less than to read them: the rule of visibility for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from app.models import Channel
from app.queries.rule_of_sight import TO_SEE
from app.queries.viewers import Viewer
from app.queries.visibility import Standing, channel_is_visible_to, pairs_of_sight, standing_of

_NOBODY: Final[frozenset[str]] = frozenset()


def list_seen(session: Session, viewer: Viewer) -> set[str]:
    """The ids of all channels that the viewer sees."""
    return set(session.scalars(_seen(standing_of(viewer)), {"viewer_id": viewer.actor_id}))


def who_sees_each(
    session: Session, channels: Sequence[Channel], candidates: Collection[str]
) -> Mapping[str, frozenset[str]]:
    """Those of `candidates` (actor ids) who see each of the channels, by its id; in one query, which looks at one
    channel of those that are seen by the same people."""
    first: dict[object, str] = {}
    for channel in channels:
        first.setdefault(_kind_of(channel), channel.actor_id)
    seeing: dict[str, set[str]] = defaultdict(set)
    if first and candidates:
        values = {"candidates": list(candidates), "channel_ids": list(first.values())}
        for actor_id, channel_id in session.execute(_pairs(), values):
            seeing[channel_id].add(actor_id)
    shared = {channel_id: frozenset(actor_ids) for channel_id, actor_ids in seeing.items()}
    return {channel.actor_id: shared.get(first[_kind_of(channel)], _NOBODY) for channel in channels}


def list_channels_touched(
    session: Session, *, space_ids: Collection[str], channel_ids: Collection[str]
) -> Sequence[Channel]:
    """The living channels of those spaces, and those channels themselves, living or not."""
    if not space_ids and not channel_ids:
        return ()
    is_in = Channel.space_id.in_(space_ids) & Channel.deleted_at.is_(None)
    query = select(Channel).where(or_(is_in, Channel.actor_id.in_(channel_ids)))
    return session.scalars(query.order_by(Channel.actor_id)).all()


def _kind_of(channel: Channel) -> object:
    """What is the same for channels of which nobody sees one without the other."""
    if channel.deleted_at is not None:
        return None
    if channel.has_bits:
        return channel.space_id, channel.permissions
    return channel.actor_id if channel.is_private or channel.space_id is None else channel.space_id


@cache
def _seen(standing: Standing) -> Select[str]:
    is_seen = channel_is_visible_to(bindparam("viewer_id"), standing, needed=TO_SEE)
    return select(Channel.actor_id).where(is_seen)


@cache
def _pairs() -> Select[str, str]:
    return pairs_of_sight()
