"""Audiences: where the events of a batch happened, and who of those with a socket may see it there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from app.queries.events import RecordedEvent
from app.queries.visibility import Place, find_places, who_may_see


class Audiences:
    """Each place is asked about once, when it is needed, however many sockets and events there are."""

    def __init__(self, session: Session, batch: Sequence[RecordedEvent], viewers: Collection[str]) -> None:
        self._session = session
        self._viewers = viewers
        self._places = find_places(
            session,
            message_ids={event.message_id for event in batch if event.message_id},
            channel_ids={event.channel_id for event in batch if event.channel_id and not event.message_id},
        )
        self._known: dict[Place | str | None, frozenset[str]] = {}

    def place(self, event: RecordedEvent) -> Place | None:
        return self._places.get(event.message_id or event.channel_id or "")

    def seeing(self, event: RecordedEvent) -> frozenset[str]:
        """Who may see the place of the event now; nobody if it has none."""
        place = self.place(event)
        return frozenset() if place is None else self.at(place)

    def at(self, place: Place) -> frozenset[str]:
        key = place.space_id if place.is_for_everybody else place  # All open channels of a space have one audience.
        if key not in self._known:
            self._known[key] = frozenset(who_may_see(self._session, place, self._viewers))
        return self._known[key]
