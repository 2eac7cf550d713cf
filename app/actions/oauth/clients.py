"""Clients as Authlib asks about them, and how they come to be: by themselves, or as somebody's bot."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from app.actions.digests import digest_of
from app.db import transaction
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.ids import is_id, new_id
from app.models import LoginSession, OAuthClient, OAuthSession
from app.projections import audit, sessions
from app.queries.oauth import find_client, is_unused, list_sessions_of_client
from app.queries.scopes import SCOPES, spell
from app.queries.viewers import Viewer

MAX_NAME_LENGTH: Final = 100
MAX_BOTS: Final = 20
UNUSED_LIFE: Final = timedelta(days=30)
CODE, REFRESH, BOT = "authorization_code", "refresh_token", "client_credentials"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
NO_SECRET, BASIC, POST = "none", "client_secret_basic", "client_secret_post"
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\])):[0-9]{1,5}(/[\x21-\x7e]*)")
NO_SUCH_APP = "There is no such app."


class Client(msgspec.Struct, frozen=True):
    """A client's row, answering what Authlib asks of one (`authlib.oauth2.rfc6749.ClientMixin`)."""

    row: OAuthClient

    @property
    def is_public(self) -> bool:
        """One that cannot keep a secret (RFC 6749, section 2.1)."""
        return self.row.auth_method == NO_SECRET

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> None:
        """There is none: OAuth 2.1 has every request name its own."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What is asked for, if the client may ask for all of it; None has Authlib refuse."""
        asked = spell((scope or "").split())
        return " ".join(sorted(asked)) if asked and asked <= set(self.row.scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compared as texts, whole (RFC 9700, section 4.1.3), but for the port of a program on the person's own
        machine, which takes whichever is free (RFC 8252, section 7.3)."""
        return _without_port(redirect_uri) in map(_without_port, self.row.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        stored = self.row.secret_digest or ""
        return hmac.compare_digest(stored, digest_of(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """The one that it was registered with; who has no secret has nothing to introspect with."""
        return method == self.row.auth_method and not (endpoint == "introspection" and self.is_public)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and CODE in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


def _without_port(redirect_uri: str) -> str:
    """Of a loopback address alone; any other is what it was."""
    on_this_machine = _LOOPBACK.fullmatch(redirect_uri)
    return redirect_uri if on_this_machine is None else "".join(on_this_machine.groups())


@dataclass(frozen=True, slots=True)
class BotMade:
    """The secret is told here and never again."""

    client_id: str
    secret: str = field(repr=False)


def get_client(session: Session, client_id: str) -> Client | None:
    row = find_client(session, client_id)
    return None if row is None else Client(row)


def add_client(
    session: Session,
    client_id: str,
    *,
    name: str,
    secret: str | None,
    auth_method: str,
    grant_types: Sequence[str],
    scopes: Collection[str],
    redirect_uris: Sequence[str] = (),
    uri: str | None = None,
    account_id: str | None = None,
) -> None:
    values = {
        "id": client_id,
        "name": name,
        "uri": uri,
        "secret_digest": None if secret is None else digest_of(secret),
        "auth_method": auth_method,
        "redirect_uris": list(redirect_uris),
        "grant_types": list(grant_types),
        "scopes": sorted(scopes),
        "account_id": account_id,
        "created_at": datetime.now(UTC),
    }
    session.execute(insert(OAuthClient).values(values))


def make_bot(viewer: Viewer, name: str, scopes: Collection[str]) -> BotMade:
    """A client whose own credentials speak for the viewer, within `scopes`.

    Raises InvalidInputError for a name or scopes that cannot be, ConflictError for one too many.
    """
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInputError(f"A name has 1 to {MAX_NAME_LENGTH} characters.")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidInputError("Choose what the bot may do.")
    made = BotMade(new_id("client"), secrets.token_urlsafe(32))
    with transaction() as session:
        owned = select(func.count()).where(OAuthClient.account_id == viewer.actor_id)
        if session.execute(owned).scalar_one() >= MAX_BOTS:
            raise ConflictError("You have too many bots. Remove one first.")
        add_client(
            session,
            made.client_id,
            name=name,
            secret=made.secret,
            auth_method=BASIC,
            grant_types=[BOT],
            scopes=scopes,
            account_id=viewer.actor_id,
        )
        audit.note(session, "bot_made", actor_id=viewer.actor_id, target=made.client_id)
    return made


def remove_bot(viewer: Viewer, client_id: str) -> None:
    """With its sessions. Raises NotFoundError for what is no bot of the viewer's."""
    now = datetime.now(UTC)
    with transaction() as session:
        # Locked, so that no session is begun meanwhile whose limits would go with the client.
        row = session.get(OAuthClient, client_id, with_for_update=True) if is_id(client_id) else None
        if row is None or row.account_id != viewer.actor_id:
            raise NotFoundError(NO_SUCH_APP)
        for session_id in list_sessions_of_client(session, viewer.actor_id, client_id):
            sessions.end(session, session_id, now=now)
        _delete_clients(session, [client_id])


def forget_unused(session: Session, now: datetime, *, limit: int) -> int:
    """Delete clients that nobody has allowed anything for a month; how many there were.

    Anybody may register one, so that what nobody uses must not stay. Who comes back later registers again.
    """
    old = is_unused(now - UNUSED_LIFE)
    found = select(OAuthClient.id).where(old).limit(limit).with_for_update(skip_locked=True)
    locked = session.scalars(found).all()
    # Asked again: somebody may have allowed one before it was locked, and nobody can any more.
    unused = session.scalars(select(OAuthClient.id).where(OAuthClient.id.in_(locked), old)).all()
    _delete_clients(session, unused)
    return len(unused)


def _delete_clients(session: Session, ids: Sequence[str]) -> None:
    """Their sessions have ended."""
    theirs = select(OAuthSession.session_id).where(OAuthSession.client_id.in_(ids))
    session.execute(delete(LoginSession).where(LoginSession.id.in_(theirs)))
    session.execute(delete(OAuthClient).where(OAuthClient.id.in_(ids)))
