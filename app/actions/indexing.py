"""Messages that were stored before there was a full-text index get their terms, the newest first."""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import Select, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.insertion import insert_rows
from app.models import Message, SearchTerms
from app.queries.messages import open_content
from app.queries.search import search_terms

BATCH: Final = 200
_AT_ONCE: Final = 5

_log = logging.getLogger(__name__)


def index_older() -> int:
    """Index some of them; how many. Ids go down from those there are, so that their order is that of the messages."""
    with reading() as session:
        if session.execute(_waiting(session).limit(1)).first() is None:
            return 0  # As ever after the first hours; nobody who writes has to wait for the look.
    done = 0
    for _ in range(_AT_ONCE):
        try:
            with transaction() as session:
                found = _index_some(session)
        except IntegrityError:
            break  # Another sweep was faster.
        done += found
        if found < BATCH:
            break
    _log.info("%s older messages were added to the full-text index", done)
    return done


def _waiting(session: Session) -> Select[Message]:
    """Those before the oldest that has terms."""
    waiting = select(Message).where(
        Message.channel_id.is_not(None),
        Message.deleted_at.is_(None),
        ~exists().where(SearchTerms.message_id == Message.id),
    )
    oldest_id = session.scalar(select(SearchTerms.message_id).order_by(SearchTerms.id).limit(1))
    return waiting if oldest_id is None else waiting.where(Message.id < oldest_id)


def _index_some(session: Session) -> int:
    lowest = session.scalar(select(func.min(SearchTerms.id))) or 0
    # Whoever edits or deletes one of them waits until its terms are there; what they say is read after that is so.
    newest_first = _waiting(session).order_by(Message.id.desc()).limit(BATCH).with_for_update()
    rows = session.scalars(newest_first).all()
    for below, message in enumerate(rows, start=1):
        content = open_content(session, message)
        text = content.text if content is not None else ""
        terms = search_terms(message.channel_id or "", message.position, text)
        insert_rows(session, SearchTerms, {"id": min(lowest, 0) - below, "message_id": message.id, "terms": terms})
    return len(rows)
