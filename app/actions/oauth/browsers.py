"""Browsers: login sessions that a cookie stands for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.actions.accounts import create_account, prove
from app.actions.digests import digest_of
from app.actions.tokens import begin_session
from app.db import reading, transaction, upsert
from app.errors import InvalidInputError, NotFoundError
from app.models import BrowserSession, LoginAddress
from app.projections import audit, sessions
from app.queries.accounts import find_username, find_viewer, require_same_password
from app.queries.oauth import find_browser, list_sessions
from app.queries.viewers import Viewer
from app.sealing import address_digests

TTL: Final = timedelta(days=30)
MAX_ADDRESS_LENGTH: Final = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets.
NO_SUCH_SESSION: Final = "There is no such session."


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a browser is given to sign in by. The value is told here and never again."""

    value: str = field(repr=False)
    expires_at: datetime


def sign_up(username: str, password: str, *, address: str | None) -> Cookie:
    """Make an account and sign a browser in to it.

    Raises what `create_account` does, and InvalidInputError for an address that is none.
    """
    if address is not None:
        _check_address(address)
    actor_id = create_account(username, password)
    with transaction() as session:
        if address is not None:
            _keep_address(session, actor_id, address)
        return _open(session, actor_id)


def sign_in(name: str, password: str) -> Cookie:
    """Raises what `prove` does."""
    proved = prove(name, password)
    with transaction() as session:
        require_same_password(session, proved)
        audit.note(session, "user_signed_in", actor_id=proved.actor_id)
        return _open(session, proved.actor_id)


def name_of(name_or_address: str) -> str:
    """The name of the account that an e-mail address leads to; a name, or what leads to nobody, is what it was."""
    if "@" not in name_or_address:
        return name_or_address
    with reading() as session:
        return find_username(session, name_or_address) or name_or_address


def find_signed_in(cookie: str) -> Viewer | None:
    """Whose browser it is; None when the session ended. Raises ForbiddenError for a banned account."""
    with reading() as session:
        found = find_browser(session, digest_of(cookie), now=datetime.now(UTC))
        return None if found is None else find_viewer(session, session_id=found[0], actor_id=found[1])


def sign_out(viewer: Viewer) -> None:
    with transaction() as session:
        sessions.end(session, str(viewer.session_id), now=datetime.now(UTC))


def end_session(viewer: Viewer, session_id: str) -> None:
    """One of the viewer's own. Raises NotFoundError for any other, and for one that ended."""
    now = datetime.now(UTC)
    with transaction() as session:
        if session_id not in {listed.id for listed in list_sessions(session, viewer.actor_id, now=now)}:
            raise NotFoundError(NO_SUCH_SESSION)
        sessions.end(session, session_id, now=now)


def _open(session: Session, actor_id: str) -> Cookie:
    now = datetime.now(UTC)
    cookie = Cookie(secrets.token_urlsafe(32), now + TTL)
    values = {
        "session_id": begin_session(session, actor_id, now),
        "digest": digest_of(cookie.value),
        "expires_at": cookie.expires_at,
    }
    session.execute(insert(BrowserSession).values(values))
    return cookie


def _check_address(address: str) -> None:
    """That it could be one: nothing is sent to it."""
    local, at, domain = address.rpartition("@")
    is_one = at and local and domain and len(address) <= MAX_ADDRESS_LENGTH
    if not is_one or not address.isprintable() or " " in address:
        raise InvalidInputError("This is not an e-mail address.")


def _keep_address(session: Session, actor_id: str, address: str) -> None:
    """Whose it is already, keeps it, and nobody is told: an answer would tell who has an account here."""
    if find_username(session, address) is None:
        kept = upsert(session, LoginAddress).values(digest=address_digests(address)[0], actor_id=actor_id)
        session.execute(kept.on_conflict_do_nothing())
