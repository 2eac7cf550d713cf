"""The Idempotency-Key header: a client's own name for a request, so that it may safely ask again."""

from __future__ import annotations

import hashlib
import re

from flask import request

from app.errors import InvalidInputError
from app.web.fields import Params

_KEY = re.compile(r"[\x21-\x7e]{1,128}")


def idempotency_key() -> str | None:
    """Raises InvalidInputError for a key that is no word of up to 128 ASCII characters."""
    given = request.headers.get("Idempotency-Key")
    if given is not None and not _KEY.fullmatch(given):
        raise InvalidInputError("An Idempotency-Key has 1 to 128 visible ASCII characters.")
    return given


def request_digest(params: Params) -> str:
    """What tells this request from another one under the same key: the route and its parameters, wherever they were.

    The token is none of them, because it may have been renewed since.
    """
    return hashlib.sha256(f"{request.endpoint} {params.model_dump_json()}".encode()).hexdigest()
