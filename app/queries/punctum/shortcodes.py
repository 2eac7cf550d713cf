"""Reactions by their names: Punctum says `thumbs_up` where everybody else has the sign."""

from __future__ import annotations

import re

_SHORTCODE = re.compile(r"[^\s:]{1,64}")


def to_sign(shortcode: str) -> str:
    """The sign of a name that Unicode has (CLDR's short names); any other name between colons, as custom emoji are."""
    import emoji

    name = shortcode.strip(":")
    named = f":{name}:"
    sign: str = emoji.emojize(named, language="alias")
    return sign


def to_shortcode(sign: str) -> str:
    """What `to_sign` was given for it."""
    import emoji

    named: str = emoji.demojize(sign, delimiters=("", ""))
    return named.strip(":")


def is_shortcode(text: str) -> bool:
    return _SHORTCODE.fullmatch(text.strip(":")) is not None
