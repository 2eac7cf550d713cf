"""Pruning: rows that have served are let go of, in batches so small that nobody waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Delete, Select, Update, delete, exists, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.actions.blocked_networks import prune_blocks
from app.actions.oauth.clients import forget_unused
from app.actions.peers.expiry import drop_surplus_outgoing, expire_outgoing
from app.db import transaction, upsert, wake
from app.models import (
    Activity,
    ActivityDocument,
    Actor,
    BrowserSession,
    Delivery,
    Event,
    Follow,
    Host,
    InboxItem,
    LoginSession,
    Message,
    NodeChallenge,
    NodeSession,
    OAuthClient,
    OAuthCode,
    OAuthDeviceCode,
    OAuthSession,
    Ping,
    Receipt,
    RefreshToken,
    SeenSignature,
)
from app.queries.deliveries import DROPPED, EXPIRED, GONE, NOT_RECEIVED, QUEUED
from app.queries.queues import QUEUE_BYTES_MAX, QUEUE_MAX

# None of ours is larger, so a queue of fewer rows than fit is not measured.
_DOCUMENT_BYTES_MAX: Final = 1024 * 1024
_NEVER_DROPPED: Final = ("Delete", "Undo")
_BATCH: Final = 500
_SECONDS: Final = 10.0
_INBOX_MEMORY: Final = timedelta(days=90)
_EVENT_LIFE: Final = timedelta(days=7)
_DELIVERY_MEMORY: Final = timedelta(days=30)
_HOST_MEMORY: Final = timedelta(days=7)
_CHALLENGE_MEMORY: Final = timedelta(hours=1)
# Longer than an access token is good for, which may be all that a session has.
_ACCESS_LIFE: Final = timedelta(days=1)
_PING_MEMORY: Final = timedelta(days=30)
# Longer than a signature is good for, which may be dated as far ahead as behind.
_SIGNATURE_MEMORY: Final = timedelta(minutes=15)

Step = Callable[[Session, datetime], int]


def prune(now: datetime) -> None:
    """Run every step until it finds no full batch, or its time is over: the next time goes on where it stopped."""
    for step in (
        _expire,
        _drop_surplus,
        _forget_deliveries,
        _forget_inbox,
        _forget_events,
        _forget_tokens,
        _forget_oauth,
        _forget_clients,
        _forget_hosts,
        prune_blocks,
        _forget_signatures,
        expire_outgoing,
        drop_surplus_outgoing,
    ):
        ends_at = time.monotonic() + _SECONDS
        while _run(step, now) >= _BATCH and time.monotonic() < ends_at:
            pass


def prune_tokens(now: datetime) -> None:
    """Refresh tokens that ended, what else OAuth leaves, and sessions that nobody can go on with. Between two runs they
    are only rows: whoever shows one is refused."""
    for step in (_forget_tokens, _forget_oauth, _forget_sessions, _forget_nodes, _forget_clients):
        while _run(step, now) >= _BATCH:
            pass


def prune_pings(now: datetime) -> None:
    """Pings that nobody answered in time have failed; what is older than a month is forgotten."""
    for step in (_expire_pings, _forget_pings):
        while _run(step, now) >= _BATCH:
            pass


def _run(step: Step, now: datetime) -> int:
    with transaction() as session:
        return step(session, now)


def _expire(session: Session, now: datetime) -> int:
    """Deliveries whose host did not come back in time."""
    return _end(session, Delivery.expires_at <= now, state=EXPIRED, error="it waited too long for the host", now=now)


def _drop_surplus(session: Session, now: datetime) -> int:
    """The oldest public messages of a queue that grew past its limits; never what was meant for somebody."""
    counted = func.count().label("rows")
    queues = session.execute(
        select(Delivery.host, counted)
        .where(Delivery.state == QUEUED)
        .group_by(Delivery.host)
        .having(counted > min(QUEUE_MAX, QUEUE_BYTES_MAX // _DOCUMENT_BYTES_MAX))
    )
    dropped = 0
    for host, rows in queues.all():
        excess = _Excess(rows - QUEUE_MAX, _count_bytes(session, host) - QUEUE_BYTES_MAX)
        if excess:
            dropped += _drop_oldest(session, host, excess, now)
    return dropped


class _Excess(msgspec.Struct):
    """By how much a queue is too long, and too large."""

    rows: int
    bytes: int

    def __bool__(self) -> bool:
        return self.rows > 0 or self.bytes > 0

    def take(self, size: int) -> None:
        self.rows -= 1
        self.bytes -= size


def _count_bytes(session: Session, host: str) -> int:
    size = (
        select(func.sum(func.length(ActivityDocument.sealed)))
        .join(Delivery, Delivery.activity_id == ActivityDocument.activity_id)
        .where(Delivery.host == host, Delivery.state == QUEUED)
    )
    return int(session.scalar(size) or 0)


def _drop_oldest(session: Session, host: str, excess: _Excess, now: datetime) -> int:
    inner = aliased(Activity)
    oldest = session.execute(
        select(Delivery.position, func.coalesce(func.length(ActivityDocument.sealed), 0), Message.id, Message.author_id)
        .join(Activity, Activity.id == Delivery.activity_id)
        .outerjoin(ActivityDocument, ActivityDocument.activity_id == Activity.id)
        .outerjoin(inner, inner.uri == Activity.object_uri)  # What an Announce carries.
        .outerjoin(Message, Message.uri == func.coalesce(inner.object_uri, Activity.object_uri))
        .where(
            Delivery.host == host,
            Delivery.state == QUEUED,
            Activity.audience == "public",
            func.coalesce(inner.type, Activity.type).not_in(_NEVER_DROPPED),
            Activity.type.not_in(_NEVER_DROPPED),
        )
        .order_by(Delivery.position)
        .limit(_BATCH)
    )
    positions: list[int] = []
    told: set[tuple[str, str]] = set()
    for position, size, message_id, author_id in oldest:
        if not excess:
            break
        excess.take(size)
        positions.append(position)
        if message_id is not None:
            told.add((message_id, author_id))
    dropped = _end(
        session, Delivery.position.in_(positions), state=DROPPED, error="the queue of the host is full", now=now
    )
    session.execute(update(Host).where(Host.host == host).values(dropped=Host.dropped + dropped))
    _tell_authors(session, host, told, now)
    return dropped


def _tell_authors(session: Session, host: str, messages: set[tuple[str, str]], now: datetime) -> None:
    """The event has no place, so that nobody but the author hears of it."""
    if not messages:
        return
    rows = [
        {
            "type": "delivery_dropped",
            "actor_id": author_id,
            "data": {"message_id": message_id, "host": host},
            "created_at": now,
        }
        for message_id, author_id in sorted(messages)
    ]
    session.execute(insert(Event), rows)
    wake(session, "events")


def _forget_deliveries(session: Session, now: datetime) -> int:
    """What remains of them is which inboxes have a message that may yet be deleted."""
    is_over = (Delivery.state != QUEUED) & (Delivery.created_at < now - _DELIVERY_MEMORY)
    oldest = _oldest(Delivery.position, dated=Delivery.created_at, now=now)
    _note_receipts(session, select(Delivery.position).where(Delivery.position.in_(oldest), is_over))
    return _count(session, delete(Delivery).where(Delivery.position.in_(oldest), is_over))


def _note_receipts(session: Session, positions: Select[int]) -> None:
    """Also drops those of messages whose deletion itself was delivered, a month ago."""
    inner = aliased(Activity)
    about = (
        select(Message.id, Delivery.inbox, Delivery.host, Delivery.is_shared)
        .join(Activity, Activity.id == Delivery.activity_id)
        .outerjoin(inner, inner.uri == Activity.object_uri)  # What an Announce carries.
        .join(Message, Message.uri == func.coalesce(inner.object_uri, Activity.object_uri))
        .where(Delivery.position.in_(positions))
    )
    received = about.where(Message.deleted_at.is_(None), Delivery.state.not_in(NOT_RECEIVED))
    session.execute(
        upsert(session, Receipt)
        .from_select(["message_id", "inbox", "host", "is_shared"], received)
        .on_conflict_do_nothing()
    )
    deleted = about.with_only_columns(Message.id).where(Message.deleted_at.is_not(None))
    _count(session, delete(Receipt).where(Receipt.message_id.in_(deleted)))


def _forget_inbox(session: Session, now: datetime) -> int:
    """An id is remembered for 90 days, so that a replay stays a repeat for as long."""
    is_over = (InboxItem.state != QUEUED) & (InboxItem.received_at < now - _INBOX_MEMORY)
    oldest = _oldest(InboxItem.position, dated=InboxItem.received_at, now=now)
    return _count(session, delete(InboxItem).where(InboxItem.position.in_(oldest), is_over))


def _forget_events(session: Session, now: datetime) -> int:
    oldest = _oldest(Event.position, dated=Event.created_at, now=now)
    return _count(session, delete(Event).where(Event.position.in_(oldest), Event.created_at < now - _EVENT_LIFE))


def _forget_tokens(session: Session, now: datetime) -> int:
    expired = select(RefreshToken.id).where(RefreshToken.expires_at < now).limit(_BATCH)
    return _count(session, delete(RefreshToken).where(RefreshToken.id.in_(expired)))


def _forget_oauth(session: Session, now: datetime) -> int:
    """Codes and cookies that ended: whoever shows one is refused with the row as without it."""
    codes = select(OAuthCode.digest).where(OAuthCode.expires_at < now).limit(_BATCH)
    devices = select(OAuthDeviceCode.digest).where(OAuthDeviceCode.expires_at < now).limit(_BATCH)
    browsers = select(BrowserSession.session_id).where(BrowserSession.expires_at < now).limit(_BATCH)
    return max(
        _count(session, delete(OAuthCode).where(OAuthCode.digest.in_(codes))),
        _count(session, delete(OAuthDeviceCode).where(OAuthDeviceCode.digest.in_(devices))),
        _count(session, delete(BrowserSession).where(BrowserSession.session_id.in_(browsers))),
    )


def _forget_sessions(session: Session, now: datetime) -> int:
    """A session whose tokens and cookie were forgotten is at its end; that of a bot, which needs neither, once it was
    ended."""
    of_bots = select(OAuthSession.session_id).join(OAuthClient).where(OAuthClient.account_id.is_not(None))
    spent = select(LoginSession.id).where(
        LoginSession.created_at < now - _ACCESS_LIFE,
        ~exists().where(RefreshToken.session_id == LoginSession.id),
        ~exists().where(BrowserSession.session_id == LoginSession.id),
        LoginSession.revoked_at.is_not(None) | LoginSession.id.not_in(of_bots),
    )
    return _count(session, delete(LoginSession).where(LoginSession.id.in_(spent.limit(_BATCH))))


def _forget_nodes(session: Session, now: datetime) -> int:
    """Node sessions that ended, and challenges, of which it is known for an hour that they were answered or late."""
    is_over = (NodeSession.expires_at < now) | NodeSession.revoked_at.is_not(None)
    ended = select(NodeSession.id).where(is_over).limit(_BATCH)
    late = select(NodeChallenge.id).where(NodeChallenge.expires_at < now - _CHALLENGE_MEMORY).limit(_BATCH)
    return max(
        _count(session, delete(NodeSession).where(NodeSession.id.in_(ended))),
        _count(session, delete(NodeChallenge).where(NodeChallenge.id.in_(late))),
    )


def _forget_clients(session: Session, now: datetime) -> int:
    return forget_unused(session, now, limit=_BATCH)


def _expire_pings(session: Session, now: datetime) -> int:
    overdue = select(Ping.id).where(Ping.expires_at < now, Ping.status.in_(("sent", "delivered"))).limit(_BATCH)
    return _count(session, update(Ping).where(Ping.id.in_(overdue)).values(status="expired"))


def _forget_pings(session: Session, now: datetime) -> int:
    old = select(Ping.id).where(Ping.expires_at < now - _PING_MEMORY).limit(_BATCH)
    return _count(session, delete(Ping).where(Ping.id.in_(old)))


def _forget_signatures(session: Session, now: datetime) -> int:
    old = select(SeenSignature.fingerprint).where(SeenSignature.seen_at < now - _SIGNATURE_MEMORY).limit(_BATCH)
    return _count(session, delete(SeenSignature).where(SeenSignature.fingerprint.in_(old)))


def _forget_hosts(session: Session, now: datetime) -> int:
    """Hosts that nobody follows across, with nothing under way, not heard from in a week (FED-07)."""
    is_of_host = Actor.host == Host.host
    has_follower = exists().where(is_of_host, Follow.actor_id == Actor.id)
    has_followed = exists().where(is_of_host, Follow.target_id == Actor.id)
    idle = (
        select(Host.host)
        .where(
            Host.state != GONE,
            func.coalesce(Host.last_success_at, Host.created_at) < now - _HOST_MEMORY,
            ~exists().where(Delivery.host == Host.host, Delivery.state == QUEUED),
            ~exists().where(InboxItem.host == Host.host, InboxItem.state == QUEUED),
            ~has_follower,
            ~has_followed,
        )
        .limit(_BATCH)
    )
    return _count(session, delete(Host).where(Host.host.in_(idle)))


def _end(
    session: Session, condition: ColumnElement[bool], *, state: str, error: str, now: datetime, limit: int = _BATCH
) -> int:
    rows = select(Delivery.position).where(Delivery.state == QUEUED, condition).order_by(Delivery.position).limit(limit)
    ended = update(Delivery).where(Delivery.position.in_(rows)).values(state=state, last_error=error, finished_at=now)
    return _count(session, ended)


def _oldest(
    position: InstrumentedAttribute[int], *, dated: InstrumentedAttribute[datetime], now: datetime
) -> Select[int]:
    """The oldest rows, none of which may fit yet: positions grow with time, so the newer need no look. Those of a time
    to come are passed over, or as many as a clock left that was put back would keep all behind them until then."""
    oldest = select(position.label("position")).where(dated <= now).order_by(position).limit(_BATCH).subquery()
    return select(oldest.c.position)


def _count(session: Session, statement: Delete | Update) -> int:
    found: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(found.rowcount)
