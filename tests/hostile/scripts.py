"""Attacks that are more than one request again and again, by the words that the cases have for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.hostile import limits, lookups, sessions, storage
from tests.hostile.cases import Json
from tests.hostile.effects import Run

Script = Callable[[Run], None]

SCRIPTS: Final[Mapping[str, Script]] = {**sessions.SCRIPTS, **limits.SCRIPTS, **lookups.SCRIPTS, **storage.SCRIPTS}


def find(case: Json) -> Script | None:
    """That of a case's `setup` or `sequence`, or of its being one of a pair."""
    if "pair_with" in case:
        return sessions.compare
    return SCRIPTS.get(case.get("setup") or "; ".join(case.get("sequence", ())))
