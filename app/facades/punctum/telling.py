"""What client sockets are told (contracts/punctum.md, 3.3): whole objects, and pings that delete, to those who may read
them when they are sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from app.facades.punctum.news import News, Telling
from app.facades.punctum.sights import Sights
from app.live.process import Live, live
from app.queries.events import RecordedEvent

SIGHTS: Final = Sights()
"""Of this process."""

_AT_ONCE: Final = 50  # As each socket's queue takes 256, the writers have their turn in between.


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
    for number, (position, telling) in enumerate(told, start=1):
        _send(telling, position)
        if number % _AT_ONCE == 0:
            time.sleep(0)


def _send(telling: Telling, position: int) -> None:
    text = msgspec.json.encode(telling.body).decode()
    live().hub.send(telling.users, text, channel_id=None, position=position, family="punctum")
