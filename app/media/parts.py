"""How many parts a picture has, looked at before anybody decodes them: each costs time, and hardly a byte."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO, Final

from app.errors import InvalidInputError

MAX_SCANS: Final = 50
"""Of a JPEG. Encoders make ten; each is a pass over all of the picture."""

MAX_SEGMENTS: Final = 5_000
"""Of a JPEG, its scans and the bytes that fill gaps included."""

MAX_CHUNKS: Final = 20_000
"""Of a PNG: 160 MB by an encoder that writes 8 KB at a time."""

_TOO_MANY: Final = "Invalid image file: too many parts"
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8"
# In a scan, 255 stands before another byte than 0 or a restart's only where a marker is (ITU-T T.81, section B.1.1).
_MARKER: Final = re.compile(rb"(?<!\xff)(\xff++)([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN, _END = 0xDA, 0xD9
# TEM and the start of a picture: nothing belongs to them.
_ALONE: Final = frozenset({0x01, 0xD8})


def check_parts(file: BinaryIO) -> None:
    """Raises InvalidInputError. What is no picture at all is for its decoder to say; `file` is left at its start."""
    file.seek(0)
    start = file.read(len(_PNG_START))
    if start == _PNG_START:
        _check_chunks(file)
    elif start.startswith(_JPEG_START):
        file.seek(0)
        _check_segments(file.read())
    file.seek(0)


def _check_chunks(file: BinaryIO) -> None:
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        file.seek(struct.unpack(">L", head[:4])[0] + 4, 1)
    raise InvalidInputError(_TOO_MANY)


def _check_segments(jpeg: bytes) -> None:
    """As far as the picture goes: behind it telephones put a film, or another picture."""
    scans = segments = 0
    position = len(_JPEG_START)
    while (marker := _MARKER.search(jpeg, position)) is not None:
        kind, position = marker[2][0], marker.end()
        if kind == _END:
            return
        segments += len(marker[1])
        scans += kind == _START_OF_SCAN
        if scans > MAX_SCANS or segments > MAX_SEGMENTS:
            raise InvalidInputError(_TOO_MANY)
        if kind not in _ALONE:
            position += max(2, int.from_bytes(jpeg[position : position + 2], "big"))
