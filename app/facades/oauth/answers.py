"""Answers of OAuth as HTTP: JSON that nobody keeps, or a redirect."""

from __future__ import annotations

import json

from flask import Response

from app.actions.oauth.server import Answer

_NOBODY_KEEPS = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749, section 5.1.


def oauth_answer(answer: Answer) -> Response:
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    response = Response(body, answer.status, headers=answer.headers, mimetype="application/json")
    response.headers.update(_NOBODY_KEEPS)
    return response
