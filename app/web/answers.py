"""Answers: a model as JSON, an error as the one body that all protocols know, whatever the error was.

With `?debug=1` whoever may is also told what failed, and where in our code (contracts/pufferblow.md, 13.25).
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from activitypub.errors import ActivityPubError, NotJsonError
from app.errors import (
    AppError,
    BlockedError,
    ErrorCode,
    InsufficientScopeError,
    InvalidTokenError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnavailableError,
    UpgradeNeededError,
)
from app.web.headers import request_id
from app.web.shapes import Shape

JSON = "application/json"
_NO_STORE = {"Cache-Control": "no-store"}  # Answers hold tokens, and what only the asker may read.
# Clients look for `message` in these (contracts/pufferblow.md, 0.4).
_ALSO_MESSAGES = (BlockedError, TooManyRequestsError)
_MAY_DEBUG: Final = "shoal.may_debug"
_HERE: Final = Path(__file__).resolve().parents[2]
# Of the statuses below 500 that are not about a value (contracts/punctum.md, 3.2).
_CODES: Final = {
    401: ErrorCode.NOT_PERMITTED,
    403: ErrorCode.NOT_PERMITTED,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.UNSUPPORTED,
    408: ErrorCode.NO_DATA,
    412: ErrorCode.NO_DATA,
    413: ErrorCode.TOO_MUCH,
    414: ErrorCode.NO_DATA,
    415: ErrorCode.NO_DATA,
    429: ErrorCode.NOT_PERMITTED,
}
_log = logging.getLogger(__name__)


class Debug(Shape):
    """The error's names, the causes' after it, and the innermost lines of ours. No messages: those may quote people."""

    request_id: str
    errors: list[str]
    raised_at: list[str]


class Problem(Shape, omit_defaults=True, kw_only=True):
    """Why a request was not done: an error ping of Punctum, with the `detail` and `message` of PufferBlow.

    All three texts are the same.
    """

    # One body for both (contracts/punctum.md, 7).
    type: Literal["ping"]
    ping_type: Literal["error"]
    error_code: ErrorCode
    error: str
    detail: str
    message: str | None = None
    debug: Debug | None = None


def json_answer(model: Shape, status: int = 200) -> Response:
    return Response(msgspec.json.encode(model), status, headers=_NO_STORE, mimetype=JSON)


def problem(status: int, detail: str, *, with_message: bool = False, error: Exception | None = None) -> Response:
    """`message` repeats `detail` where old clients look for it; `error` is why, and may know a code of its own."""
    body = _problem(status, detail, with_message=with_message, error=error)
    if error is not None:
        body = msgspec.structs.replace(body, debug=_debug(error))
    return Response(msgspec.json.encode(body), status, headers=_NO_STORE, mimetype=JSON)


def explain(error: AppError) -> dict[str, Any]:
    """The body of the answer to an error, for what is not answered over HTTP."""
    body: dict[str, Any] = msgspec.to_builtins(_problem(error.status, error.message, error=error))
    return body


def _problem(status: int, detail: str, *, with_message: bool = False, error: Exception | None = None) -> Problem:
    return Problem(
        type="ping",
        ping_type="error",
        error_code=_code_of(status, error),
        error=detail,
        detail=detail,
        message=detail if with_message else None,
    )


def _code_of(status: int, error: Exception | None) -> ErrorCode:
    if isinstance(error, AppError) and error.error_code is not None:
        return error.error_code
    if isinstance(error, NotJsonError):
        return ErrorCode.NO_DATA
    return ErrorCode.SERVER if status >= 500 else _CODES.get(status, ErrorCode.INVALID_VALUE)


def answer_errors(app: Flask, *, may_debug: Callable[[], bool] = lambda: False) -> None:
    """Answer every error that a facade has no answer of its own for."""
    app.extensions[_MAY_DEBUG] = may_debug
    app.register_error_handler(AppError, answer_error)
    app.register_error_handler(ActivityPubError, _activitypub_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def answer_error(error: AppError) -> Response:
    response = problem(error.status, error.message, with_message=isinstance(error, _ALSO_MESSAGES), error=error)
    if isinstance(error, TooManyRequestsError | UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, UnauthenticatedError):
        is_known = isinstance(error, InvalidTokenError)  # A client then asks for its next one (RFC 6750, section 3.1).
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_known else "Bearer"
    if isinstance(error, InsufficientScopeError):
        needed = f', scope="{error.scope}"' if error.scope else ""
        response.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope"{needed}'
    if isinstance(error, UpgradeNeededError):
        response.headers["Upgrade"] = error.protocol  # As RFC 9110, 15.5.22, demands.
        response.headers["Connection"] = "Upgrade"
    if isinstance(error, UnavailableError):
        _log.warning("request %s was refused: %s", request_id(), error.__cause__ or error)
    return response


def _activitypub_error(error: ActivityPubError) -> Response:
    _log.info("request %s was refused: %s", request_id(), error)
    response = problem(error.status, error.public, error=error)
    if error.status == 503:
        response.headers["Retry-After"] = "60"
    return response


def _http_error(error: HTTPException) -> Response:
    """What Flask says itself: no such path, no such method."""
    response = problem(error.code or 500, error.name, error=error)
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("request %s failed", request_id(), exc_info=error)
    return problem(500, "Internal Server Error", error=error)


def _debug(error: Exception) -> Debug | None:
    if request.args.get("debug") != "1" or not current_app.extensions[_MAY_DEBUG]():
        return None
    names: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        names.append(type(cause).__name__)
        cause = cause.__cause__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(Path(frame.filename))]
    lines = [f"{Path(frame.filename).relative_to(_HERE)}:{frame.lineno} {frame.name}" for frame in frames]
    return Debug(request_id=request_id(), errors=names, raised_at=lines[::-1])


def _is_ours(file: Path) -> bool:
    """Not of a library, whose virtual environment may stand in our folder."""
    return any(file.is_relative_to(_HERE / package) for package in ("app", "activitypub"))
