"""The project's documents, taken apart as far as tests need it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """What stands between two fences; `language` is the word after the first."""

    language: str
    text: str


def documents() -> list[Path]:
    """Every document of ours for readers."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """The section with that heading, with those inside it."""
    found = [match for match in _HEADING.finditer(text) if match[2] == heading]
    assert len(found) == 1, f"{len(found)} sections are called {heading!r}"
    level = len(found[0][1])
    after = (match for match in _HEADING.finditer(text, found[0].end()) if len(match[1]) <= level)
    end = next((match.start() for match in after), len(text))
    return text[found[0].end() : end]


def blocks(text: str) -> list[Block]:
    return [Block(match[1], match[2]) for match in _FENCE.finditer(text)]


def without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def first_column(text: str) -> list[str]:
    """What is written as code in the first column of the tables in `text`, one entry a row."""
    rows = re.findall(r"^\| ([^|]*`[^|]*)\|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def anchors(text: str) -> set[str]:
    """The names that links may point to, as GitHub makes them out of headings."""
    titles = [match[2] for match in _HEADING.finditer(without_blocks(text))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
