"""The one body of every error, whoever raised it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug import exceptions as http
from werkzeug.test import TestResponse

from activitypub import errors as protocol
from app import errors
from app.web.answers import answer_errors

TOLD = "what the client is told"

OURS = [
    (errors.InvalidInputError, 400, 7),
    (errors.MalformedBodyError, 400, 2),
    (errors.MalformedTokenError, 400, 7),
    (errors.UnauthenticatedError, 401, 3),
    (errors.InvalidTokenError, 401, 3),
    (errors.ForbiddenError, 403, 3),
    (errors.BlockedError, 403, 3),
    (errors.NotFoundError, 404, 4),
    (errors.StalledError, 408, 2),
    (errors.ConflictError, 409, 7),
    (errors.TooLargeError, 413, 11),
    (errors.UnsupportedMediaError, 415, 2),
    (errors.ReusedKeyError, 422, 7),
    (errors.UpgradeNeededError, 426, 5),
    (errors.TooManyRequestsError, 429, 3),
    (errors.UnavailableError, 503, 1),
]
PROTOCOLS = [
    (protocol.MalformedDocumentError, 400, 7),
    (protocol.NotJsonError, 400, 2),
    (protocol.SignatureError, 401, 3),
    (protocol.OriginError, 403, 3),
    (protocol.BlockedAddressError, 422, 7),
    (protocol.KeyUnavailableError, 503, 1),
]
LIBRARIES = [
    (http.BadRequest, 400, 7),
    (http.NotFound, 404, 4),
    (http.MethodNotAllowed, 405, 5),
    (http.PreconditionFailed, 412, 2),
    (http.RequestURITooLarge, 414, 2),
    (http.BadGateway, 502, 1),
]


def answer_to(error: Exception) -> TestResponse:
    app = Flask("raising", static_folder=None)
    answer_errors(app)

    @app.get("/")
    def fail() -> str:
        raise error

    return app.test_client().get("/")


def ping(code: int, text: str) -> dict[str, Any]:
    return {"type": "ping", "ping_type": "error", "error_code": code, "error": text, "detail": text}


@pytest.mark.parametrize(("kind", "status", "code"), OURS)
def test_an_error_of_ours_tells_its_own_words(kind: type[errors.AppError], status: int, code: int) -> None:
    answer = answer_to(kind(TOLD))

    repeated = {"message": TOLD} if kind in (errors.BlockedError, errors.TooManyRequestsError) else {}
    assert (answer.status_code, answer.json) == (status, ping(code, TOLD) | repeated)
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_every_kind_of_error_was_looked_at() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AppError)}

    assert kinds - {errors.AppError, errors.InsufficientScopeError} == {kind for kind, _, _ in OURS}


@pytest.mark.parametrize(("scope", "named"), [("message:read", ', scope="message:read"'), (None, "")])
def test_a_scope_that_is_missing_is_named(scope: str | None, named: str) -> None:
    """RFC 6750, section 3.1."""
    error = errors.InsufficientScopeError(scope)
    answer = answer_to(error)

    assert (answer.status_code, answer.json) == (403, ping(3, error.message))
    assert answer.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope"{named}'


@pytest.mark.parametrize(("kind", "status", "code"), PROTOCOLS)
def test_an_error_of_the_protocol_keeps_its_reason_for_the_log(
    kind: type[protocol.ActivityPubError], status: int, code: int
) -> None:
    answer = answer_to(kind("what the log is told"))

    assert (answer.status_code, answer.json) == (status, ping(code, kind.public))


@pytest.mark.parametrize(("kind", "status", "code"), LIBRARIES)
def test_an_error_of_the_library_tells_its_name(kind: type[http.HTTPException], status: int, code: int) -> None:
    answer = answer_to(kind())

    assert (answer.status_code, answer.json) == (status, ping(code, kind().name))


def test_any_other_error_tells_nothing() -> None:
    answer = answer_to(RuntimeError("the secret is 42"))

    assert (answer.status_code, answer.json) == (500, ping(1, "Internal Server Error"))
