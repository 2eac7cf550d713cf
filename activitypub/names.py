"""Names that others give themselves: what of them is shown, and what may be a user's name."""

from __future__ import annotations

import unicodedata
from typing import Final

_IN_USERNAMES: Final = frozenset("._~+-")
_NOT_SEEN: Final = frozenset(
    "\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}\N{HALFWIDTH HANGUL FILLER}"
)
_JOINERS: Final = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def is_username(text: str) -> bool:
    return bool(text) and all(map(_may_be_in_username, text))


def read_username(text: str) -> str:
    """What is left without what no name of a user has, such as an @, spaces and characters that turn the text around:
    nothing, perhaps. What names the account is its URI, so a name that is spelt oddly is no reason not to know it."""
    return "".join(filter(_may_be_in_username, text))


def read_name(text: str) -> str:
    """One line that can be seen, whose characters do not turn around what stands beside it."""
    line = " ".join(text.split())
    kept = (character for place, character in enumerate(line) if _is_seen(character) or _joins(line, place))
    return "".join(kept).strip()


def _may_be_in_username(character: str) -> bool:
    """Letters, marks and digits of any script: what may be a name is each server's business."""
    is_of_a_word = unicodedata.category(character)[0] in "LMN" and character not in _NOT_SEEN
    return is_of_a_word or character in _IN_USERNAMES


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs"} and character not in _NOT_SEEN


def _joins(line: str, place: int) -> bool:
    """Emoji, Persian and the scripts of India need joiners; between letters of ours they only hide."""
    around = line[max(place - 1, 0) : place] + line[place + 1 : place + 2]
    return line[place] in _JOINERS and len(around) == 2 and not any(map(str.isascii, around))
