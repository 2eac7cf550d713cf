"""What the shared corpus lends as seeds: nothing, where it is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
_MAX_BYTES = 8192


def files(folder: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in the small files of that folder and those under it."""
    for path in sorted((_CORPUS / folder).rglob("*.json")):
        if path.stat().st_size <= _MAX_BYTES and isinstance(value := json.loads(path.read_bytes()), dict):
            yield value


def documents() -> Iterator[dict[str, Any]]:
    """ActivityPub documents that other servers really sent."""
    yield from files("ap-corpus/docs")
    for cases in json_values("funfedi-parsing-cases/cases.json"):
        yield from (case["activity"] for case in cases if isinstance(case.get("activity"), dict))


def json_values(name: str) -> Iterator[Any]:
    """The JSON file of that name, if there is one."""
    path = _CORPUS / name
    if path.is_file():
        yield json.loads(path.read_bytes())


def strings(value: object) -> Iterator[str]:
    """Every string in it, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)
