"""Statuses: whoever changes somebody's has it told in the words of every family, in every process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from app.actions.presence import StatusChange
from app.live.process import Live, is_live, live
from app.services.bus import STATUSES


class ToldStatus(msgspec.Struct, frozen=True):
    """`source` says what it was changed by, `at` when."""

    actor_id: str
    status: str
    source: str
    at: datetime


def tell_status(change: StatusChange, source: str) -> None:
    """Told at once or never: a status is not recorded as what happened."""
    if is_live():
        told = ToldStatus(change.actor_id, change.status, source, datetime.now(UTC))
        live().bus.publish(STATUSES, msgspec.json.encode(told))


def listen(here: Live, listener: Callable[[ToldStatus], None]) -> None:
    """The listener must not wait."""
    here.bus.listen(STATUSES, lambda _topic, payload: listener(msgspec.json.decode(payload, type=ToldStatus)))
