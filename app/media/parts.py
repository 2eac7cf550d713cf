"""How many parts a picture has, looked at before anybody decodes them: each costs time, and hardly a byte."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from app.errors import InvalidInputError

MAX_SCANS: Final = 50
"""Of a JPEG. Encoders make ten; each is a pass over all of the picture."""

MAX_SEGMENTS: Final = 5_000
"""Of a JPEG, before its first scan."""

MAX_CHUNKS: Final = 20_000
"""Of a PNG: 160 MB by an encoder that writes 8 KB at a time."""

_TOO_MANY: Final = "Invalid image file: too many parts"
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8"
_SCAN: Final = b"\xff\xda"
_READ_BYTES: Final = 1 << 20
# Restarts, the start of a picture and TEM: markers that nothing belongs to (ITU-T T.81, table B.1).
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FILL, _END, _START_OF_SCAN = 0xFF, 0xD9, 0xDA


def check_parts(file: BinaryIO) -> None:
    """Raises InvalidInputError. What is no picture at all is for its decoder to say; `file` is left at its start."""
    file.seek(0)
    start = file.read(len(_PNG_START))
    if start == _PNG_START:
        _check_chunks(file)
    elif start.startswith(_JPEG_START):
        file.seek(len(_JPEG_START))
        _check_segments(file)
        _check_scans(file)
    file.seek(0)


def _check_chunks(file: BinaryIO) -> None:
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        file.seek(struct.unpack(">L", head[:4])[0] + 4, 1)
    raise InvalidInputError(_TOO_MANY)


def _check_segments(file: BinaryIO) -> None:
    for _ in range(MAX_SEGMENTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[1] in (_END, _START_OF_SCAN):
            return
        if marker[0] != _FILL:
            raise InvalidInputError("Invalid image file")
        if marker[1] == _FILL:
            file.seek(-1, 1)
        elif marker[1] not in _ALONE:
            length = file.read(2)
            if len(length) < 2 or length < b"\0\2":
                return
            file.seek(struct.unpack(">H", length)[0] - 2, 1)
    raise InvalidInputError(_TOO_MANY)


def _check_scans(file: BinaryIO) -> None:
    """Within a scan, no byte 255 stands before another one than 0 or a restart's."""
    file.seek(0)
    scans, last = 0, b""
    while read := file.read(_READ_BYTES):
        scans += (last + read).count(_SCAN)
        if scans > MAX_SCANS:
            raise InvalidInputError(_TOO_MANY)
        last = read[-1:]
