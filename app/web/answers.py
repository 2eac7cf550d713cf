"""Answers: a model as JSON, an error as `{"detail": "..."}`, whatever the error was."""

from __future__ import annotations

import logging

from flask import Flask, Response
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from activitypub.errors import ActivityPubError
from app.errors import AppError, BlockedError, TooManyRequestsError, UnauthenticatedError, UnavailableError
from app.web.headers import request_id

JSON = "application/json"
_NO_STORE = {"Cache-Control": "no-store"}  # Answers hold tokens, and what only the asker may read.
# Clients look for `message` in these (contracts/pufferblow.md, 0.4).
_ALSO_MESSAGES = (BlockedError, TooManyRequestsError)
_log = logging.getLogger(__name__)


class Problem(BaseModel):
    """Why a request was not done."""

    detail: str
    message: str | None = None


def json_answer(model: BaseModel, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status, headers=_NO_STORE, mimetype=JSON)


def problem(status: int, detail: str, *, with_message: bool = False) -> Response:
    """`message` repeats `detail` where old clients look for it."""
    body = Problem(detail=detail, message=detail if with_message else None)
    return Response(body.model_dump_json(exclude_none=True), status, headers=_NO_STORE, mimetype=JSON)


def answer_errors(app: Flask) -> None:
    """Answer every error that a facade has no answer of its own for."""
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(ActivityPubError, _activitypub_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _app_error(error: AppError) -> Response:
    response = problem(error.status, error.message, with_message=isinstance(error, _ALSO_MESSAGES))
    if isinstance(error, TooManyRequestsError | UnavailableError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, UnauthenticatedError):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, UnavailableError):
        _log.warning("request %s was refused: %s", request_id(), error.__cause__ or error)
    return response


def _activitypub_error(error: ActivityPubError) -> Response:
    _log.info("request %s was refused: %s", request_id(), error)
    response = problem(error.status, error.public)
    if error.status == 503:
        response.headers["Retry-After"] = "60"
    return response


def _http_error(error: HTTPException) -> Response:
    """What Flask says itself: no such path, no such method."""
    response = problem(error.code or 500, error.name)
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("request %s failed", request_id(), exc_info=error)
    return problem(500, "Internal Server Error")
