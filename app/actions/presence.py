"""Presence: who is here and what they say they are doing. Told to sockets and kept for lists; to other servers goes
what somebody chose, over Punctum."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from app.db import joined, reading, transaction, upsert
from app.effects.speaking import check_sending
from app.errors import InvalidInputError, NotFoundError
from app.models import Account, Presence
from app.pipeline.peers import tell_of_person
from app.projections import events
from app.queries.actors import get_by_id
from app.queries.channels import NO_SUCH_CHANNEL, find_channel
from app.queries.permissions import get_permissions
from app.queries.presences import list_present
from app.queries.viewers import Viewer
from app.queries.visibility import place_of_channel, who_may_see

STATUSES: Final = ("online", "idle", "afk", "dnd", "offline")
STALE = timedelta(seconds=45)  # Three beats of `app.live.attendance` were missed.

_ALIASES: Final = {"away": "afk", "inactive": "offline", "invisible": "offline"}
_SHOWN_CHARACTERS: Final = 40


class StatusChange(msgspec.Struct, frozen=True):
    """What somebody's status is from now on."""

    actor_id: str
    status: str


def normalise_status(text: str) -> str:
    """The status that `text` means, in its one spelling. Raises InvalidInputError."""
    status = text.strip().lower()
    status = _ALIASES.get(status, status)
    if status not in STATUSES:
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
        raise InvalidInputError(f"Unsupported status '{shown}'. Supported values: {', '.join(STATUSES)}")
    return status


def set_status(actor_id: str, text: str) -> StatusChange:
    """What the person chose, in the transaction that is open, if one is. Raises InvalidInputError."""
    change, now = StatusChange(actor_id, normalise_status(text)), datetime.now(UTC)
    with joined() as session:
        session.execute(
            update(Account).where(Account.actor_id == actor_id).values(status=change.status, last_seen_at=now)
        )
        events.tell(session, "account_changed", now=now, account_id=actor_id)
        tell_of_person(session, actor_id, now=now)
    return change


def find_typist(viewer: Viewer, channel_id: str) -> tuple[str, list[str]]:
    """(what the viewer is called by now, those who are here and may see the channel, the viewer among them): all are to
    hear that the viewer types.

    Raises NotFoundError for who does not see it, ForbiddenError for who may not say anything there.
    """
    with reading() as session:
        channel = find_channel(session, channel_id)
        if channel is None:
            raise NotFoundError(NO_SUCH_CHANNEL)
        seeing = who_may_see(session, place_of_channel(channel), {viewer.actor_id, *list_present(session)})
        if viewer.actor_id not in seeing:
            raise NotFoundError(NO_SUCH_CHANNEL)
        permissions = get_permissions(session, get_by_id(session, viewer.actor_id))
        check_sending(session, viewer.actor_id, channel, permissions, now=datetime.now(UTC))
    return permissions.viewer.username, sorted(seeing)


def note(process_id: str, *, arrived: Collection[str], left: Collection[str]) -> list[StatusChange]:
    """Note who has a first socket in a web process, and who has no longer any; both may be said again.

    Whoever was nowhere comes online, unless they are away or not to be disturbed, and whoever is nowhere any more goes
    offline. Returns what changed by it.
    """
    now = datetime.now(UTC)
    with transaction() as session:
        known = _lock(session, {*arrived, *left})
        online = _arrive(session, process_id, known & set(arrived), now)
        offline = _leave(session, known & set(left), Presence.process_id == process_id, now)
    return [*online, *offline]


def keep(process_id: str) -> set[str]:
    """Say that a process and its sockets are alive; returns whom the process is known to have.

    Somebody may be missing, if the process was silent for so long that it was taken for dead.
    """
    with transaction() as session:
        kept = session.scalars(
            update(Presence)
            .where(Presence.process_id == process_id)
            .values(seen_at=datetime.now(UTC))
            .returning(Presence.actor_id)
            .execution_options(synchronize_session=False)
        )
        return set(kept)


def sweep(silent_since: datetime) -> list[StatusChange]:
    """Take away whom a process left behind that was killed and is silent since; returns who is offline by it.

    Also one that was last heard of in a time to come: it has been silent since before the clock was put back.
    """
    is_stale = or_(Presence.seen_at < silent_since, Presence.seen_at > datetime.now(UTC) + STALE)
    with reading() as session:
        left_behind = set(session.scalars(select(Presence.actor_id).where(is_stale)))
    if not left_behind:
        return []
    with transaction() as session:
        return _leave(session, _lock(session, left_behind), is_stale, datetime.now(UTC))


def _lock(session: Session, actor_ids: Collection[str]) -> set[str]:
    """Those of them who have an account. Who comes in one process and goes in another is settled in turn."""
    accounts = select(Account.actor_id).where(Account.actor_id.in_(actor_ids)).order_by(Account.actor_id)
    return set(session.scalars(accounts.with_for_update()))


def _arrive(session: Session, process_id: str, actor_ids: Collection[str], now: datetime) -> list[StatusChange]:
    if not actor_ids:
        return []
    is_elsewhere = exists().where(Presence.actor_id == Account.actor_id, Presence.process_id != process_id)
    came = _change(session, actor_ids, "online", Account.status.in_(("offline", "idle")) & ~is_elsewhere, now)
    rows = [{"process_id": process_id, "actor_id": actor_id, "seen_at": now} for actor_id in sorted(actor_ids)]
    session.execute(upsert(session, Presence).values(rows).on_conflict_do_nothing())
    return came


def _leave(
    session: Session, actor_ids: Collection[str], which: ColumnElement[bool], now: datetime
) -> list[StatusChange]:
    if not actor_ids:
        return []
    gone = delete(Presence).where(Presence.actor_id.in_(actor_ids), which)
    session.execute(gone.execution_options(synchronize_session=False))
    is_somewhere = exists().where(Presence.actor_id == Account.actor_id)
    return _change(session, actor_ids, "offline", (Account.status != "offline") & ~is_somewhere, now)


def _change(
    session: Session, actor_ids: Collection[str], status: str, condition: ColumnElement[bool], now: datetime
) -> list[StatusChange]:
    changed = session.scalars(
        update(Account)
        .where(Account.actor_id.in_(actor_ids), condition)
        .values(status=status, last_seen_at=now)
        .returning(Account.actor_id)
        .execution_options(synchronize_session=False)
    )
    return [StatusChange(actor_id, status) for actor_id in sorted(changed)]
