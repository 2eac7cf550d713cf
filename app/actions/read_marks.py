"""Read markers: how far somebody has read a channel. Nobody else hears of it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import reading, transaction, upsert
from app.errors import NotFoundError
from app.models import Channel, Message, ReadMark
from app.queries.channels import count_unread
from app.queries.channels import get_visible as get_visible_channel
from app.queries.messages import NO_SUCH_MESSAGE, get_visible
from app.queries.viewers import Viewer


def mark_read(viewer: Viewer, message_id: str, *, channel_id: str | None = None) -> None:
    """Note that the viewer has read a channel up to and with a message; a mark never goes back.

    With `channel_id`, the message must stand there. Raises NotFoundError.
    """
    with reading() as session:
        message, channel = get_visible(session, viewer, message_id)
        if channel is None or channel_id not in (None, channel.actor_id):
            raise NotFoundError(NO_SUCH_MESSAGE)
        if _is_marked(session, viewer, message):
            return  # Clients mark each message they show, most of them again and again.
    with transaction() as session:
        _advance(session, viewer, message)


def mark_all_read(viewer: Viewer, *, channel_id: str | None = None) -> dict[str, int]:
    """Note that the viewer has read all of a channel, or of every channel it sees; how many were unread, by channel.

    Raises NotFoundError for a channel that the viewer does not see.
    """
    with transaction() as session:
        if channel_id is not None:
            get_visible_channel(session, viewer, channel_id)
        unread = count_unread(session, viewer)
        waiting = {id_: count for id_, count in unread.items() if channel_id in (None, id_)}
        heads = session.execute(select(Channel.actor_id, Channel.head).where(Channel.actor_id.in_(waiting)))
        for row in heads.all():
            _advance_to(session, viewer, row.actor_id, row.head)
    return waiting


def _is_marked(session: Session, viewer: Viewer, message: Message) -> bool:
    position = session.scalar(
        select(ReadMark.position).where(ReadMark.actor_id == viewer.actor_id, ReadMark.channel_id == message.channel_id)
    )
    return position is not None and position >= message.position


def _advance(session: Session, viewer: Viewer, message: Message) -> None:
    _advance_to(session, viewer, message.channel_id or "", message.position)


def _advance_to(session: Session, viewer: Viewer, channel_id: str, position: int) -> None:
    mark = upsert(session, ReadMark).values(
        actor_id=viewer.actor_id, channel_id=channel_id, position=position, updated_at=datetime.now(UTC)
    )
    session.execute(
        mark.on_conflict_do_update(
            index_elements=[ReadMark.actor_id, ReadMark.channel_id],
            set_={"position": mark.excluded.position, "updated_at": mark.excluded.updated_at},
            where=ReadMark.position < mark.excluded.position,
        )
    )
