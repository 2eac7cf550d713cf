"""The words of clean markup as plain text, read in one pass: a reader that goes through an element's words again for
each element around it takes half a minute for a message that is nested 80 deep."""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import unquote

# What a sanitiser writes has no `>` in its attributes.
_TOKEN: Final = re.compile(r"<(?P<end>/?)(?P<tag>[a-z]+)[^<>]*>|(?P<text>[^<]+)")
_SPACES: Final = re.compile(r"[ \t\r\f\xa0]+")
_PARAGRAPHS: Final = frozenset({"p", "blockquote", "pre"})
_LISTS: Final = frozenset({"ul", "ol"})
_EMPTY_LINE: Final = 2
_HREF: Final = re.compile(r'\shref="([^"]*)"')
_NAMES: Final = re.compile(r'\sclass="[^"]*\b(?:mention|hashtag)\b')
_NAMING: Final = ("@", "#")


def words_of(clean: str) -> str:
    """Of what `html.sanitise` has returned: `<br>` is a new line, a paragraph an empty one, and links keep their text,
    before where they lead unless it says so itself. What is listed has a dash or its number."""
    reader = _Reader()
    for token in _TOKEN.finditer(clean):
        if token["text"] is not None:
            reader.read(html.unescape(token["text"]))
        elif token["end"]:
            reader.close(token["tag"])
        else:
            reader.open(token["tag"], token[0])
    return "".join(reader.parts).strip()


class _Link:
    """`token` is its opening tag, `before` the sign in front of it; what it says is collected in `words`."""

    def __init__(self, token: str, before: str) -> None:
        self.words: list[str] = []
        self._token = token
        self._before = before

    def leads_to(self) -> str | None:
        """Where, if its words do not say so: who or what is mentioned is known by its name."""
        words, href = "".join(self.words).strip(), _HREF.search(self._token)
        if href is None or not words or _NAMES.search(self._token):
            return None
        if self._before in _NAMING or words[0] in _NAMING:
            return None
        url = html.unescape(href[1])
        return None if _bare(words) == _bare(url) else url


def _bare(url: str) -> str:
    return unquote(re.sub(r"\Ahttps?://(?:www\.)?", "", url)).rstrip("/").lower()


class _Reader:
    """`_breaks`, `_bullet` and `_gap` are what comes before the next word, if there is one."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._breaks = 0
        self._bullet = ""
        self._gap = ""
        self._preformatted = 0
        self._numbers: list[int | None] = []
        self._link: _Link | None = None

    def open(self, tag: str, token: str) -> None:
        if tag == "br":
            self._break(min(self._breaks + 1, _EMPTY_LINE))
        else:
            self._begin_block(tag)
        if tag == "a":
            is_apart = self._gap or self._breaks or not self.parts
            self._link = _Link(token, "" if is_apart else self.parts[-1][-1:])
        if tag == "li":
            self._bullet = self._next_bullet()
        elif tag in _LISTS:
            self._numbers.append(0 if tag == "ol" else None)
        elif tag == "pre":
            self._preformatted += 1

    def close(self, tag: str) -> None:
        if tag == "li" and self._bullet:
            self._write("")
        elif tag in _LISTS and self._numbers:
            self._numbers.pop()
        elif tag == "pre":
            self._preformatted -= 1
        elif tag == "a":
            self._close_link()
        self._begin_block(tag)

    def read(self, text: str) -> None:
        new_lines = 0
        for index, typed in enumerate(text.split("\n")):
            if index:
                new_lines += 1
                self._break(min(new_lines, _EMPTY_LINE))
            line = typed if self._preformatted else _SPACES.sub(" ", typed)
            words = line if self._preformatted else line.strip(" ")
            if not words.strip():
                self._gap = self._gap or line
                continue
            self._gap = self._gap or (" " if line[0] != words[0] else "")
            self._write(words)
            self._gap = " " if line[-1] != words[-1] else ""
            new_lines = 0

    def _close_link(self) -> None:
        where = self._link.leads_to() if self._link is not None else None
        self._link = None
        if where is not None:
            self.parts.append(f" ({where})")

    def _begin_block(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._break(_EMPTY_LINE)
        elif tag in _LISTS or tag == "li":
            self._break(1)

    def _break(self, lines: int) -> None:
        """Beside its bullet, what is listed begins no line of its own."""
        if not self._bullet:
            self._breaks = max(self._breaks, lines)
        self._gap = ""

    def _next_bullet(self) -> str:
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return "-"
        self._numbers[-1] = number + 1
        return f"{number + 1}."

    def _write(self, words: str) -> None:
        if self.parts:
            self.parts.append("\n" * self._breaks)
        gap = self._gap if self._preformatted or not (self._breaks or self._bullet) else ""
        if self._link is not None:
            self._link.words += ["\n" * self._breaks, gap, words]
        self.parts.append(f"{self._bullet} {words}" if self._bullet and words else self._bullet or gap + words)
        self._breaks, self._bullet, self._gap = 0, "", ""
