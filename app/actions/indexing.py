"""Messages that were stored before there was a full-text index get their terms, the newest first."""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import transaction
from app.insertion import insert_rows
from app.models import Message, SearchTerms
from app.queries.messages import open_content
from app.queries.search import search_terms

BATCH: Final = 200
_AT_ONCE: Final = 5

_log = logging.getLogger(__name__)


def index_older() -> int:
    """Index some of them; how many. Ids go down from those there are, so that their order is that of the messages."""
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
    if done:
        _log.info("%s older messages were added to the full-text index", done)
    return done


def _index_some(session: Session) -> int:
    oldest = session.execute(
        select(SearchTerms.id, SearchTerms.message_id).order_by(SearchTerms.id).limit(1)
    ).one_or_none()
    waiting = select(Message).where(
        Message.channel_id.is_not(None),
        Message.deleted_at.is_(None),
        ~exists().where(SearchTerms.message_id == Message.id),
    )
    if oldest is not None:
        waiting = waiting.where(Message.id < oldest.message_id)
    # Whoever edits or deletes one of them waits until its terms are there; what they say is read after that is so.
    rows = session.scalars(waiting.order_by(Message.id.desc()).limit(BATCH).with_for_update()).all()
    next_id = min(oldest.id if oldest is not None else 0, 0) - 1
    for place, message in enumerate(rows):
        content = open_content(session, message)
        text = content.text if content is not None else ""
        terms = search_terms(message.channel_id or "", message.position, text)
        insert_rows(session, SearchTerms, {"id": next_id - place, "message_id": message.id, "terms": terms})
    return len(rows)
