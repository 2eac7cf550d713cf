"""The ways to a token: a code, a refresh token, a bot's own credentials, a device's code."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceCodeGrant
from sqlalchemy import delete, insert, update

from app.actions.digests import digest_of
from app.actions.oauth import issuing
from app.actions.oauth.clients import BASIC, NO_SECRET, POST, Client
from app.actions.oauth.server import Request
from app.actions.tokens import Grant, end_family, find_refresh_token, use_up
from app.models import OAuthCode, OAuthDeviceCode
from app.projections import sessions
from app.queries.oauth import find_bot_session, find_code, find_device_code, hold_active_account, hold_active_bot
from app.queries.scopes import spell

CODE_TTL: Final = timedelta(minutes=5)
# RFC 8628, section 3.5.
_SLOWER_SECONDS: Final = 5


class _Code(msgspec.Struct, frozen=True):
    """An authorization code's row, as Authlib reads it."""

    row: OAuthCode
    actor_id: str

    @property
    def code_challenge(self) -> str | None:
        return self.row.code_challenge

    @property
    def code_challenge_method(self) -> str | None:
        return self.row.code_challenge_method

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.row.scopes)


class CodeGrant(grants.AuthorizationCodeGrant):
    """RFC 6749, section 4.1. The user of Authlib's is the browser session that allowed it."""

    TOKEN_ENDPOINT_AUTH_METHODS = (BASIC, POST, NO_SECRET)

    def save_authorization_code(self, code: str, request: Request) -> None:
        values = {
            "digest": digest_of(code),
            "client_id": request.client.get_client_id(),
            "session_id": request.user,
            "redirect_uri": request.payload.redirect_uri,
            "scopes": request.scope.split(),
            "code_challenge": request.payload.data.get("code_challenge"),
            "code_challenge_method": request.payload.data.get("code_challenge_method"),
            "expires_at": self.server.now + CODE_TTL,
            "opened_id": None,
        }
        self.server.session.execute(insert(OAuthCode).values(values))

    def query_authorization_code(self, code: str, client: Client) -> _Code | None:
        """None for one that ended. One that was used already ends what was opened with it."""
        row = find_code(self.server.session, digest_of(code), client.get_client_id())
        if row is None or row.expires_at <= self.server.now:
            return None
        if row.opened_id is not None:
            sessions.end(self.server.session, row.opened_id, now=self.server.now)
            return None
        actor_id = hold_active_account(self.server.session, row.session_id)
        return None if actor_id is None else _Code(row, actor_id)

    def authenticate_user(self, authorization_code: _Code) -> str:
        return authorization_code.actor_id

    def generate_token(self, user: str, scope: str, *, include_refresh_token: bool, **_: Any) -> issuing.Token:
        code: _Code = self.request.authorization_code
        grant = Grant(self.client.get_client_id(), frozenset(scope.split()))
        session_id = issuing.begin(self.server, user, grant.client_id, grant.scopes)
        used = update(OAuthCode).where(OAuthCode.digest == code.row.digest).values(opened_id=session_id)
        self.server.session.execute(used)
        return issuing.first_token(self.server, user, session_id, grant, refreshable=include_refresh_token)

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """It is kept until its time is over, to be recognised if it comes again."""


class Pkce(CodeChallenge):
    """RFC 7636 by S256 alone, and never without for a client that has no secret."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        given = grant.request.payload.data
        challenge = given.get("code_challenge")
        if grant.client.is_public and not challenge:
            raise InvalidRequestError("Missing 'code_challenge'")
        if challenge and given.get("code_challenge_method") is None:
            raise InvalidRequestError("Missing 'code_challenge_method'")  # It would mean "plain".
        super().validate_code_challenge(grant, redirect_uri)


class _Refreshing(msgspec.Struct, frozen=True):
    """A refresh token's row, as Authlib reads it."""

    row: Any

    def check_client(self, client: Client) -> bool:
        return bool(self.row.client_id == client.get_client_id())

    def get_scope(self) -> str:
        return " ".join(self.row.scopes)


class RefreshGrant(grants.RefreshTokenGrant):
    """RFC 6749, section 6, each token good once (RFC 9700, section 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = (BASIC, POST, NO_SECRET)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _Refreshing | None:
        """None for one that ended, or is another client's. One that was used already ends its family."""
        session, now = self.server.session, self.server.now
        row = find_refresh_token(session, refresh_token)
        if row is None or row.revoked_at is not None or row.client_id != self.client.get_client_id():
            return None
        if row.expires_at <= now or row.banned_at is not None or row.deleted_at is not None:
            return None
        if row.used_at is not None:
            end_family(session, row.actor_id, row.session_id, now)
            return None
        return _Refreshing(row)

    def authenticate_user(self, refresh_token: _Refreshing) -> str:
        return str(refresh_token.row.actor_id)

    def generate_token(self, user: str, scope: str, **_: Any) -> issuing.Token:
        row = self.request.refresh_token.row
        if not use_up(self.server.session, row.id, self.server.now):  # Somebody was faster with the same one.
            end_family(self.server.session, row.actor_id, row.session_id, self.server.now)
            raise InvalidGrantError
        grant = Grant(row.client_id, spell(scope.split()))
        return issuing.next_token(self.server, user, row.session_id, grant)

    def revoke_old_credential(self, refresh_token: _Refreshing) -> None:
        """It was used up before the new one was made."""


class BotGrant(grants.ClientCredentialsGrant):
    """RFC 6749, section 4.4: a bot speaks for the account that made its credentials."""

    TOKEN_ENDPOINT_AUTH_METHODS = (BASIC, POST)

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if not hold_active_bot(self.server.session, self.client.row.id, self.client.row.account_id):
            raise InvalidGrantError
        if self.request.payload.scope and self.client.get_allowed_scope(self.request.payload.scope) is None:
            raise InvalidScopeError

    def generate_token(self, scope: str | None, **_: Any) -> issuing.Token:
        row = self.client.row
        scopes = self.client.get_allowed_scope(scope or " ".join(row.scopes)).split()
        session_id = find_bot_session(self.server.session, row.id)
        if session_id is None:
            session_id = issuing.begin(self.server, row.account_id, row.id, row.scopes)
        grant = Grant(row.id, frozenset(scopes))
        return issuing.first_token(self.server, row.account_id, session_id, grant, refreshable=False)


class _Waiting(msgspec.Struct, frozen=True):
    """A device's code, as Authlib reads it."""

    row: OAuthDeviceCode
    now: datetime

    def get_client_id(self) -> str:
        return self.row.client_id

    def get_scope(self) -> str:
        return " ".join(self.row.scopes)

    def get_user_code(self) -> str:
        return self.row.user_code

    def is_expired(self) -> bool:
        return self.row.expires_at <= self.now


class DeviceGrant(DeviceCodeGrant):
    """RFC 8628, section 3.4."""

    TOKEN_ENDPOINT_AUTH_METHODS = (BASIC, POST, NO_SECRET)

    def query_device_credential(self, device_code: str) -> _Waiting | None:
        row = find_device_code(self.server.session, digest_of(device_code))
        return None if row is None else _Waiting(row, self.server.now)

    def query_user_grant(self, user_code: str) -> tuple[str | None, bool] | None:
        """None while nobody has said anything."""
        row = find_device_code(self.server.session, digest_of(self.request.payload.data["device_code"]))
        if row is None:
            return None
        if row.denied_at is not None:
            return None, False
        if row.session_id is None:
            return None
        actor_id = hold_active_account(self.server.session, row.session_id)
        return actor_id, actor_id is not None

    def should_slow_down(self, credential: _Waiting) -> bool:
        """Whether it asks before its time, which makes the time longer."""
        row, now = credential.row, self.server.now
        is_early = row.polled_at is not None and now < row.polled_at + timedelta(seconds=row.interval - 1)
        interval = row.interval + (_SLOWER_SECONDS if is_early else 0)
        polled = update(OAuthDeviceCode).where(OAuthDeviceCode.digest == row.digest)
        self.server.session.execute(polled.values(polled_at=now, interval=interval))
        return is_early

    def generate_token(self, user: str, scope: str, *, include_refresh_token: bool, **_: Any) -> issuing.Token:
        """A device's code is good once, and gone then."""
        row = self.request.credential.row
        self.server.session.execute(delete(OAuthDeviceCode).where(OAuthDeviceCode.digest == row.digest))
        grant = Grant(row.client_id, frozenset(scope.split()))
        session_id = issuing.begin(self.server, user, grant.client_id, grant.scopes)
        return issuing.first_token(self.server, user, session_id, grant, refreshable=include_refresh_token)
