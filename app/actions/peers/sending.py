"""A turn: one worker tells one instance what waits for it, in order, newest state only (contracts/punctum.md, 4.3)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from itertools import takewhile
from typing import Any, Final

import msgspec

from activitypub.errors import FetchError
from app.actions.peers.calls import INBOX, Answer, post
from app.actions.peers.lease import Lease, LeaseLostError, take_lease
from app.actions.peers.silence import ask_again, find_silent, note_silence, note_taken
from app.actions.turns import COME_AGAIN_SECONDS, Clock, never, utc_now
from app.db import reading, transaction
from app.errors import UnavailableError
from app.ids import INSTANCE_ID, is_object_id
from app.models import Outgoing
from app.pipeline.peers import CHANGED, CHANNELS, REACTION, REPORT, SUBSCRIBE
from app.projections import peers
from app.queries.messages import list_page
from app.queries.objects import find_object
from app.queries.peers import LEAVE, list_outgoing, names_at
from app.queries.punctum.federated import in_parcels, list_people_in, reading_order, show_for, show_hidden
from app.queries.punctum.joined import LATEST
from app.queries.punctum.shortcodes import to_shortcode
from app.queries.punctum.shown import Shown, stash
from app.queries.spaces import list_channels_of
from app.settings import current

_AT_ONCE: Final = 50  # With the accounts that they name, mostly one stash.
_TURN: Final = timedelta(seconds=20)
_BUSY_THERE_SECONDS: Final = 30.0
# What the instance, or we ourselves, cannot deal with waits this long, and for the last time again and again until it
# expires.
_ASIDE: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
_PAUSE_SECONDS: Final = 0.1  # Between two stashes, for whoever comes back to a long queue.

_log = logging.getLogger(__name__)


class _NoAnswerError(Exception):
    """The instance is away, or says that it is."""


class _BusyError(Exception):
    """It is there, and has too much to do."""


class Turn(msgspec.Struct, frozen=True):
    """What a turn came to, as `tasks.lanes` asks."""

    told: int = 0
    is_prompt: bool | None = None
    due_in_seconds: float | None = None


def tell(
    domain: str,
    *,
    now: Clock = utc_now,
    pause: Callable[[float], None] = time.sleep,
    should_stop: Callable[[], bool] = never,
) -> Turn:
    """Tell the instance what waits for it, for some seconds at most.

    May be called at any time and by any number of workers: one of them speaks to it. What was told and not noted, by a
    process that died meanwhile, is told again, which changes nothing there. Raises UnavailableError.
    """
    if current().refuses(domain):
        with transaction() as session:
            peers.forget_outgoing(session, domain)
        return Turn()
    lease = take_lease(domain, now)
    if lease is None:
        return Turn(due_in_seconds=COME_AGAIN_SECONDS)
    try:
        silent = find_silent(domain)
        if silent is not None and not ask_again(silent, now()):
            return Turn()
        return _speak(_Speaking(domain, now, pause, lease, is_silent=silent is not None), should_stop)
    except LeaseLostError:
        return Turn(due_in_seconds=COME_AGAIN_SECONDS)
    finally:
        lease.end()


def _speak(speaking: _Speaking, should_stop: Callable[[], bool]) -> Turn:
    ends_at = speaking.now() + _TURN
    try:
        while speaking.go_on():
            if speaking.now() >= ends_at or should_stop():
                return Turn(speaking.told, is_prompt=True, due_in_seconds=0)
            speaking.pause(_PAUSE_SECONDS)
    except _BusyError:
        return Turn(speaking.told, is_prompt=False, due_in_seconds=_BUSY_THERE_SECONDS)
    except _NoAnswerError as error:
        note_silence(speaking.domain, speaking.now(), str(error))
        return Turn(speaking.told, is_prompt=False)
    return Turn(speaking.told, is_prompt=True if speaking.told else None)


class _Speaking(msgspec.Struct):
    domain: str
    now: Clock
    pause: Callable[[float], None]
    lease: Lease
    is_silent: bool
    is_taking: bool = False  # It took the last that it was told.
    alone: int = 0  # So many of what is next are told one by one, to see which of them can be.
    told: int = 0

    def go_on(self) -> bool:
        """Tell what waits longest; whether there was anything."""
        at_once = 1 if self.is_silent or self.alone else _AT_ONCE
        with reading() as session:
            rows = list_outgoing(session, self.domain, now=self.now(), limit=at_once)
        if not rows:
            return False
        self.alone = max(0, self.alone - 1)
        rows = _leading(rows)
        try:
            self._tell(rows)
        except _NoAnswerError as error:
            self._judge(rows, error)
        except (UnavailableError, _BusyError, LeaseLostError):
            raise
        except Exception:  # noqa: BLE001  What waits behind it must go on (F32).
            _log.exception("%s cannot be told of %s", self.domain, [row.object_id for row in rows])
            self._set_aside(rows)
        return True

    def _judge(self, rows: Sequence[Outgoing], error: _NoAnswerError) -> None:
        """Whose fault it is: the instance's, which raises the error, unless it has just taken something else."""
        is_new = rows[0].next_attempt_at is None
        if not self.is_taking and is_new:
            if len(rows) == 1:  # Another is the first to be tried when it is back.
                with transaction() as session:
                    peers.put_off(session, rows[0].position, until=None)
            raise error
        _log.info("%s does not take %s: %s", self.domain, [row.object_id for row in rows], error)
        self._set_aside(rows)
        if len(rows) == 1:
            self.is_taking = False

    def _set_aside(self, rows: Sequence[Outgoing]) -> None:
        """One waits for some time; of several, each is tried alone."""
        if len(rows) > 1:
            self.alone = len(rows)
            return
        [row] = rows
        with transaction() as session:
            peers.put_off(session, row.position, until=self.now() + _ASIDE[min(row.attempts, len(_ASIDE) - 1)])

    def _tell(self, rows: Sequence[Outgoing]) -> None:
        if rows[0].kind == CHANGED:
            self._tell_changes(rows)
        elif rows[0].kind == CHANNELS:
            self._tell_channels(rows[0])
        else:
            self._tell_request(rows[0])

    def _tell_changes(self, rows: Sequence[Outgoing]) -> None:
        """One object or a stash of them, with the accounts they name that the instance has not heard of."""
        ids = [row.object_id for row in rows]
        with reading() as session:
            shown = show_for(session, self.domain, ids)
            people = list_people_in(shown)
            met = names_at(session, self.domain, people)
            strangers = show_for(session, self.domain, [one for one in people if one not in met])
            shown = _in_order([*strangers, *shown])
            known = names_at(session, self.domain, ids)
        alive = {one["id"] for one in shown}
        for row in rows:  # First, because what is new may have the name of what is gone.
            if row.object_id not in alive and row.object_id in known:
                self._take_back(row.object_id, known[row.object_id], space_id=row.data.get("space_id"))
        self._post_in_stashes(shown)
        self._settle(rows)

    def _take_back(self, id_: str, name: str, *, space_id: str | None = None) -> None:
        """What they have been told of, and is gone or no longer for them; of what they never had they hear nothing.
        `space_id` is where they know a channel, if it was moved."""
        with reading() as session:
            found = find_object(session, id_)
            hidden = show_hidden(session, self.domain, found, space_id=space_id) if found is not None else None
        if found is None:
            self._post(_deletion(name))
        elif hidden is not None:
            self._post(hidden)

    def _tell_channels(self, row: Outgoing) -> None:
        """All that they see now and, of what is new to them, what was said there last."""
        with reading() as session:
            ids = [channel.actor_id for channel in list_channels_of(session, row.object_id)]
            known = names_at(session, self.domain, ids)
            shown = show_for(session, self.domain, ids)
            alive = [one["id"] for one in shown]
            new = [id_ for id_ in alive if id_ not in known]
            said = [view.id for id_ in new for view in list_page(session, id_, page=1, size=LATEST)]
        self._post_in_stashes(shown)
        for id_ in ids:
            if id_ in known and id_ not in alive:
                self._take_back(id_, known[id_])
        with transaction() as session:
            for id_ in said:
                peers.put(session, self.domain, CHANGED, id_, now=self.now())
        self._settle([row])

    def _post_in_stashes(self, shown: Sequence[Shown]) -> None:
        for parcel in in_parcels(shown):
            self._post_objects(parcel)

    def _post_objects(self, shown: Sequence[Shown]) -> None:
        if not shown:
            return
        answer = self._post(shown[0] if len(shown) == 1 else stash(shown))
        if answer.is_good:
            note_names(self.domain, [one["id"] for one in shown], answer.body)
        elif len(shown) > 1:
            for one in shown:  # One of them is why the others were not taken.
                self._post_objects([one])

    def _tell_request(self, row: Outgoing) -> None:
        with reading() as session:
            names = names_at(session, self.domain, [row.object_id, str(row.data.get("actor_id", ""))])
        target, source = names.get(row.object_id), names.get(str(row.data.get("actor_id", "")))
        if row.kind == SUBSCRIBE and target is not None:
            self._post({}, f"/federation/subscribe/{target}")
        elif row.kind == REACTION and target is not None and source is not None:
            reaction = {"reaction": to_shortcode(row.data["sign"]), "is_set": row.data["is_set"]}
            self._post(_request("REACT", target, source, reaction))
        elif row.kind == LEAVE and target is not None:
            # Who has never said anything there may have no name there; ours is known to whoever put them in.
            self._post(_request("DELETE", target, source or str(row.data["actor_id"])))
        elif row.kind == REPORT and target is not None:
            self._post(_request("REPORT", target, None, row.data))
        self._settle([row])

    def _post(self, body: Mapping[str, Any], path: str = INBOX) -> Answer:
        """Raises _NoAnswerError and _BusyError where it has to be tried again later, LeaseLostError where another may
        be at it."""
        self.lease.keep()
        try:
            answer = post(self.domain, path, body)
        except FetchError as error:
            raise _NoAnswerError(str(error)) from error
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise _BusyError
        if not answer.is_good and not answer.is_final:
            raise _NoAnswerError(f"{answer.status} {answer.body.get('error', '')}")
        if not answer.is_good:
            _log.info("%s refused what it was told: %s %s", self.domain, answer.status, answer.body.get("error"))
        if self.is_silent:
            note_taken(self.domain)
        self.is_silent, self.is_taking = False, True
        return answer

    def _settle(self, rows: Sequence[Outgoing]) -> None:
        with transaction() as session:
            for row in rows:
                peers.settle(session, row.position, row.version)
        self.told += len(rows)


def note_names(domain: str, told: Collection[str], body: Mapping[str, Any]) -> None:
    """What an instance says that it calls what it was told, and nothing else of ours."""
    objects = [body] if body.get("type") == "object" else [one for one in body.values() if isinstance(one, Mapping)]
    with transaction() as session:
        peers.hold(session, domain, now=utc_now())
        for one in objects:
            remote_id, ours = one.get("id"), one.get("remote_id")
            is_free = is_object_id(remote_id) and remote_id != INSTANCE_ID  # Which is that instance itself.
            if one.get("remote_domain") == current().host and ours in told and is_free:
                peers.note_name(session, str(ours), domain, str(remote_id))


def _leading(rows: Sequence[Outgoing]) -> Sequence[Outgoing]:
    """What can be told at once: changes of which none has failed before, or one of anything."""
    changed = list(takewhile(lambda row: row.kind == CHANGED and not row.attempts, rows))
    return changed or rows[:1]


def _in_order(shown: Sequence[Shown]) -> list[Shown]:
    return sorted({one["id"]: one for one in shown}.values(), key=reading_order)


def _deletion(remote_id: str) -> dict[str, Any]:
    return {"type": "ping", "ping_type": "client_request", "request_method": "DELETE", "request_target_id": remote_id}


def _request(method: str, target: str, source: str | None, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    on_behalf_of = {"request_source_user": source} if source is not None else {}
    return _deletion(target) | on_behalf_of | {"request_method": method, "request_data": dict(data or {})}
