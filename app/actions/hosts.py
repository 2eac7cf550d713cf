"""What we note of other hosts besides how our deliveries fare."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

from cachetools import LRUCache, TTLCache
from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from activitypub.errors import FetchError, KeyUnavailableError
from activitypub.fetch import Reason, UnreachableError
from activitypub.signatures import Scheme
from app.actions.delivery.health import COLUMNS, Health, after_inbound
from app.db import reading, transaction, wake
from app.models import Host
from app.projections.hosts import ensure_host
from app.queries.deliveries import GONE, UP

_LOOK_AGAIN_SECONDS: Final = 5

# A dead key host is asked at most this often, whatever number of requests name it (hostile case SIG-20); one that
# fails in another way is asked again soon, because its user's first message waits for it (SIG-21).
_DEAD_SECONDS = 300
FAILING_SECONDS: Final = 5
_DEAD = frozenset({Reason.CONNECT, Reason.NO_SUCH_HOST})

# Beyond so many hosts, one that merely was named as the home of a key gets no row, or whoever has a domain could fill
# the table (hostile case FED-07): each process remembers some of them for itself.
_MAX_HOSTS: Final = 10_000
_left_alone: LRUCache[str, datetime] = LRUCache(maxsize=8192)
_left_alone_lock = threading.Lock()

_RFC9421: Final = "rfc9421"
_REMEMBER_SCHEME_SECONDS: Final = 3600

_rfc9421_lately: TTLCache[str, bool] = TTLCache(maxsize=4096, ttl=_REMEMBER_SCHEME_SECONDS)
_seen_lately: TTLCache[str, bool] = TTLCache(maxsize=4096, ttl=_LOOK_AGAIN_SECONDS)
_seen_lock = threading.Lock()


def note_inbound(host: str) -> None:
    """A verified request came from the host, so it lives: its queue is tried now.

    Costs nothing for a host heard of in the last seconds, one read otherwise, and a write only where the host had
    been failing. Raises UnavailableError when the database is away.
    """
    with _seen_lock:
        if host in _seen_lately:
            return
        _seen_lately[host] = True
    with reading() as session:
        if session.execute(_failing(host)).one_or_none() is None:
            return
    with transaction() as session:
        row = session.execute(_failing(host).with_for_update()).mappings().one_or_none()
        if row is None:
            return
        health = after_inbound(Health(**row), datetime.now(UTC))
        session.execute(
            update(Host)
            .where(Host.host == host)
            .values(health.to_columns())
            .execution_options(synchronize_session=False)
        )
        wake(session, "deliver", host)


def check_may_fetch_key(host: str) -> None:
    """Raises KeyUnavailableError while the host is left alone."""
    with _left_alone_lock:
        retry_at = _left_alone.get(host)
    if retry_at is None:
        with reading() as session:
            retry_at = session.scalar(select(Host.key_retry_at).where(Host.host == host))
    if retry_at is not None and retry_at > datetime.now(UTC):
        raise KeyUnavailableError(f"{host} did not answer lately")


def note_key_failure(host: str, error: FetchError) -> None:
    now = datetime.now(UTC)
    is_dead = isinstance(error, UnreachableError) and error.reason in _DEAD
    retry_at = now + timedelta(seconds=_DEAD_SECONDS if is_dead else FAILING_SECONDS)
    with transaction() as session:
        has_row = _has_row(session, host) or _count_hosts(session) < _MAX_HOSTS
        if has_row:
            _put(session, host, now, key_retry_at=retry_at)
    with _left_alone_lock:
        if has_row:
            _left_alone.pop(host, None)
        else:
            _left_alone[host] = retry_at


def note_rfc9421(session: Session, host: str) -> None:
    """The host has shown that it takes RFC 9421 signatures."""
    if session.scalar(select(Host.scheme).where(Host.host == host)) != _RFC9421:
        _put(session, host, datetime.now(UTC), scheme=_RFC9421)


def note_signature(host: str, scheme: Scheme) -> None:
    """A verified request shows which signatures its host makes; whoever makes RFC 9421's takes them too.

    At most one write a host and hour. Raises UnavailableError when the database is away.
    """
    if scheme != _RFC9421:
        return
    with _seen_lock:
        if host in _rfc9421_lately:
            return
        _rfc9421_lately[host] = True
    with transaction() as session:
        note_rfc9421(session, host)


def _put(session: Session, host: str, now: datetime, **values: object) -> None:
    ensure_host(session, host, now=now)
    session.execute(update(Host).where(Host.host == host).values(**values))


def _has_row(session: Session, host: str) -> bool:
    return session.scalar(select(Host.host).where(Host.host == host)) is not None


def _count_hosts(session: Session) -> int:
    return int(session.scalar(select(func.count()).select_from(Host)) or 0)


def _failing(host: str) -> Select[*tuple[object, ...]]:
    columns = [getattr(Host, name) for name in COLUMNS]
    return select(*columns).where(Host.host == host, Host.state != GONE, (Host.state != UP) | (Host.failures > 0))
