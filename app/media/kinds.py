"""Kinds of files: what the bytes are, whatever a client calls them, and what a browser may be told they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO, Final

OTHER: Final = "application/octet-stream"
TEXT: Final = "text/plain"
PICTURES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
MAX_FILENAME: Final = 200
"""Characters; with its percent signs it still fits into a header."""

# What browsers may open, and as what. Everything else is bytes to be saved: SVG, HTML and XML run scripts.
_OPENED: Final = PICTURES | {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    TEXT: "txt",
}
_SAVED: Final = {"application/pdf": "pdf", "application/zip": "zip"}
# Other names that puremagic has for what the lists above call by the registered one.
_SYNONYMS: Final = {
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/x-opus+ogg": "audio/ogg",
    "video/ogg": "audio/ogg",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/mpga": "audio/mpeg",
}
_ZIP: Final = b"PK\x03\x04"
_HEAD_BYTES: Final = 8192
_MARKUP: Final = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<[!?A-Za-z/]")
# Controls, and the marks that turn the direction of text: `gpj.exe` must not be read as `exe.jpg` (MED-15).
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,12}")


def media_type_of(file: BinaryIO) -> str:
    """What the bytes are, of the types that are served as themselves; OTHER for the rest.

    `file` is left at its start.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if is_markup(head):
        return OTHER
    if head.startswith(_ZIP):
        return "application/zip"  # Office documents are archives, too; a client knows them by their name.
    for found in _sniffed(head):
        if found in _OPENED or found in _SAVED:
            return found
    return TEXT if _is_text(head) else OTHER


def is_markup(head: bytes) -> bool:
    """Whether a browser could take it for SVG, HTML or XML, by its first bytes."""
    return _MARKUP.match(head) is not None


def is_active(file: BinaryIO) -> bool:
    """The same of a file, which is left at its start."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return is_markup(head)


def is_opened(media_type: str) -> bool:
    """Whether a browser may show it in place, and not only save it."""
    return media_type in _OPENED


def extension_for(media_type: str, filename: str) -> str:
    """What a URL ends in: the type's own extension, or the name's where the type says nothing."""
    return (_OPENED | _SAVED).get(media_type) or extension_of(filename) or "bin"


def extension_of(filename: str) -> str:
    """In lower case, without the dot; empty for a name without one, or with a strange one."""
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    return extension if _EXTENSION.fullmatch(extension) else ""


def tidy_filename(given: str) -> str:
    """The last part of a path on any system, with nothing unseen in it, and its extension kept when it is cut."""
    name = PureWindowsPath(PurePosixPath(given).name).name
    name = _UNSEEN.sub("", name).strip(" .") or "file"
    if len(name) <= MAX_FILENAME:
        return name
    extension = extension_of(name)
    tail = f".{extension}" if extension else ""
    return name[: MAX_FILENAME - len(tail)] + tail


def _sniffed(head: bytes) -> Iterator[str]:
    """The types that the first bytes allow, the likeliest first."""
    import puremagic  # With all its tables, which only a process that takes files needs.

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):  # An empty file has a ValueError of its own.
        return
    for match in matches:
        yield _SYNONYMS.get(match.mime_type, match.mime_type)


def _is_text(head: bytes) -> bool:
    """UTF-8 without controls. The last character may have been cut in two."""
    if b"\0" in head or not head:
        return False
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return not any(character < " " and character not in "\t\n\r\f" for character in text)
    return False
