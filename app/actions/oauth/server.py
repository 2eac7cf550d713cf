"""Authlib's authorization server on our rows: one for each request, inside that request's transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Payload, UnsupportedResponseTypeError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.actions.oauth.clients import Client, get_client
from app.queries.scopes import SCOPES, spell
from app.settings import current

PREFIX = "/auth/oauth2"
_RESPONSE_TYPE = re.compile(r"[a-z_ ]{1,64}")


class Answer(msgspec.Struct, frozen=True):
    """What a client is answered. A dict is JSON."""

    status: int
    body: Mapping[str, Any] | str
    headers: list[tuple[str, str]] = msgspec.field(default_factory=list)


class _Payload(OAuth2Payload):
    def __init__(self, parameters: MultiDict[str, str]) -> None:
        self._parameters = parameters

    @property
    def data(self) -> MultiDict[str, str]:
        return self._parameters

    @property
    def datalist(self) -> Mapping[str, list[str]]:
        return dict(self._parameters.lists())


class Request(OAuth2Request):
    """A request whose parameters were read already: of its query at the authorization endpoint, of its body elsewhere.

    Raises OAuth2Error on a server without TLS that is not on this machine.
    """

    def __init__(self, method: str, path: str, headers: Mapping[str, str], parameters: MultiDict[str, str]) -> None:
        super().__init__(method, current().origin + path, headers=headers)
        self.payload = _Payload(parameters)

    @property
    def args(self) -> MultiDict[str, str]:
        return self.payload.data

    @property
    def form(self) -> MultiDict[str, str]:
        return self.payload.data

    def refuse_repeated(self) -> None:
        """No parameter may come twice (RFC 6749, section 3.2)."""
        if any(len(values) > 1 for values in self.payload.datalist.values()):
            raise InvalidRequestError("A parameter was given more than once.")


class Server(AuthorizationServer):
    """Authlib's server in one transaction: what a grant wrote before it failed is for the grant to mean."""

    def __init__(self, session: Session) -> None:
        super().__init__(scopes_supported=SCOPES)
        self.session = session
        self.now = datetime.now(UTC)

    def query_client(self, client_id: str) -> Client | None:
        return get_client(self.session, client_id)

    def authenticate_client(self, request: Request, methods: list[str], endpoint: str = "token") -> Client:
        try:
            client: Client = super().authenticate_client(request, methods, endpoint)
        except ValueError as error:  # Of a name and secret that are not UTF-8.
            raise InvalidClientError(status_code=401) from error
        return client

    def validate_requested_scope(self, scope: str | None) -> None:
        super().validate_requested_scope(" ".join(spell((scope or "").split())))

    def get_authorization_grant(self, request: Request) -> Any:
        if not _RESPONSE_TYPE.fullmatch(request.payload.response_type or ""):
            raise UnsupportedResponseTypeError("")  # Authlib would repeat it in a text that may not hold it.
        return super().get_authorization_grant(request)

    def save_token(self, token: Mapping[str, Any], request: Request) -> None:
        """Tokens are stored where they are made (`app.actions.oauth.issuing`)."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def create_json_request(self, request: Any) -> Any:
        return request

    def handle_response(self, status: int, body: Mapping[str, Any] | str, headers: list[tuple[str, str]]) -> Answer:
        """Whoever is sent back to a client tells it who we are (RFC 9207), and takes nothing along that was typed here
        (RFC 9700, section 4.12)."""
        told = [(name, _with_issuer(value) if name == "Location" else value) for name, value in headers]
        return Answer(303 if status == 302 else status, body, told)


def refusal(error: OAuth2Error) -> Answer:
    """What a client is answered whose request came to nothing before there was a server for it."""
    status, body, headers = error()
    return Answer(status, body, headers)


def _with_issuer(location: str) -> str:
    return str(add_params_to_uri(location, [("iss", current().origin)]))
