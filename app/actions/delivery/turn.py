"""A turn: one worker speaks to one host for a few seconds, in the order of its queue, and then lets others."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from app import failpoints
from app.actions.delivery.health import Health, after_answer, after_failure, after_wait
from app.actions.delivery.lease import Lease, claim
from app.actions.delivery.policy import Answer, NoAnswer, Verdict, classify
from app.actions.delivery.posting import InboxClient, Poster, Posting, printable
from app.actions.delivery.schedule import JITTER, drain_rate
from app.actions.delivery.settlement import Outcome, settle
from app.actions.keys import signing_key
from app.actions.turns import COME_AGAIN_SECONDS, Clock, never, utc_now
from app.db import reading
from app.errors import UnavailableError
from app.queries.deliveries import AWAY, DueDelivery, find_next_attempt
from app.sealing import unseal_row

DEADLINE_SECONDS: Final = 10.0
_TURN: Final = timedelta(seconds=5)
_BATCH_SECONDS: Final = 1.0
_PROMPT_SECONDS: Final = 1.0
_SETTLE_PAUSES_SECONDS: Final = (1.0, 3.0, 6.0)
# A row that cannot be sent through a fault of ours waits this long for somebody to mend it.
_POISON_WAITS_SECONDS: Final = (60.0, 3600.0, 21600.0)

_log = logging.getLogger(__name__)


class Turn(msgspec.Struct, frozen=True):
    """What a turn came to. `is_prompt` is None where the host was not spoken to; `due_in_seconds` None for not soon."""

    delivered: int = 0
    is_prompt: bool | None = None
    due_in_seconds: float | None = None


def deliver(
    host: str,
    *,
    client: InboxClient,
    now: Clock = utc_now,
    pause: Callable[[float], None] = time.sleep,
    deadline_seconds: float = DEADLINE_SECONDS,
    should_stop: Callable[[], bool] = never,
) -> Turn:
    """Send the host what is due, oldest first, one request at a time, for at most some seconds.

    May be called at any time, by any number of workers: only one of them speaks to the host. No transaction is open
    while a request is. A row is sent again, with the same activity id, if this process dies between the host's answer
    and the note of it. Raises UnavailableError when the database is away; the rows are then as they were.
    """
    ends_at = now() + _TURN
    lease = claim(host, now())
    if lease is None:
        return Turn(due_in_seconds=_due_in_seconds(host, now()))
    failpoints.reach("deliver.leased")
    speaking = _Speaking(lease, Poster(client, now, deadline_seconds), pause, should_stop)
    while speaking.go_on(is_last=now() >= ends_at):
        pass
    return Turn(speaking.delivered, speaking.is_prompt, speaking.due_in_seconds)


@dataclass(slots=True)
class _Speaking:
    """A turn that is on: the lease, and what has been learned of the host since the last note."""

    lease: Lease
    poster: Poster
    pause: Callable[[float], None]
    should_stop: Callable[[], bool]
    delivered: int = 0
    is_prompt: bool | None = None
    is_held: bool = False
    due_in_seconds: float | None = None
    health: Health = field(init=False)
    scheme: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.health = self.lease.health
        self.scheme = self.lease.scheme

    def go_on(self, *, is_last: bool) -> bool:
        """Send a batch and note what came of it; whether there is a next one."""
        if self.lease.health.state in AWAY and not self.lease.rows:
            self._probe()
        outcomes = self._send_batch()
        is_last = is_last or self.is_held or self.should_stop()
        lease = self._settle(outcomes, is_last=is_last)
        failpoints.reach("deliver.settled")
        self._note_when_due(outcomes, is_last=is_last)
        if lease is None:
            return False
        self.lease = lease
        return True

    def _probe(self) -> None:
        """Nothing waits for a host that is away, so it is only asked whether it is back."""
        result = self.poster.probe(self.lease.host)
        now = self.poster.clock()
        verdict = classify(result, attempts=0, is_shared=False, now=now)
        if verdict.host == "unknown":
            self._note_failure(result, now)
        else:
            self._judge_host(verdict, result, now)

    def _settle(self, outcomes: list[Outcome], *, is_last: bool) -> Lease | None:
        """Patiently: what is not noted is sent twice, and a database that restarts is back in seconds."""
        for seconds in _SETTLE_PAUSES_SECONDS:
            try:
                return settle(
                    self.lease, outcomes, self.health, scheme=self.scheme, now=self.poster.clock(), is_last=is_last
                )
            except UnavailableError:
                self.pause(seconds)
        return settle(self.lease, outcomes, self.health, scheme=self.scheme, now=self.poster.clock(), is_last=is_last)

    def _note_when_due(self, outcomes: list[Outcome], *, is_last: bool) -> None:
        waits = [outcome.wait_seconds for outcome in outcomes if outcome.ending == "later"]
        if self.is_held:
            held_until = self.health.probe_at or self.poster.clock()
            waits = [(held_until - self.poster.clock()).total_seconds()]
        elif is_last:
            waits = [0.0]
        if self.due_in_seconds is not None:
            waits.append(self.due_in_seconds)
        self.due_in_seconds = min(waits, default=None)

    def _send_batch(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        began = self.poster.clock()
        for due in self.lease.rows:
            if self.is_held or self._must_note(began):
                break
            try:
                outcomes.append(self._send(due))
            except UnavailableError:
                self.is_held = True  # The database is away; what went out is noted, if that is still possible.
        return outcomes

    def _must_note(self, began: datetime) -> bool:
        """Outcomes are noted every second, and before the lease gets too short for another exchange, knocked twice."""
        now = self.poster.clock()
        left = (self.lease.until - now).total_seconds()
        is_noting_time = (now - began).total_seconds() >= _BATCH_SECONDS
        return is_noting_time or left < 2.5 * self.poster.deadline_seconds or self.should_stop()

    def _send(self, due: DueDelivery) -> Outcome:
        now = self.poster.clock()
        if due.expires_at <= now:
            return Outcome(due, "expired", now, error="it waited too long for the host")
        if due.sealed is None:
            return Outcome(due, "dropped", now, error="its document was erased")
        try:
            return self._post(due)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  The row is answered here: those behind it must go on (F32).
            _log.exception("delivery %s to %s cannot be sent", due.position, due.inbox)
            return self._poisoned(due, error)

    def _post(self, due: DueDelivery) -> Outcome:
        key = signing_key(due.sender_id)
        body = _open(due)
        self._keep_pace()
        sent_at = self.poster.clock()
        posting = self.poster.post(due.inbox, body, key, scheme=self.scheme, may_knock_twice=due.attempts == 0)
        failpoints.reach("deliver.answered")
        now = self.poster.clock()
        self.scheme = posting.learned_scheme or self.scheme
        self.is_prompt = self.is_prompt is not False and (now - sent_at).total_seconds() < _PROMPT_SECONDS
        return self._judge(due, body, posting, now)

    def _judge(self, due: DueDelivery, body: bytes, posting: Posting, now: datetime) -> Outcome:
        verdict = classify(posting.result, attempts=due.attempts, is_shared=due.is_shared, now=now)
        self._judge_host(verdict, posting.result, now)
        self.delivered += verdict.fate == "delivered"
        status = None if isinstance(posting.result, NoAnswer) else posting.result.status
        row_wait = verdict.wait_seconds if verdict.fate == "later" else 0.0
        return Outcome(due, verdict.fate, now, status, posting.sample, row_wait, body)

    def _judge_host(self, verdict: Verdict, result: Answer | NoAnswer, now: datetime) -> None:
        match verdict.host:
            case "alive":
                self.health = after_answer(self.health, now)
            case "failing":
                self._note_failure(result, now)
            case "busy":
                self.health = after_wait(self.health, now, seconds=verdict.wait_seconds)
                self.is_held = True
            case "unknown":
                pass

    def _note_failure(self, result: Answer | NoAnswer, now: datetime) -> None:
        is_absent = isinstance(result, NoAnswer) and result.is_absent
        jitter = random.uniform(*JITTER)  # noqa: S311  It spreads load and guards nothing.
        self.health = after_failure(self.health, now, is_absent=is_absent, jitter=jitter)
        self.is_held = True
        self.is_prompt = False

    def _poisoned(self, due: DueDelivery, error: Exception) -> Outcome:
        now = self.poster.clock()
        text = printable(f"{type(error).__name__}: {error}")
        if due.attempts >= len(_POISON_WAITS_SECONDS):
            return Outcome(due, "failed", now, error=text)
        return Outcome(due, "later", now, error=text, wait_seconds=_POISON_WAITS_SECONDS[due.attempts])

    def _keep_pace(self) -> None:
        if self.health.drain_since is not None:
            elapsed = (self.poster.clock() - self.health.drain_since).total_seconds()
            self.pause(1 / drain_rate(elapsed))


def _open(due: DueDelivery) -> bytes:
    with reading() as session:
        return unseal_row(session, due.scope or "", due.activity_id, due.sealed or b"")


def _due_in_seconds(host: str, now: datetime) -> float | None:
    """When to come again to a host that could not be claimed: where something is due, another worker has it, or died
    having it."""
    with reading() as session:
        at = find_next_attempt(session, host, now)
    if at is None:
        return None
    return (at - now).total_seconds() if at > now else COME_AGAIN_SECONDS
