"""The canonical form of JSON (RFC 8785), in which documents are signed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec
import rfc8785

from activitypub.errors import ProofError
from activitypub.strict_json import Json

# Beyond it JSON's numbers are not exact (RFC 7493, section 2.2).
_GREATEST: Final = 2**53 - 1
_encoder: Final = msgspec.json.Encoder(order="sorted")


def canonical(value: Json) -> bytes:
    """Raises ProofError for what has no canonical form.

    Nearly every document is of texts and small whole numbers, of which a compiled encoder writes the same bytes at a
    twentieth of the time.
    """
    if _is_plain(value):
        with suppress(UnicodeEncodeError):  # Half a character, which the library has words for.
            return _encoder.encode(value)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise ProofError(f"no canonical form: {error}") from None


def _is_plain(value: Any) -> bool:
    """Whether nothing in it is written otherwise by others: no number with a fraction, no name that UTF-16 sorts
    elsewhere."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        return all(name.isascii() and _is_plain(member) for name, member in value.items())
    if kind is list:
        return all(map(_is_plain, value))
    return kind is int and -_GREATEST <= value <= _GREATEST
