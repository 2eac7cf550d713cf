"""What clients ask the server itself, each in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error

from app.actions.oauth import grants
from app.actions.oauth.clients import BASIC, NO_SECRET, POST
from app.actions.oauth.devices import DeviceAuthorization
from app.actions.oauth.issued import Introspection, Revocation
from app.actions.oauth.registration import MetadataGiven, Registration
from app.actions.oauth.server import PREFIX, Answer, Request, Server, refusal
from app.db import transaction
from app.settings import current


def exchange(request: Request) -> Answer:
    """The token endpoint (RFC 6749, section 3.2)."""
    with transaction() as session:
        server = Server(session)
        server.register_grant(grants.CodeGrant, [grants.Pkce(required=True)])
        for grant in (grants.RefreshGrant, grants.BotGrant, grants.DeviceGrant):
            server.register_grant(grant)
        try:
            request.refuse_repeated()
        except OAuth2Error as error:
            return refusal(error)
        answer: Answer = server.create_token_response(request)
        return answer


def revoke(request: Request) -> Answer:
    return _ask(Revocation, request)


def introspect(request: Request) -> Answer:
    return _ask(Introspection, request)


def authorize_device(request: Request) -> Answer:
    return _ask(DeviceAuthorization, request)


def register(metadata: Mapping[str, Any]) -> Answer:
    """RFC 7591."""
    with transaction() as session:
        server = Server(session)
        server.register_endpoint(Registration)
        answer: Answer = server.create_endpoint_response(Registration.ENDPOINT_NAME, MetadataGiven(dict(metadata)))
        return answer


def _ask(endpoint: Any, request: Request) -> Answer:
    with transaction() as session:
        server = Server(session)
        server.register_endpoint(endpoint)
        try:
            request.refuse_repeated()
        except OAuth2Error as error:
            return refusal(error)
        answer: Answer = server.create_endpoint_response(endpoint.ENDPOINT_NAME, request)
        return answer


def describe() -> Mapping[str, Any]:
    """What this server can do, for programs (RFC 8414, section 2)."""
    base = current().origin + PREFIX
    return {
        "issuer": current().origin,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "registration_endpoint": f"{base}/register",
        "revocation_endpoint": f"{base}/revoke",
        "introspection_endpoint": f"{base}/introspect",
        "device_authorization_endpoint": f"{base}/device_authorization",
        **Registration.SUPPORTED,
        "response_modes_supported": ["query"],
        "revocation_endpoint_auth_methods_supported": [BASIC, POST, NO_SECRET],
        "introspection_endpoint_auth_methods_supported": [BASIC, POST],
        "code_challenge_methods_supported": list(grants.Pkce.SUPPORTED_CODE_CHALLENGE_METHOD),
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": f"{current().origin}/client/connect",
    }
