"""What people allow clients, and that they take it back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
from authlib.oauth2 import OAuth2Error
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from app.actions.oauth import grants
from app.actions.oauth.clients import NO_SUCH_APP, Client
from app.actions.oauth.server import Answer, Request, Server
from app.db import reading, transaction, upsert
from app.errors import InvalidInputError, NotFoundError
from app.models import LoginSession, OAuthCode, OAuthConsent, OAuthDeviceCode
from app.projections import audit, sessions
from app.queries.oauth import find_consent, list_sessions_of_client
from app.queries.viewers import Viewer

UNKNOWN_CLIENT = "The app that sent you here is not known, or would have you sent to an address that is not its own."


class Asked(msgspec.Struct, frozen=True):
    """What a client asks somebody for. `sent_to` is where the answer goes, as far as a person can judge it."""

    client_id: str
    client_name: str
    client_uri: str | None
    scopes: tuple[str, ...]
    sent_to: str = ""
    is_answered: bool = False


def check(request: Request) -> None:
    """Whether somebody may be asked about it at all. Raises what `ask` does."""
    with reading() as session:
        check_client(Server(session), request)


def ask(request: Request, viewer: Viewer) -> Asked | Answer:
    """What to ask the viewer, or how a client is told that its request cannot be.

    Raises InvalidInputError for one whose client or redirect URI is not known: then nobody is sent anywhere
    (RFC 6749, section 4.1.2.1).
    """
    with reading() as session:
        server = _server(session)
        client = check_client(server, request)
        try:
            server.get_consent_grant(request)
        except OAuth2Error as error:
            return _told(server, request, error)
        scopes = frozenset(request.scope.split())
        # Whoever could pass for the client, because it has no secret and no address of its own, is asked about anew.
        may_remember = request.payload.redirect_uri.startswith("https://")
        is_answered = may_remember and find_consent(session, viewer.actor_id, client.row.id) == scopes
    return asked_for(client, scopes, redirect_uri=request.payload.redirect_uri, is_answered=is_answered)


def allow(request: Request, viewer: Viewer) -> Answer:
    """Raises what `ask` does."""
    with transaction() as session:
        server = _server(session)
        client = check_client(server, request)
        try:
            grant = server.get_consent_grant(request)
        except OAuth2Error as error:
            return _told(server, request, error)
        remember(session, viewer.actor_id, client.row.id, request.scope.split(), now=server.now)
        answer: Answer = server.create_authorization_response(request, grant_user=viewer.session_id, grant=grant)
        return answer


def deny(request: Request) -> Answer:
    """Raises what `ask` does."""
    with reading() as session:
        server = _server(session)
        check_client(server, request)
        try:
            grant = server.get_consent_grant(request)
        except OAuth2Error as error:
            return _told(server, request, error)
        answer: Answer = server.create_authorization_response(request, grant_user=None, grant=grant)
        return answer


def redirect_source(redirect_uri: str) -> str:
    """Its origin, or its scheme where that is an app's own: what a policy for forms can name."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def find_redirect(client_id: str, redirect_uri: str) -> str | None:
    """The redirect URI, if it is the client's."""
    with reading() as session:
        client = Server(session).query_client(client_id)
    return redirect_uri if client is not None and client.check_redirect_uri(redirect_uri) else None


def asked_for(client: Client, scopes: Collection[str], *, redirect_uri: str = "", is_answered: bool = False) -> Asked:
    row = client.row
    return Asked(
        row.id,
        row.name,
        row.uri,
        tuple(sorted(scopes)),
        redirect_source(redirect_uri) if redirect_uri else "",
        is_answered,
    )


def remember(session: Session, actor_id: str, client_id: str, scopes: Collection[str], *, now: datetime) -> None:
    """What was allowed already is not noted again: a client may send somebody here as often as it likes."""
    is_new = find_consent(session, actor_id, client_id) != frozenset(scopes)
    values = {"actor_id": actor_id, "client_id": client_id, "scopes": sorted(scopes), "granted_at": now}
    consent = upsert(session, OAuthConsent).values(values)
    changed = {"scopes": consent.excluded.scopes, "granted_at": now}
    session.execute(consent.on_conflict_do_update(index_elements=["actor_id", "client_id"], set_=changed))
    if is_new:
        audit.note(session, "app_allowed", actor_id=actor_id, target=client_id, now=now)


def forget(viewer: Viewer, client_id: str) -> None:
    """End what a client may do for the viewer: its sessions, codes under way, what was remembered.

    Raises NotFoundError for one that may do nothing.
    """
    now = datetime.now(UTC)
    with transaction() as session:
        if find_consent(session, viewer.actor_id, client_id) is None:
            raise NotFoundError(NO_SUCH_APP)
        own = (OAuthConsent.actor_id == viewer.actor_id, OAuthConsent.client_id == client_id)
        session.execute(delete(OAuthConsent).where(*own))
        for codes in (OAuthCode, OAuthDeviceCode):
            session.execute(delete(codes).where(codes.client_id == client_id, codes.session_id.in_(_own(viewer))))
        for session_id in list_sessions_of_client(session, viewer.actor_id, client_id):
            sessions.end(session, session_id, now=now)


def _own(viewer: Viewer) -> Select[str]:
    """Ids of the viewer's sessions."""
    return select(LoginSession.id).where(LoginSession.actor_id == viewer.actor_id)


def check_client(server: Server, request: Request) -> Client:
    """Raises InvalidInputError."""
    given = request.payload
    if any(len(given.datalist.get(name, [])) > 1 for name in ("client_id", "redirect_uri")):
        raise InvalidInputError(UNKNOWN_CLIENT)
    client = server.query_client(given.client_id or "")
    if client is None or not client.check_redirect_uri(given.redirect_uri or ""):
        raise InvalidInputError(UNKNOWN_CLIENT)
    return client


def _server(session: Session) -> Server:
    server = Server(session)
    server.register_grant(grants.CodeGrant, [grants.Pkce(required=True)])
    return server


def _told(server: Server, request: Request, error: OAuth2Error) -> Answer:
    """The client's own address was checked before, so it is told."""
    error.redirect_uri = request.payload.redirect_uri
    error.state = request.payload.state
    answer: Answer = server.handle_error_response(request, error)
    return answer
