"""What we note of a host besides its deliveries: when its keys could not be had, and which signatures it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.errors import FetchError, KeyUnavailableError
from activitypub.fetch import Reason, UnreachableError
from app.db import reading, transaction, upsert
from app.models import Host

# A dead key host is asked at most this often, whatever number of requests name it (hostile case SIG-20); one that
# answered, if badly, is asked again soon, because its user's first message waits for it (SIG-21).
_DEAD_SECONDS = 300
_FAILING_SECONDS = 5
_DEAD = frozenset({Reason.CONNECT, Reason.NO_SUCH_HOST})


def check_may_fetch_key(host: str) -> None:
    """Raises KeyUnavailableError while the host is left alone."""
    with reading() as session:
        retry_at = session.scalar(select(Host.key_retry_at).where(Host.host == host))
    if retry_at is not None and retry_at > datetime.now(UTC):
        raise KeyUnavailableError(f"{host} did not answer lately")


def note_key_failure(host: str, error: FetchError) -> None:
    now = datetime.now(UTC)
    is_dead = isinstance(error, UnreachableError) and error.reason in _DEAD
    seconds = _DEAD_SECONDS if is_dead else _FAILING_SECONDS
    with transaction() as session:
        _put(session, host, now, key_retry_at=now + timedelta(seconds=seconds))


def note_rfc9421(session: Session, host: str) -> None:
    """The host has shown that it takes RFC 9421 signatures."""
    if session.scalar(select(Host.scheme).where(Host.host == host)) != "rfc9421":
        _put(session, host, datetime.now(UTC), scheme="rfc9421")


def _put(session: Session, host: str, now: datetime, **values: object) -> None:
    statement = upsert(session, Host).values(
        host=host, created_at=now, state="up", failures=0, failing_days=0, dropped=0, **values
    )
    session.execute(statement.on_conflict_do_update(index_elements=["host"], set_=values))
