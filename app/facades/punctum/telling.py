"""What client sockets are told (contracts/punctum.md, 3.3): whole objects, and pings that delete, to those who may read
them when they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from app.facades.punctum.news import News
from app.facades.punctum.sights import Sights
from app.live.pace import Pace
from app.live.process import Live, live
from app.queries.events import RecordedEvent

SIGHTS: Final = Sights()
"""Of this process."""

_PACE: Final = Pace()


def follow_events(here: Live) -> None:
    """Have this process's client sockets told of what happens, here and in other processes."""
    here.feed.register(tell)


def tell(session: Session, batch: Sequence[RecordedEvent]) -> None:
    """Everything is read before anything is sent: a batch that fails half way is given again."""
    viewers = live().hub.viewers("punctum")
    if not viewers:
        return
    news = News(session, batch, viewers, SIGHTS)
    told = [(event.position, telling) for event in batch for telling in news.of(event)]
    SIGHTS.note(news.changes)
    for position, telling in told:
        text = msgspec.json.encode(telling.body).decode()
        if live().hub.send(telling.users, text, channel_id=None, position=position, family="punctum"):
            _PACE.keep(text)
