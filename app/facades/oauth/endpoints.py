"""What clients ask without anybody looking: tokens, their ends, what they are good for, devices, registration."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request

from app.actions.oauth import endpoints
from app.actions.oauth.server import PREFIX, Answer, Request, refusal
from app.errors import AppError, InvalidInputError, TooManyRequestsError, UnsupportedMediaError
from app.facades.oauth.answers import oauth_answer
from app.web.fields import Fields, read_fields
from app.web.limiting import register_client

blueprint = Blueprint("oauth_endpoints", __name__)


@blueprint.get("/.well-known/oauth-authorization-server")
def describe() -> Response:
    return oauth_answer(Answer(200, endpoints.describe()))


@blueprint.post(f"{PREFIX}/token")
def token() -> Response:
    return _ask(endpoints.exchange)


@blueprint.post(f"{PREFIX}/revoke")
def revoke() -> Response:
    return _ask(endpoints.revoke)


@blueprint.post(f"{PREFIX}/introspect")
def introspect() -> Response:
    return _ask(endpoints.introspect)


@blueprint.post(f"{PREFIX}/device_authorization")
def authorize_device() -> Response:
    return _ask(endpoints.authorize_device)


@blueprint.post(f"{PREFIX}/register")
def register() -> Response:
    fields = _read_fields()
    register_client()
    return oauth_answer(endpoints.register(fields.json))


def _ask(endpoint: Callable[[Request], Answer]) -> Response:
    """Of the body alone: what stands in an address ends up in logs (RFC 6749, section 2.3.1)."""
    form = _read_fields().form
    try:
        asked = Request(request.method, request.path, dict(request.headers), form)
    except OAuth2Error as error:
        return oauth_answer(refusal(error))
    return oauth_answer(endpoint(asked))


@blueprint.errorhandler(InvalidInputError)
@blueprint.errorhandler(UnsupportedMediaError)
def _refuse(error: AppError) -> Response:
    """What cannot be read (RFC 6749, section 5.2)."""
    return oauth_answer(Answer(400, {"error": "invalid_request", "error_description": error.message}))


@blueprint.errorhandler(TooManyRequestsError)
def _hold_off(error: TooManyRequestsError) -> Response:
    told = {"error": "temporarily_unavailable", "error_description": error.message}
    return oauth_answer(Answer(error.status, told, [("Retry-After", str(error.retry_after_seconds))]))


def _read_fields() -> Fields:
    with ExitStack() as until:
        return read_fields(request, {}, until=until)
