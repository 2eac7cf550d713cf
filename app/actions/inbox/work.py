"""A worker's turn at one host's accepted requests, in the order they came."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from activitypub.errors import ActivityPubError, FetchError, KeyUnavailableError
from activitypub.fetch import FetchBudget
from activitypub.strict_json import load_object
from activitypub.times import EARLIEST
from app.actions.inbox import queue
from app.actions.inbox.gather import gather
from app.actions.inbox.prove import prove
from app.actions.inbox.queue import QueuedItem
from app.actions.turns import Clock, never, utc_now
from app.db import TooMuchError
from app.errors import AppError, UnavailableError
from app.pipeline import Received, receive

MAX_FETCHES: Final = 20
_TURN: Final = timedelta(seconds=20)
_PROMPT_SECONDS: Final = 1.0
# What each item has of the lease at least when it begins.
_ENOUGH: Final = timedelta(seconds=50)

_log = logging.getLogger(__name__)


class Turn(msgspec.Struct, frozen=True):
    """`has_more` asks for another turn at once. `is_prompt` is None where nothing was done, False where some item took
    long, as it does where another server lets us wait for what the item is about.
    """

    processed: int = 0
    has_more: bool = False
    is_prompt: bool | None = None

    @property
    def due_in_seconds(self) -> float | None:
        return 0.0 if self.has_more else None


class _Lease(msgspec.Struct):
    host: str
    token: str
    until: datetime

    @property
    def is_inherited(self) -> bool:
        return queue.is_inherited(self.token)

    def has_enough(self, now: datetime) -> bool:
        """Whether there is time for one more item, which may need many fetches; it is made longer where there is not.

        False where another worker has taken the host meanwhile.
        """
        if self.until - now >= _ENOUGH:
            return True
        self.until = now + queue.LEASE
        return queue.extend(self.host, self.token, now)


def process(
    host: str,
    *,
    now: Clock = utc_now,
    should_stop: Callable[[], bool] = never,
) -> Turn:
    """Apply what is due from the host, for some seconds. May be called at any time by any number of workers.

    Raises UnavailableError when the database is away; what was not applied is then as it was.
    """
    ends_at = now() + _TURN
    token = queue.claim(host, now())
    if token is None:
        return Turn()
    lease = _Lease(host, token, until=now() + queue.LEASE)
    processed = 0
    longest = 0.0
    met: set[str] = set()
    try:
        while items := queue.list_due(host, now()):
            held: set[str] = set()  # Not for longer than these: whom the next look finds is due again.
            for item in items:
                if should_stop() or not lease.has_enough(now()):
                    return _turn(processed, longest)
                if item.author_uri in held or not _begin(item, lease, now()):
                    continue
                began = time.monotonic()
                if not _process_one(item, met, now) and item.author_uri and item.attempts < queue.HELD_ATTEMPTS:
                    held.add(item.author_uri)  # As the next look would tell, too.
                processed += 1
                longest = max(longest, time.monotonic() - began)
                if now() >= ends_at:
                    return _turn(processed, longest, has_more=True)
    finally:
        queue.release(host, token)
    # What came between the last look and the release was hinted at while we held the lease.
    return _turn(processed, longest, has_more=bool(queue.list_due(host, now())))


def _turn(processed: int, longest_seconds: float, *, has_more: bool = False) -> Turn:
    return Turn(processed, has_more, is_prompt=longest_seconds < _PROMPT_SECONDS if processed else None)


def _begin(item: QueuedItem, lease: _Lease, now: datetime) -> bool:
    """Count the attempt at an item that has perhaps ended a worker, because it may do so again; False where it has done
    so too often, and is put aside. Others are counted when they fail, which costs nothing where they do not (F32)."""
    if not lease.is_inherited and item.outcome != queue.UNENDED:
        return True
    if item.outcome == queue.UNENDED and item.attempts >= queue.MAX_ATTEMPTS:
        queue.finish(item.position, state="quarantined", outcome=queue.UNENDED, keep_body=True)
        return False
    queue.note_beginning(item, now)
    return True


def _process_one(item: QueuedItem, met: set[str], now: Clock) -> bool:
    """False when it is to be tried again. One item's failure is its own: the queue behind it moves on, except for what
    the same author said later, which waits a while."""
    try:
        _apply(item, met)
    except TooMuchError as error:
        _log.warning("cannot process %s: the database ended it", item.activity_uri)
        return _quarantine(item, error, now(), max_attempts=queue.MAX_ATTEMPTS)
    except UnavailableError:
        raise
    except (FetchError, KeyUnavailableError) as error:
        return _retry_or_drop(item, error, now())
    except (ActivityPubError, AppError) as error:
        _log.info("dropped %s: %s", item.activity_uri, error)
        queue.finish(item.position, state="dropped", outcome=str(error))
    except Exception as error:  # noqa: BLE001  A poisoned item must not stop its host's queue.
        _log.exception("cannot process %s", item.activity_uri)
        return _quarantine(item, error, now(), max_attempts=queue.POISON_ATTEMPTS)
    return True


def _apply(item: QueuedItem, met: set[str]) -> None:
    """The item is marked done in the transaction that applies it."""
    budget = FetchBudget(MAX_FETCHES)
    document = load_object(queue.open_body(item))
    proved = prove(document, signer=item.signer_uri, budget=budget, is_last_attempt=item.is_last_attempt)
    gathered = gather(proved, budget, met, is_last_attempt=item.is_last_attempt)
    received = Received(
        activity=proved.activity,
        # The time of a request is that of who signed it, who may pass on what is old.
        signed_at=item.signed_at if item.signer_uri == proved.activity.actor else EARLIEST,
        gathered=gathered,
        relayed=proved.relayed,
        queue_position=item.position,
        via=proved.via,
        brought_by=item.signer_uri,
    )
    if receive(received) is None:
        queue.finish(item.position, state="dropped", outcome="nothing here has an effect for it")


def _retry_or_drop(item: QueuedItem, error: ActivityPubError, now: datetime) -> bool:
    """False when it is to be tried again."""
    is_permanent = isinstance(error, FetchError) and error.permanent
    if is_permanent or item.is_last_attempt:
        queue.finish(item.position, state="dropped", outcome=str(error))
        return True
    queue.postpone(item, reason=str(error), now=now, seconds=queue.RETRY_SECONDS[item.attempts])
    return False


def _quarantine(item: QueuedItem, error: Exception, now: datetime, *, max_attempts: int) -> bool:
    """False when it is to be tried again."""
    if item.attempts + 1 >= max_attempts:
        queue.finish(item.position, state="quarantined", outcome=repr(error), keep_body=True)
        return True
    queue.postpone(item, reason=repr(error), now=now, seconds=queue.RETRY_SECONDS[item.attempts])
    return False
