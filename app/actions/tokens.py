"""Tokens: 15-minute access tokens (JWT) and 30-day refresh tokens that rotate (contracts/pufferblow.md, 1)."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.orm import Session

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import JsonObject, load_object
from app.actions.digests import digest_of
from app.actions.passwords import is_password
from app.db import reading, transaction
from app.errors import ForbiddenError, InvalidTokenError, MalformedTokenError, NotFoundError, UnauthenticatedError
from app.ids import new_id
from app.keyring import Keyring
from app.models import Account, Actor, LoginSession, OAuthSession, RefreshToken
from app.projections import audit, sessions
from app.queries.accounts import BANNED, get_credentials, require_same_password
from app.queries.viewers import Viewer
from app.settings import Settings, current

ACCESS_TTL = timedelta(minutes=15)
REFRESH_TTL = timedelta(days=30)
MAX_TOKEN_LENGTH = 4096

BAD_FORMAT = "Bad auth_token format. Sign in again to get a valid auth_token."
INVALID = "User not found or authentication token is invalid."

_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_ALGORITHM = "HS256"
_HEADER_NAMES = frozenset({"alg", "typ", "kid"})
_REFRESH_CLAIMS = ("uid", "origin_server", "exp", "rnd")


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_token: str = field(repr=False)
    refresh_expires_at: datetime


class AccessClaims(msgspec.Struct, frozen=True):
    """Who an access token speaks for. The login session may have been revoked since: ask the database."""

    actor_id: str
    session_id: str
    expires_at: datetime
    scopes: frozenset[str] | None = None


class Grant(msgspec.Struct, frozen=True):
    """What a client was allowed: its access tokens say so (RFC 9068, section 2.2)."""

    client_id: str
    scopes: frozenset[str]


def open_session(session: Session, actor_id: str) -> TokenPair:
    """A new login session with its first pair of tokens."""
    now = datetime.now(UTC)
    return issue(session, actor_id, begin_session(session, actor_id, now), now)


def begin_session(session: Session, actor_id: str, now: datetime) -> str:
    """A new login session without a token; returns its id."""
    session_id = new_id("session")
    session.execute(insert(LoginSession).values(id=session_id, actor_id=actor_id, created_at=now, revoked_at=None))
    session.execute(update(Account).where(Account.actor_id == actor_id).values(last_seen_at=now))
    return session_id


def refresh(refresh_token: str) -> TokenPair:
    """Exchange a refresh token for a new pair, once.

    A token that comes twice was stolen on one of the two ways, and nobody can tell which: its whole family dies
    (RFC 9700, section 4.14.2). Raises UnauthenticatedError; NotFoundError and ForbiddenError when the account is
    deleted or banned.
    """
    _check_refresh_claims(refresh_token)
    now = datetime.now(UTC)
    with transaction() as session:
        row = find_refresh_token(session, refresh_token)
        # One of an OAuth client is for its token endpoint, where the client has to say who it is.
        if row is None or row.revoked_at is not None or row.client_id is not None:
            raise UnauthenticatedError("Refresh token revoked or unknown")
        if row.deleted_at is not None:
            raise NotFoundError("User not found")
        if row.banned_at is not None:
            raise ForbiddenError(BANNED)
        if row.expires_at <= now:
            raise UnauthenticatedError("Refresh token expired")
        if use_up(session, row.id, now):
            return rotate(session, row.actor_id, row.session_id, now)
        end_family(session, row.actor_id, row.session_id, now)
    raise UnauthenticatedError("Refresh token revoked or unknown")


def revoke(refresh_token: str) -> None:
    """End the login session of a refresh token, used up or not. What is not one of ours is passed over."""
    with transaction() as session:
        row = find_refresh_token(session, refresh_token)
        if row is not None and row.revoked_at is None:
            sessions.end(session, row.session_id, now=datetime.now(UTC))


def reset(viewer: Viewer, password: str) -> TokenPair:
    """End every session of the viewer, this one too, and open a new one.

    Raises NotFoundError for a wrong password: that is what clients know it by (contracts/pufferblow.md, 3).
    UnauthenticatedError where it was changed meanwhile.
    """
    with reading() as session:
        credentials = get_credentials(session, viewer.actor_id)
    if not is_password(password, credentials.password_hash):
        raise NotFoundError("Incorrect password. Please try again")
    with transaction() as session:
        require_same_password(session, credentials)
        sessions.end_all(session, viewer.actor_id, now=datetime.now(UTC))
        audit.note(session, "tokens_reset", actor_id=viewer.actor_id)
        return open_session(session, viewer.actor_id)


def read_access_token(token: str) -> AccessClaims:
    """What the token says, if we signed it for ourselves and it has not expired.

    Raises MalformedTokenError for what is not a token or was changed, InvalidTokenError for one that is no longer,
    or was never, good here, and UnauthenticatedError for one of another kind.
    """
    header = _read_header(token)
    if set(header) != _HEADER_NAMES or (header["alg"], header["typ"]) != (_ALGORITHM, "JWT"):
        raise UnauthenticatedError(INVALID)  # Also whatever would have us take a key from the header (RFC 8725, 3.5).
    settings = current()
    key_id = str(header["kid"])
    if key_id not in _signing_keys(settings.secret_keys):
        raise InvalidTokenError(INVALID)  # As of a secret that was taken out of use: signing in again mends it.
    return _check_claims(_verified_claims(token, key_id, settings.secret_keys), settings)


def origin_server(settings: Settings) -> str:
    """This instance as tokens and profiles name it: host and port, the port also where it is the scheme's own."""
    host = settings.host
    return host if re.search(r":\d+\Z", host) else f"{host}:{443 if settings.is_https else 80}"


def end_family(session: Session, actor_id: str, session_id: str, now: datetime) -> None:
    """A refresh token of the session came twice."""
    sessions.end(session, session_id, now=now)
    audit.note(session, "refresh_token_reused", actor_id=actor_id, now=now)


def issue(session: Session, actor_id: str, session_id: str, now: datetime, *, grant: Grant | None = None) -> TokenPair:
    """One more pair of tokens for a login session; with a `grant` the access token is limited to it."""
    refresh_expires_at = now + REFRESH_TTL
    refresh_token = _make_refresh_token(actor_id, refresh_expires_at)
    session.execute(
        insert(RefreshToken).values(
            id=new_id("token"),
            session_id=session_id,
            digest=digest_of(refresh_token),
            expires_at=refresh_expires_at,
            used_at=None,
        )
    )
    return TokenPair(
        access_token=make_access_token(actor_id, session_id, now, grant=grant),
        access_expires_at=now + ACCESS_TTL,
        refresh_token=refresh_token,
        refresh_expires_at=refresh_expires_at,
    )


def rotate(session: Session, actor_id: str, session_id: str, now: datetime, *, grant: Grant | None = None) -> TokenPair:
    """The pair that follows one whose refresh token was used up."""
    session.execute(delete(RefreshToken).where(RefreshToken.session_id == session_id, RefreshToken.expires_at <= now))
    session.execute(update(Account).where(Account.actor_id == actor_id).values(last_seen_at=now))
    return issue(session, actor_id, session_id, now, grant=grant)


def use_up(session: Session, token_id: str, now: datetime) -> bool:
    """Whether the token was unused until now; of two requests at the same time one is told so."""
    used = session.execute(
        update(RefreshToken)
        .where(RefreshToken.id == token_id, RefreshToken.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshToken.id)
    )
    return used.one_or_none() is not None


def find_refresh_token(session: Session, refresh_token: str) -> Row[*tuple[Any, ...]] | None:
    """Its row, with what decides whether it is good; `client_id` and `scopes` of a limited session."""
    return session.execute(
        select(
            RefreshToken.id,
            RefreshToken.session_id,
            RefreshToken.expires_at,
            RefreshToken.used_at,
            LoginSession.actor_id,
            LoginSession.revoked_at,
            Account.banned_at,
            Actor.deleted_at,
            OAuthSession.client_id,
            OAuthSession.scopes,
        )
        .join(LoginSession, LoginSession.id == RefreshToken.session_id)
        .join(Account, Account.actor_id == LoginSession.actor_id)
        .join(Actor, Actor.id == LoginSession.actor_id)
        .outerjoin(OAuthSession, OAuthSession.session_id == LoginSession.id)
        .where(RefreshToken.digest == digest_of(refresh_token))
    ).one_or_none()


def make_access_token(actor_id: str, session_id: str, now: datetime, *, grant: Grant | None = None) -> str:
    settings = current()
    origin = origin_server(settings)
    key_id, key = next(iter(_signing_keys(settings.secret_keys).items()))
    claims = {
        "sub": actor_id,
        "origin_server": origin,
        "iss": origin,
        "aud": _audience(settings),
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_TTL).timestamp()),
        "jti": secrets.token_hex(12),
        "sid": session_id,
    }
    if grant is not None:
        claims |= {"client_id": grant.client_id, "scope": " ".join(sorted(grant.scopes))}
    header = {"alg": _ALGORITHM, "typ": "JWT", "kid": key_id}
    return jwt.encode(header, claims, key, algorithms=[_ALGORITHM], default_type=None)


def _audience(settings: Settings) -> str:
    """Tokens of other kinds name other audiences, so none passes for another (RFC 8725, section 3.9)."""
    return f"{settings.origin}/api/v1"


@lru_cache(maxsize=4)
def _signing_keys(secret_keys: tuple[str, ...]) -> dict[str, OctKey]:
    """By key id, the one that signs first."""
    return {key_id: OctKey.import_key(secret) for key_id, secret in Keyring(secret_keys).token_secrets.items()}


def _read_header(token: str) -> JsonObject:
    if len(token) > MAX_TOKEN_LENGTH or not _JWT.fullmatch(token):
        raise MalformedTokenError(BAD_FORMAT)
    try:
        return load_object(_base64url(token.partition(".")[0]))
    except (ValueError, MalformedDocumentError) as error:
        raise MalformedTokenError(BAD_FORMAT) from error


@lru_cache(maxsize=4096)
def _verified_claims(token: str, key_id: str, secret_keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Of the same token they are the same each time; whether it is still good, they do not tell."""
    try:
        return jwt.decode(token, _signing_keys(secret_keys)[key_id], algorithms=[_ALGORITHM]).claims
    except JoseError as error:
        raise MalformedTokenError(BAD_FORMAT) from error


def _check_claims(claims: Mapping[str, Any], settings: Settings) -> AccessClaims:
    origin = origin_server(settings)
    expected = {"iss": origin, "origin_server": origin, "aud": _audience(settings)}
    if any(claims.get(name) != value for name, value in expected.items()):
        raise InvalidTokenError(INVALID)
    actor_id, session_id, expires = claims.get("sub"), claims.get("sid"), claims.get("exp")
    if not isinstance(actor_id, str) or not isinstance(session_id, str) or not isinstance(expires, int):
        raise InvalidTokenError(INVALID)
    expires_at = datetime.fromtimestamp(expires, UTC)
    if expires_at <= datetime.now(UTC):
        raise InvalidTokenError(INVALID)
    scope = claims.get("scope")
    return AccessClaims(actor_id, session_id, expires_at, None if scope is None else frozenset(str(scope).split()))


def _make_refresh_token(actor_id: str, expires_at: datetime) -> str:
    """Nothing signs it: it is good because its digest is stored."""
    claims = {
        "uid": actor_id,
        "origin_server": origin_server(current()),
        "exp": int(expires_at.timestamp()),
        "rnd": secrets.token_urlsafe(32),
    }
    return base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _check_refresh_claims(refresh_token: str) -> None:
    """What the token says of itself, before the database is asked whether it is one of ours."""
    if len(refresh_token) > MAX_TOKEN_LENGTH:
        raise UnauthenticatedError("Malformed refresh token")
    try:
        claims = load_object(_base64url(refresh_token))
    except (ValueError, MalformedDocumentError) as error:
        raise UnauthenticatedError("Malformed refresh token") from error
    if any(claims.get(name) is None for name in _REFRESH_CLAIMS):
        raise UnauthenticatedError("Refresh token missing required claims")
    if claims["origin_server"] != origin_server(current()):
        raise UnauthenticatedError("Refresh token origin does not match current instance")


def _base64url(text: str) -> bytes:
    """RFC 7515, appendix C. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
