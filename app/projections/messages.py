"""Writes of messages, of their texts, and of what people did to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.db import row_count, upsert
from app.errors import NotFoundError
from app.ids import new_id
from app.insertion import LOOKS_ELSEWHERE, insert_rows
from app.models import (
    ActivityDocument,
    Actor,
    Channel,
    Conversation,
    HistoryGap,
    Message,
    MessageContent,
    Notification,
    Participant,
    Pin,
    Reaction,
    SearchTerms,
    Share,
)
from app.projections import activities, files
from app.queries.channels import NO_SUCH_CHANNEL
from app.queries.messages import Content, encode_content, scope_of
from app.queries.paging import BLOCK
from app.queries.parts import in_parts, through_all
from app.queries.search import search_terms
from app.sealing import seal_row

# Built once, because building a statement takes longer than running it.
_channels: Any = Channel.__table__
_conversations: Any = Conversation.__table__
_ADVANCE_CHANNEL = (
    update(_channels)
    .where(_channels.c.actor_id == bindparam("place_id"), _channels.c.deleted_at.is_(None))
    .values(head=_channels.c.head + 1)
    .returning(_channels.c.head)
)
_ADVANCE_CONVERSATION = (
    update(_conversations)
    .where(_conversations.c.id == bindparam("place_id"))
    .values(head=_conversations.c.head + 1)
    .returning(_conversations.c.head)
)


def add(
    session: Session,
    *,
    id: str,
    uri: str,
    author_id: str,
    channel_id: str | None,
    conversation_id: str | None,
    audience: str,
    in_reply_to: str | None,
    published_at: datetime,
    content: Content,
    edited_at: datetime | None = None,
) -> int:
    """Store a message at the end of its channel or conversation; returns its position there.

    Taking the position locks that channel's row until the commit, which is what keeps positions in commit order. Raises
    NotFoundError where the channel was deleted since it was looked at.
    """
    sealed = seal_row(session, channel_id or conversation_id or "", id, encode_content(content))
    position = _next_position(session, channel_id, conversation_id)
    insert_rows(
        session,
        Message,
        {
            "id": id,
            "uri": uri,
            "author_id": author_id,
            "channel_id": channel_id,
            "conversation_id": conversation_id,
            "position": position,
            "audience": audience,
            "in_reply_to": in_reply_to,
            "published_at": published_at,
            "edited_at": edited_at,
        },
    )
    insert_rows(session, MessageContent, {"message_id": id, "sealed": sealed})
    if channel_id is not None:
        insert_rows(session, SearchTerms, {"message_id": id, "terms": search_terms(channel_id, position, content.text)})
    return position


def edit(session: Session, message: Message, *, content: Content, edited_at: datetime, in_reply_to: str | None) -> bool:
    """False where it was erased since it was looked at; whoever erases it from now on waits for the commit."""
    sealed = seal_row(session, scope_of(message), message.id, encode_content(content))
    edited = session.execute(
        update(MessageContent).where(MessageContent.message_id == message.id).values(sealed=sealed)
    )
    if row_count(edited) == 0:
        return False
    session.execute(
        update(Message).where(Message.id == message.id).values(edited_at=edited_at, in_reply_to=in_reply_to)
    )
    if message.channel_id is not None:
        terms = search_terms(message.channel_id, message.position, content.text)
        session.execute(update(SearchTerms).where(SearchTerms.message_id == message.id).values(terms=terms))
    return True


def erase(session: Session, message: Message, *, now: datetime) -> None:
    """Leave the tombstone: the row stays, and nothing of what it said or of what was said to it."""
    _count_gaps(session, _erase(session, Message.id == message.id, now=now))


def erase_all_by(session: Session, author: Actor, *, now: datetime, kept: str | None) -> None:
    """Everything one actor said, with what was recorded of it (`activities.erase_documents`), and every sign of
    approval it gave."""
    _erase_said(session, Message.author_id == author.id, now=now, kept=kept)
    session.execute(delete(Reaction).where(Reaction.actor_id == author.id))
    session.execute(delete(Share).where(Share.actor_id == author.id))


def erase_all_by_in(session: Session, author: Actor, channel_id: str, *, now: datetime) -> None:
    """Everything one actor said in a channel, with what was recorded of it. Said again, it finds nothing to do."""
    said = and_(Message.author_id == author.id, Message.channel_id == channel_id, Message.deleted_at.is_(None))
    _erase_said(session, said, now=now, kept=None)


def erase_all_in(session: Session, channel_id: str, *, now: datetime) -> None:
    """Everything that was said in a channel, and every recorded document that is sealed with the channel's key."""
    for part in in_parts(session, Message.channel_id == channel_id, along=Message.position):
        _erase(session, part, now=now, has_readers=False)
    # No index has their scope: all that is said would pay for it.
    for part in through_all(session, along=ActivityDocument.activity_id):
        sealed = delete(ActivityDocument).where(part, ActivityDocument.scope == channel_id)
        session.execute(sealed, execution_options={"synchronize_session": False})


def _erase_said(session: Session, which: ColumnElement[bool], *, now: datetime, kept: str | None) -> None:
    gaps = Counter[tuple[str, int]]()
    for part in in_parts(session, which, along=Message.id):
        said = session.scalars(select(Message.uri).where(part)).all()
        gaps += _erase(session, part, now=now)
        activities.erase_documents_about(session, said, kept=kept)
    _count_gaps(session, gaps)


def _erase(
    session: Session, which: ColumnElement[bool], *, now: datetime, has_readers: bool = True
) -> Counter[tuple[str, int]]:
    """How many are gone of each block of a place, where anybody still reads it."""
    ids = select(Message.id).where(which)
    files.remove_of_messages(session, ids)
    for said in (MessageContent, Notification, Reaction, SearchTerms, Share):
        session.execute(delete(said).where(said.message_id.in_(ids)).execution_options(synchronize_session=False))
    session.execute(
        delete(Pin)
        .where(Pin.object_uri.in_(select(Message.uri).where(which)))
        .execution_options(synchronize_session=False)
    )
    deleted = update(Message).where(which, Message.deleted_at.is_(None)).values(deleted_at=now)
    if not has_readers:
        session.execute(deleted, execution_options={"synchronize_session": False})
        return Counter()
    # Those that are deleted now: whoever deletes one at the same moment counts it, or we do.
    rows = session.execute(
        deleted.returning(Message.channel_id, Message.conversation_id, Message.position),
        execution_options={"synchronize_session": False},
    )
    return Counter((row[0] or row[1] or "", row[2] // BLOCK) for row in rows)


def _count_gaps(session: Session, gaps: Counter[tuple[str, int]]) -> None:
    if not gaps:
        return
    # In one order for all, so that two who delete much do not wait for each other.
    rows = [{"place_id": place, "block": block, "deleted": gaps[place, block]} for place, block in sorted(gaps)]
    counted = upsert(session, HistoryGap)
    session.execute(
        counted.on_conflict_do_update(
            index_elements=[HistoryGap.place_id, HistoryGap.block],
            set_={"deleted": HistoryGap.deleted + counted.excluded.deleted},
        ),
        rows,
    )


def ensure_conversation(session: Session, id: str, participants: Sequence[Actor], *, now: datetime) -> bool:
    """Whether it is new."""
    made = session.execute(
        upsert(session, Conversation)
        .values(id=id, head=0, created_at=now)
        .on_conflict_do_nothing()
        .returning(Conversation.id)
    ).all()
    session.execute(
        upsert(session, Participant)
        .values([{"conversation_id": id, "actor_id": actor.id} for actor in participants])
        .on_conflict_do_nothing()
    )
    return bool(made)


def react(session: Session, message: Message, actor: Actor, *, emoji: str, activity_uri: str, now: datetime) -> bool:
    """Whether it is new: one actor reacts once with one emoji, also when two requests come at the same moment."""
    made = session.scalar(
        upsert(session, Reaction)
        .values(
            id=new_id("react"),
            message_id=message.id,
            actor_id=actor.id,
            emoji=emoji,
            activity_uri=activity_uri,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Reaction.id)
    )
    return made is not None


def take_back_reaction(session: Session, reaction: Reaction) -> None:
    session.execute(delete(Reaction).where(Reaction.id == reaction.id))


def share(session: Session, message: Message, actor: Actor, *, activity_uri: str, now: datetime) -> None:
    session.execute(
        upsert(session, Share)
        .values(message_id=message.id, actor_id=actor.id, activity_uri=activity_uri, created_at=now)
        .on_conflict_do_nothing()
    )


def take_back_share(session: Session, actor: Actor, activity_uri: str) -> None:
    session.execute(delete(Share).where(Share.activity_uri == activity_uri, Share.actor_id == actor.id))


def _next_position(session: Session, channel_id: str | None, conversation_id: str | None) -> int:
    place_id = {"place_id": channel_id or conversation_id}
    statement = _ADVANCE_CHANNEL if channel_id is not None else _ADVANCE_CONVERSATION
    position: int | None = session.execute(statement, place_id, execution_options=LOOKS_ELSEWHERE).scalar()
    if position is None:
        raise NotFoundError(NO_SUCH_CHANNEL)
    return position
