"""Reads of channels and of how far they were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.db import find_loaded, rows_of
from app.errors import NotFoundError
from app.models import Actor, Channel, Follow, Message, Pin, ReadMark, Space
from app.queries.actors import ACCEPTED
from app.queries.viewers import Viewer
from app.queries.visibility import Standing, channel_is_visible_to, standing_of
from app.uris import Uris

_follower = aliased(Actor)
_followers_host = select(_follower.host).where(_follower.id == Follow.actor_id).scalar_subquery()
# A channel elsewhere is heard while one of ours follows it, or has asked to: else whoever was followed once could fill
# our tables for ever. What instances tell of theirs, they are asked for.
_IS_HEARD = or_(
    Channel.space_id.is_not(None),
    # Neither by EXISTS nor as a join, for which PostgreSQL would first list whom all of ours follow, or all of ours. In
    # the order of the index, or it would look through all follows where one actor has most of them.
    select(Follow.id)
    .where(Follow.target_id == Channel.actor_id, _followers_host.is_(None))
    .order_by(Follow.state, Follow.id)
    .limit(1)
    .scalar_subquery()
    .is_not(None),
)
# Who has become a person is written to as one: that is not for all who were in the channel.
_IS_CHANNEL = and_(Actor.type == "Group", Actor.deleted_at.is_(None), Channel.deleted_at.is_(None), _IS_HEARD)
# Built once, because building a statement takes longer than running it.
_CHANNELS = select(Channel, Actor).join(Actor, Actor.id == Channel.actor_id).where(_IS_CHANNEL)
_OF_OWNERS = _CHANNELS.where(Actor.uri.in_(bindparam("owners", expanding=True)))
_HEARD = _CHANNELS.with_only_columns(Channel).where(Channel.actor_id == bindparam("channel_id"))
_TOLD = (
    select(Follow.id)
    .where(Follow.target_id == bindparam("channel_id"), Follow.state == ACCEPTED, _followers_host.is_(None))
    .order_by(Follow.state, Follow.id)  # As above.
    .limit(1)
)

MOST_UNREAD: Final = 1000
"""Messages of a channel that are counted as unread, the newest."""
_MOST_MARKS: Final = 50
_MAX_LISTED: Final = 1000
_MAX_READ: Final = 200
NO_SUCH_CHANNEL = "The provided channel ID does not exist or could not be found."


class ChannelView(msgspec.Struct, frozen=True):
    """A channel as its viewers see it. `host` is None for ours; `member_ids` only matters for private ones."""

    id: str
    uri: str
    name: str
    type: str
    is_private: bool
    space_id: str | None
    host: str | None
    created_at: datetime
    member_ids: tuple[str, ...] = ()


def get_home_space(session: Session) -> Space:
    """Made by the first migration of an installation, so its absence is a mistake of ours."""
    return session.scalars(select(Space).where(Space.is_home)).one()


def lock_home_space(session: Session) -> None:
    """Until the end of the transaction, nobody else is past this."""
    session.execute(select(Space.actor_id).where(Space.is_home).with_for_update(key_share=True))


def get_visible(
    session: Session, viewer: Viewer, channel_id: str, *, with_viewer: bool = False
) -> tuple[Channel, Actor]:
    """The channel and its actor; `with_viewer` loads the viewer's own actor, too, for what follows in this session, and
    keeps it, as `projections.actors.keep` does.

    Raises NotFoundError where it is missing or is not for the viewer, or the viewer is gone.
    """
    statement = _visible_one(standing_of(viewer), with_viewer=with_viewer)
    row = session.execute(statement, {"channel_id": channel_id, "viewer_id": viewer.actor_id}).one_or_none()
    if row is None:
        raise NotFoundError(NO_SUCH_CHANNEL)
    return row[0], row[1]


def require_visible(session: Session, viewer: Viewer, channel_id: str) -> None:
    """As `get_visible`, for whoever only needs to know that it may be seen. Raises NotFoundError."""
    if not rows_of(session, _visible_id(standing_of(viewer)), {"channel_id": channel_id, "viewer_id": viewer.actor_id}):
        raise NotFoundError(NO_SUCH_CHANNEL)


@cache
def _visible_id(standing: Standing) -> Select[*tuple[Any, ...]]:
    return select(Channel.actor_id).where(
        Channel.actor_id == bindparam("channel_id"), channel_is_visible_to(bindparam("viewer_id"), standing)
    )


@cache
def _visible_one(standing: Standing, *, with_viewer: bool) -> Select[*tuple[Any, ...]]:
    visible: Select[*tuple[Any, ...]] = (
        select(Channel, Actor)
        .join(Actor, Actor.id == Channel.actor_id)
        .where(
            Channel.actor_id == bindparam("channel_id"),
            channel_is_visible_to(bindparam("viewer_id"), standing),
        )
    )
    if not with_viewer:
        return visible
    own = aliased(Actor)
    is_own = and_(own.id == bindparam("viewer_id"), own.deleted_at.is_(None))
    return visible.add_columns(own).join(own, is_own).with_for_update(read=True, of=own)


def find_view(session: Session, channel_id: str) -> ChannelView | None:
    """A living channel, for whoever checks who may see it."""
    found = find_channel_with_actor(session, channel_id)
    if found is None:
        return None
    members = list_members(session, [channel_id]) if found[0].is_private else {}
    return view_channel(found[0], found[1].uri, found[1].host, members.get(channel_id, ()))


def find_channel(session: Session, channel_id: str | None) -> Channel | None:
    """For the pipeline, which decides itself who may."""
    if channel_id is None:
        return None
    return session.scalar(select(Channel).where(Channel.actor_id == channel_id, Channel.deleted_at.is_(None)))


def find_heard_channel(session: Session, channel_id: str) -> Channel | None:
    """One of ours, or another server's that somebody here listens to."""
    return session.scalar(_HEARD, {"channel_id": channel_id})


def is_told(session: Session, channel_id: str) -> bool:
    """Whether another server's channel has let somebody of ours in, and so tells us what is said in it."""
    return session.scalar(_TOLD, {"channel_id": channel_id}) is not None


def find_channel_with_actor(session: Session, channel_id: str | None) -> tuple[Channel, Actor] | None:
    if channel_id is None:
        return None
    row = session.execute(
        select(Channel, Actor)
        .join(Actor, Actor.id == Channel.actor_id)
        .where(Channel.actor_id == channel_id, Channel.deleted_at.is_(None))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def list_space_channel_ids(session: Session, space_id: str) -> list[str]:
    return list(session.scalars(select(Channel.actor_id).where(Channel.space_id == space_id)))


def find_addressed(session: Session, uris: Uris, addressed: Sequence[str]) -> tuple[Channel, Actor] | None:
    """The first channel among the addressed URIs that is heard here: itself, its followers collection or its messages
    collection."""
    owners = {owner: position for position, uri in enumerate(addressed) for owner in _owners(uri)}
    if not owners:
        return None
    loaded = _find_loaded(session, uris, _owners(addressed[0]))
    if loaded is not None:
        return loaded
    rows = session.execute(_OF_OWNERS, {"owners": list(owners)}).all()
    best = min(rows, key=lambda row: owners[row[1].uri], default=None)
    return (best[0], best[1]) if best else None


def _owners(uri: str) -> tuple[str, str]:
    """What may be addressed by a URI: the thing itself, or whose collection it is."""
    return uri, uri.rpartition("/")[0]


def _find_loaded(session: Session, uris: Uris, owners: Sequence[str]) -> tuple[Channel, Actor] | None:
    """The living channel of ours with one of these URIs, if the session holds it already."""
    for owner in owners:
        own_id = uris.local_id(owner) or ""
        channel, group = find_loaded(session, Channel, own_id), find_loaded(session, Actor, own_id)
        if channel is not None and group is not None and group.uri == owner:
            return (channel, group) if channel.deleted_at is None and group.deleted_at is None else None
    return None


def is_name_taken(session: Session, name_key: str) -> bool:
    return session.scalar(select(Channel.actor_id).where(Channel.name_key == name_key)) is not None


def list_visible(session: Session, viewer: Viewer) -> list[ChannelView]:
    """The viewer's channels, oldest first; private ones with their members, whatever server they are of."""
    rows = session.execute(_all_visible(standing_of(viewer)), {"viewer_id": viewer.actor_id}).all()
    members = list_members(session, [row.Channel.actor_id for row in rows if row.Channel.is_private])
    return [view_channel(row.Channel, row.uri, row.host, members.get(row.Channel.actor_id, ())) for row in rows]


@cache
def _all_visible(standing: Standing) -> Select[Channel, str, str | None]:
    return (
        select(Channel, Actor.uri, Actor.host)
        .join(Actor, Actor.id == Channel.actor_id)
        .where(channel_is_visible_to(bindparam("viewer_id"), standing))
        .order_by(Channel.actor_id)
        .limit(_MAX_LISTED)
    )


def view_channel(channel: Channel, uri: str, host: str | None, member_ids: Sequence[str] = ()) -> ChannelView:
    return ChannelView(
        id=channel.actor_id,
        uri=uri,
        name=channel.name,
        type=channel.type,
        is_private=channel.is_private,
        space_id=channel.space_id,
        host=host,
        created_at=channel.created_at,
        member_ids=tuple(member_ids),
    )


def list_members(session: Session, channel_ids: Sequence[str]) -> dict[str, list[str]]:
    """Actor ids that follow each channel, for a page of channels."""
    members: dict[str, list[str]] = {}
    if channel_ids:
        query = (
            select(Follow.target_id, Follow.actor_id)
            .where(Follow.target_id.in_(channel_ids), Follow.state == ACCEPTED)
            .order_by(Follow.id)
        )
        for target_id, actor_id in session.execute(query):
            members.setdefault(target_id, []).append(actor_id)
    return members


def list_remote_members(session: Session, channel_id: str) -> list[Actor]:
    """The people of other servers in a channel."""
    return list(
        session.scalars(
            select(Actor)
            .join(Follow, Follow.actor_id == Actor.id)
            .where(
                Follow.target_id == channel_id,
                Follow.state == ACCEPTED,
                Actor.host.is_not(None),
                Actor.deleted_at.is_(None),
            )
            .order_by(Follow.id)
        )
    )


def count_unread(session: Session, viewer: Viewer) -> dict[str, int]:
    """Messages of others behind the viewer's mark, and among the newest thousand, for every channel it sees; channels
    without any are left out."""
    rows = session.execute(_unread(standing_of(viewer)), {"viewer_id": viewer.actor_id})
    return {row[0]: row[1] for row in rows if row[1]}


@cache
def _unread(standing: Standing) -> Select[str, int]:
    viewer_id: ColumnElement[str] = bindparam("viewer_id")
    mark = and_(ReadMark.channel_id == Channel.actor_id, ReadMark.actor_id == viewer_id)
    read, counted_from = func.coalesce(ReadMark.position, 0), Channel.head - MOST_UNREAD
    # Between two positions, or PostgreSQL takes it for much of the channel, and goes through all of that.
    start = case((read > counted_from, read), else_=counted_from)
    unread = (
        select(func.count())
        .where(
            Message.channel_id == Channel.actor_id,
            Message.position > start,
            Message.position <= start + MOST_UNREAD,
            Message.deleted_at.is_(None),
            Message.author_id != viewer_id,
        )
        .correlate(Channel, ReadMark)
    )
    return (
        select(Channel.actor_id, unread.scalar_subquery())
        .select_from(Channel)
        .outerjoin(ReadMark, mark)
        .where(channel_is_visible_to(viewer_id, standing), Channel.head > read)
    )


def list_read_message_ids(session: Session, viewer: Viewer) -> list[str]:
    """The newest messages at or before the viewer's newest marks, of some positions before each."""
    marks = session.execute(_marks(standing_of(viewer)), {"viewer_id": viewer.actor_id}).all()
    # By what is known of each, or PostgreSQL goes through all messages in search of some that are marked.
    read = [
        and_(
            Message.channel_id == mark.channel_id,
            Message.position.between(mark.position - 2 * _MAX_READ, mark.position),
        )
        for mark in marks
    ]
    if not read:
        return []
    newest = select(Message.id).where(or_(*read), Message.deleted_at.is_(None)).order_by(Message.id.desc())
    return list(session.scalars(newest.limit(_MAX_READ)))


@cache
def _marks(standing: Standing) -> Select[str, int]:
    viewer_id: ColumnElement[str] = bindparam("viewer_id")
    return (
        select(ReadMark.channel_id, ReadMark.position)
        .join(Channel, Channel.actor_id == ReadMark.channel_id)
        .where(ReadMark.actor_id == viewer_id, channel_is_visible_to(viewer_id, standing))
        .order_by(ReadMark.updated_at.desc())
        .limit(_MOST_MARKS)
    )


def has_pinned(session: Session, channel_id: str, message_uri: str) -> bool:
    query = select(Pin.object_uri).where(Pin.channel_id == channel_id, Pin.object_uri == message_uri)
    return session.scalar(query) is not None
