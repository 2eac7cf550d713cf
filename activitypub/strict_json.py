"""Strict JSON: the one way bytes from the network become values."""

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Final, NoReturn, TypeAlias

from activitypub.errors import NotJsonError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

MAX_DEPTH: Final = 64
_FIRST_BYTES: Final = 4096
# The integers every JSON reader agrees on (RFC 7493 section 2.2).
_MAX_INTEGER: Final = 2**53
_MAX_INTEGER_DIGITS: Final = 17

# An unclosed string swallows the rest, so that no byte is looked at twice.
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_CHARACTER: Final = rb"\\u(?!0000|[dD][89a-fA-F])"
_PAIR: Final = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]"
_ESCAPED_WELL: Final = re.compile(rb"(?:[^\\]++|\\[^u]|%b|%b)*+" % (_CHARACTER, _PAIR), re.DOTALL)
# One step down for each opening bracket, one up (-1 as a signed byte) for each closing one.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


def loads(data: bytes) -> Json:
    """Read one JSON text that every other reader would read the same way.

    Refuses what Python's ``json`` lets through: other encodings than UTF-8, a byte order mark, repeated
    keys, NaN and infinities, integers beyond 2**53, lone surrogates, U+0000, and nesting past
    ``MAX_DEPTH``, which is measured in linear time before anything recurses.

    Raises ``NotJsonError``.
    """
    # A bomb is deep from its first bytes, so those answer for most of them at once.
    _check_depth(data[:_FIRST_BYTES])
    _check_depth(data)
    try:
        value: Json = _DECODER.decode(data.decode("utf-8"))
    except ValueError as error:
        raise NotJsonError(f"not JSON: {error}") from None
    # What only an escape can smuggle in; in whatever is JSON, a backslash stands in a string.
    if b"\\u" in data and _ESCAPED_WELL.fullmatch(data) is None:
        raise NotJsonError("a string holds U+0000 or a lone surrogate")
    return value


def load_object(data: bytes) -> JsonObject:
    """Like ``loads``, for a text that must be one JSON object. Raises ``NotJsonError``."""
    value = loads(data)
    if not isinstance(value, dict):
        raise NotJsonError("not a JSON object")
    return value


def _check_depth(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    steps = array("b", _STRINGS.sub(b"", data).translate(_STEPS, _NOT_BRACKETS))
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise NotJsonError(f"nested deeper than {MAX_DEPTH}")


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise NotJsonError("an object repeats a key")
    return result


def _integer(digits: str) -> int:
    # The length is looked at first because int() takes quadratic time.
    if len(digits) > _MAX_INTEGER_DIGITS or abs(number := int(digits)) > _MAX_INTEGER:
        raise NotJsonError("an integer is beyond 2**53")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJsonError("a number is beyond what a double holds")
    return number


def _constant(name: str) -> NoReturn:
    raise NotJsonError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
