"""What the turns of workers at the queue of a host have in common."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

Clock = Callable[[], datetime]

# To a host that another worker has: its turn may end just before it would have seen what is new.
COME_AGAIN_SECONDS: Final = 2.0


def utc_now() -> datetime:
    return datetime.now(UTC)


def never() -> bool:
    return False
