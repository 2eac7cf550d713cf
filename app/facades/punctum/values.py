"""Values of keys: each check with the JSON Schema that says what it takes and what is shown of it (contract, 1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

from activitypub.embeds import MAX_CARRIED, MAX_COLOR, MAX_DESCRIPTION, MAX_EMBEDS, MAX_TITLE
from app.facades.punctum.problems import MissingKeyError, TooManyError, WrongValueError
from app.ids import OBJECT_ID, is_object_id
from app.queries.bits import ALL

T = TypeVar("T")
Schema = dict[str, Any]
Reader = Callable[[str, Any], T]

MAX_LIST: Final = 100
# What a message carries: a page has a hundred of them, and each socket is sent each. MAX_CARRIED is the characters of
# all its embeds, or of all addresses of its files.
MAX_FILES: Final = 20
_URL: Final = r"(https?://[^\s/]+|/)[^\s]*"
_COLOR: Final = r"\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*"

TEXT: Final[Schema] = {"type": "string"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}


class Check(msgspec.Struct, Generic[T], frozen=True):
    """Reads the value of a key that is named, and raises what is wrong with it. `schema` says what is taken as it is
    shown later, `other` another way to write the same."""

    schema: Schema
    read: Reader[T]
    other: Schema | None = None

    def __call__(self, key: str, value: Any) -> T:
        """Raises WrongValueError, TooManyError, MissingKeyError."""
        return self.read(key, value)

    @property
    def given(self) -> Schema:
        return {"anyOf": [self.schema, self.other]} if self.other else self.schema

    @property
    def shown(self) -> Schema:
        """Without limits: those are for what is given here, and other instances have others."""
        return _without_limits(self.schema)


def _without_limits(schema: Schema) -> Schema:
    kept: Schema = {name: schema[name] for name in ("type", "enum", "additionalProperties") if name in schema}
    if "items" in schema:
        kept["items"] = _without_limits(schema["items"])
    if "properties" in schema:
        kept["properties"] = {name: _without_limits(part) for name, part in schema["properties"].items()}
    return kept


def _check(schema: Schema, other: Schema | None = None) -> Callable[[Reader[T]], Check[T]]:
    return lambda read: Check(schema, read, other)


def _whole(pattern: str) -> str:
    """As JSON Schema says that a pattern is for all of a text."""
    return f"^{pattern}$"


def text(most: int, *, least: int = 0) -> Check[str]:
    def read(key: str, value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise WrongValueError(key, f"a text of {least} to {most} characters")
        return value

    return Check({"type": "string", "minLength": least, "maxLength": most}, read)


def matching(pattern: str, said: str) -> Check[str]:
    compiled = re.compile(pattern)

    def read(key: str, value: Any) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise WrongValueError(key, said)
        return value

    return Check({"type": "string", "pattern": _whole(pattern)}, read)


@_check({"type": "boolean"})
def flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError(key, "true or false")
    return value


def number(low: int, high: int) -> Check[int]:
    def read(key: str, value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise WrongValueError(key, f"a number from {low} to {high}")
        return value

    in_digits = {"type": "string", "pattern": _whole("[0-9]{1,9}")}
    return Check({"type": "integer", "minimum": low, "maximum": high}, read, in_digits)


permissions: Final = number(0, ALL)


def one_of(*values: str) -> Check[str]:
    def read(key: str, value: Any) -> str:
        if value not in values or not isinstance(value, str):
            raise WrongValueError(key, f"one of {', '.join(values)}")
        return value

    return Check({"type": "string", "enum": list(values)}, read)


@_check({"type": "string", "maxLength": 2048, "pattern": _whole(_URL)})
def url(key: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 2048 or not re.fullmatch(_URL, value):
        raise WrongValueError(key, "a URL")
    return value


@_check({"type": "string", "pattern": _whole(OBJECT_ID)})
def reference(key: str, value: Any) -> str:
    if not is_object_id(value):
        raise WrongValueError(key, "an ID")
    return value


@_check({"type": "array", "maxItems": MAX_LIST, "items": reference.schema})
def references(key: str, value: Any) -> list[str]:
    return [reference(key, one) for one in many(key, value)]


@_check({"type": "array", "maxItems": MAX_FILES, "items": url.schema})
def urls(key: str, value: Any) -> list[str]:
    listed = [url(key, one) for one in many(key, value, most=MAX_FILES)]
    _check_carried(key, sum(map(len, listed)))
    return listed


@_check({"type": "object", "additionalProperties": TEXT})
def dictionary(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(key, "an object")
    return value


def many(key: str, value: Any, *, most: int = MAX_LIST) -> list[Any]:
    """Raises WrongValueError, TooManyError."""
    if not isinstance(value, list):
        raise WrongValueError(key, "a list")
    if len(value) > most:
        raise TooManyError(key, most)
    return value


def _check_carried(key: str, characters: int) -> None:
    if characters > MAX_CARRIED:
        raise WrongValueError(key, f"{MAX_CARRIED} characters at most in all")


_SHADE: Final = number(0, 255)


@_check(
    {"type": "array", "minItems": 3, "maxItems": 3, "items": _SHADE.schema},
    other={"type": "string", "pattern": _whole(_COLOR)},
)
def color(key: str, value: Any) -> list[int]:
    if isinstance(value, str) and (match := re.fullmatch(_COLOR, value)):
        value = [int(part) for part in match.groups()]
    if not isinstance(value, list) or len(value) != 3:
        raise WrongValueError(key, "three numbers from 0 to 255")
    return [_SHADE(key, part) for part in value]


_EMBED: Final[dict[str, Check[Any]]] = {
    "embed": flag,
    "embed_title": text(MAX_TITLE, least=1),
    "embed_description": text(MAX_DESCRIPTION),
    "embed_color": text(MAX_COLOR),
    "embed_image": url,
}
_EMBED_SCHEMA: Final[Schema] = {
    "type": "object",
    "properties": {name: check.given for name, check in _EMBED.items()} | {"embed_type": {"enum": [1, 2]}},
    "required": ["embed_title", "embed_type"],
}


@_check({"type": "array", "maxItems": MAX_EMBEDS, "items": _EMBED_SCHEMA})
def embeds(key: str, value: Any) -> list[dict[str, Any]]:
    listed = [_embed(key, one) for one in many(key, value, most=MAX_EMBEDS)]
    _check_carried(key, sum(len(text) for one in listed for text in one.values() if isinstance(text, str)))
    return listed


def _embed(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(key, "a list of objects")
    if value.get("embed_type") not in (1, 2) or isinstance(value.get("embed_type"), bool):
        raise WrongValueError(f"{key}.embed_type", "1 or 2")
    if "embed_title" not in value:
        raise MissingKeyError(f"{key}.embed_title")
    return {name: check(f"{key}.{name}", value[name]) for name, check in _EMBED.items() if name in value} | {
        "embed_type": value["embed_type"]
    }
