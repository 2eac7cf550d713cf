"""Taking out of a picture what it tells of whoever made it: place, time, camera, comments. No pixel changes.

The formats' own blocks are walked and those that carry no picture are left out: nothing is decoded. A
picture that lies on its side says so in its metadata; that alone is written anew.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from app.errors import InvalidInputError

# PNG (third edition), 11.3: what changes how the pixels look, besides the critical chunks; and animations.
_PNG_KEPT: Final = frozenset(
    {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs"}
    | {b"acTL", b"fcTL", b"fdAT"}
)
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_HAS_EXIF, _WEBP_HAS_XMP = 0x08, 0x04
_GIF_KEPT: Final = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
_APP1_HEAD: Final = b"Exif\0\0"

Parts = Iterator[bytes | memoryview]


def without_metadata(media_type: str, data: memoryview, *, orientation: int) -> Parts:
    """The picture piece by piece. `orientation` is EXIF's, 1 for upright.

    Raises InvalidInputError where the blocks do not fit together.
    """
    try:
        yield from _WALKS[media_type](data, orientation)
    except (struct.error, IndexError) as error:
        raise InvalidInputError("Invalid image file") from error


def _minimal_exif(orientation: int) -> bytes:
    """A TIFF of one entry, the orientation (EXIF 2.32, 4.6.4)."""
    return struct.pack(">2sHLHHHLHHL", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def _jpeg(data: memoryview, orientation: int) -> Parts:
    """Segments of ITU-T T.81, annex B. JFIF, ICC and Adobe's colour transform stay; what follows the picture goes."""
    yield data[:2]
    if orientation != 1:
        exif = _APP1_HEAD + _minimal_exif(orientation)
        yield struct.pack(">BBH", 0xFF, 0xE1, len(exif) + 2) + exif
    at = 2
    while True:
        while data[at + 1] == 0xFF:  # Any number of fill bytes may stand before a marker.
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise InvalidInputError("Invalid image file")
        if marker == 0xD9:
            yield data[at : at + 2]
            return
        end = at + 2 + _length(">H", data, at + 2)
        if _is_kept(marker, data[at + 4 : end]):
            yield data[at:end]
        if marker == 0xDA:
            start, end = end, _scan_end(data, end)
            yield data[start:end]
        at = end


def _is_kept(marker: int, content: memoryview) -> bool:
    if marker == 0xE2:
        return bytes(content[:12]) == b"ICC_PROFILE\0"
    return marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _scan_end(data: memoryview, at: int) -> int:
    """Where the entropy-coded data ends: at the first marker that is neither a stuffed byte nor a restart."""
    raw = data.obj
    while True:
        at = raw.find(b"\xff", at)  # type: ignore[attr-defined]  # An mmap or bytes: a view of either cannot search.
        if at < 0 or at + 1 >= len(data):
            raise InvalidInputError("Invalid image file")
        if data[at + 1] not in (0, *range(0xD0, 0xD8)):
            return at
        at += 2


def _png(data: memoryview, orientation: int) -> Parts:
    yield _PNG_START
    at, kind = len(_PNG_START), b""
    while kind != b"IEND":
        end = at + 12 + _length(">L", data, at)
        kind = bytes(data[at + 4 : at + 8])
        if not kind[0] & 0x20 or kind in _PNG_KEPT:
            yield _whole(data, at, end)
        if kind == b"IHDR" and orientation != 1:
            yield _png_exif(orientation)
        at = end


def _png_exif(orientation: int) -> bytes:
    import zlib

    chunk = b"eXIf" + _minimal_exif(orientation)
    return struct.pack(">L", len(chunk) - 4) + chunk + struct.pack(">L", zlib.crc32(chunk))


def _webp(data: memoryview, orientation: int) -> Parts:
    """RIFF chunks. Only the extended format has metadata, announced by bits of its first chunk."""
    kept: list[bytes | memoryview] = []
    at, end_of_file = 12, 8 + _length("<L", data, 4)
    is_extended = bytes(data[12:16]) == b"VP8X"
    while at < end_of_file:
        size = _length("<L", data, at + 4)
        end = at + 8 + size + size % 2
        kind = bytes(data[at : at + 4])
        if kind == b"VP8X":
            flags = data[at + 8] & ~(_WEBP_HAS_EXIF | _WEBP_HAS_XMP) | (_WEBP_HAS_EXIF if orientation != 1 else 0)
            kept.append(bytes(data[at : at + 8]) + bytes([flags]) + bytes(data[at + 9 : end]))
        elif kind in _WEBP_KEPT:
            kept.append(_whole(data, at, end))
        at = end
    if is_extended and orientation != 1:
        exif = _minimal_exif(orientation)
        kept.append(struct.pack("<4sL", b"EXIF", len(exif)) + exif)
    yield struct.pack("<4sL4s", b"RIFF", 4 + sum(map(len, kept)), b"WEBP")
    yield from kept


def _gif(data: memoryview, _orientation: int) -> Parts:
    """Blocks of GIF89a. Of its extensions the animation's loop stays, and what belongs to the frames."""
    at = 13 + _colours(data[10])
    yield data[:at]
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            end = _blocks_end(data, at + 11 + _colours(data[at + 9]))
            yield data[at:end]
        elif data[at] == 0x21:
            end = _blocks_end(data, at + 2)
            is_application = data[at + 1] == 0xFF
            if data[at + 1] in (0xF9, 0x01) or (is_application and bytes(data[at + 3 : at + 14]) in _GIF_KEPT):
                yield data[at:end]
        else:
            raise InvalidInputError("Invalid image file")
        at = end
    yield b"\x3b"


def _colours(flags: int) -> int:
    """How many bytes the table of colours has that the flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(data: memoryview, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _length(form: str, data: memoryview, at: int) -> int:
    length: int = struct.unpack_from(form, data, at)[0]
    return length


def _whole(data: memoryview, at: int, end: int) -> memoryview:
    if end > len(data):
        raise InvalidInputError("Invalid image file")
    return data[at:end]


_WALKS: Final[Mapping[str, Callable[[memoryview, int], Parts]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
}
