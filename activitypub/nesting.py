"""How deep markup is nested, told in one look and without a parser, whose time grows with the square of it."""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = r"[\t\n\f\r ]"
_VALUE: Final = r"""(?:"(?:[^"<]|<(?![a-zA-Z]))*+"|'(?:[^'<]|<(?![a-zA-Z]))*+'|[^\t\n\f\r "'=<>`]++)"""
_ATTRIBUTE: Final = rf"""{_SPACE}++[^\t\n\f\r "'<>/=]++(?:{_SPACE}*+={_SPACE}*+{_VALUE})?+"""
_NAME: Final = r"[a-zA-Z][a-zA-Z0-9_:-]*+"
_MARK: Final = re.compile(
    rf"<(?P<start>{_NAME})(?P<whole>(?:{_ATTRIBUTE})*+{_SPACE}*+/?>)?"
    rf"|</(?P<end>{_NAME}){_SPACE}*+>"
    r"|(?P<comment><!--)|(?P<commented>--!?>)|<[/!?]"
)
# Those that are so inside of SVG, too, because they end it.
_VOID: Final = frozenset({"br", "embed", "hr", "img", "meta"})
_VOID_IN_HTML: Final = frozenset({"area", "base", "col", "input", "link", "param", "source", "track", "wbr"})
_FOREIGN: Final = frozenset({"math", "svg"})
_COMMENT: Final = "!--"
_NEVER_CLOSED: Final = ""


def is_deeper(markup: str, most: int) -> bool:
    """Whether a reader of `markup` may ever have more than `most` elements open.

    Every start tag counts, in comments, scripts and values as well, and only an end tag that is next to its own takes
    it back; what is not plainly a tag may hide others, and is never taken back. So what is counted is no less than what
    a parser opens, but for what it adds by itself, which is no more than twice as much (the rows around a cell). Who
    leaves end tags out is thought to be deeper than he is.
    """
    if markup.count("<") <= most:
        return False
    opened: list[str] = []
    void = _VOID | _VOID_IN_HTML
    for mark in _MARK.finditer(markup):
        name, closes = (mark["start"] or "").lower(), _closed_by(mark)
        if mark["whole"] and name in void:
            continue
        if closes is not None:
            if opened and opened[-1] == closes:
                opened.pop()
            continue
        opened.append(_opened_by(mark))
        if name in _FOREIGN:
            void = _VOID
        if len(opened) > most:
            return True
    return False


def _closed_by(mark: re.Match[str]) -> str | None:
    if mark["commented"]:
        return _COMMENT
    end = mark["end"]
    return None if end is None else end.lower()


def _opened_by(mark: re.Match[str]) -> str:
    if mark["comment"]:
        return _COMMENT
    return mark["start"].lower() if mark["whole"] else _NEVER_CLOSED
