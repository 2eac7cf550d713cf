"""One request of a case as bytes, and asking it."""

from __future__ import annotations

import json
import secrets
import time
from typing import Final

from tests.hostile import media
from tests.hostile.arena import HOST
from tests.hostile.cases import Json, expand
from tests.hostile.effects import Run
from tests.hostile.recipes import body_of
from tests.hostile.signing import Recipe
from tests.hostile.wire import Answer

_FILLED: Final = ("group", "path", "headers", "body", "body_recipe", "sign", "raw_request")
_FORM: Final = "application/x-www-form-urlencoded"


def ask(run: Run, number: int) -> Answer:
    """A case that is not about limits, and is told when to come again because one before it was a flood, does so."""
    sent = compose(run, number)
    answer = run.send_raw(sent, is_all=_is_all(run.case))
    if answer.status == 429 and 429 not in run.case["expected_status"]:
        time.sleep(int(answer.headers["retry-after"]))
        answer = run.send_raw(sent, is_all=_is_all(run.case))
    return answer


def compose(run: Run, number: int = 0) -> bytes:
    """The request of the case as bytes."""
    arena, case = run.arena, run.case
    nonce = secrets.token_hex(8)
    filled = expand({name: case.get(name) for name in _FILLED}, arena.words, nonce=nonce, number=number)
    if "body" in case:
        case["sent_body"] = filled["body"]
    recipe = Recipe.of(filled["sign"]) if filled["sign"] else None
    body = _body(filled)
    if case.get("raw_request"):
        return str(filled["raw_request"]).encode("utf-8", "surrogatepass")
    if framing := media.framing_of(case):
        return media.framed(framing, filled["path"], filled["headers"], body or b"", HOST)
    return arena.compose(case["method"], filled["path"], filled["headers"] or {}, body, recipe)


def _is_all(case: Json) -> bool:
    """Whether nothing comes after the request, whatever it announces."""
    return "raw_request" in case or media.framing_of(case) is not None


def _body(filled: Json) -> bytes | None:
    if filled["group"] == media.GROUP and filled["body_recipe"]:
        return media.body_of(filled["body_recipe"])
    if filled["body_recipe"]:
        return body_of(filled["body_recipe"], filled["body"])
    if filled["body"] is None:
        return None
    if (filled["headers"] or {}).get("Content-Type") == _FORM:
        return str(filled["body"]).encode()
    # As most servers write it; a lone surrogate survives as its escape.
    return json.dumps(filled["body"]).encode()
