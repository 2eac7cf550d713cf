"""Pictures of very many parts are refused before they are decoded (hostile case MED-05)."""

from __future__ import annotations

import time
from io import BytesIO
from struct import pack
from zlib import crc32

import pytest
from PIL import Image

from app.errors import InvalidInputError
from app.media import pictures
from app.media.parts import MAX_CHUNKS, MAX_SCANS, MAX_SEGMENTS, check_parts
from tests.media.pictures import picture, two_in_one

_COMMENT = b"\xff\xfe\0\2"
_CHUNK = pack(">L4sL", 0, b"abCd", crc32(b"abCd"))


def jpeg(*, after_start: bytes = b"", scans: int = 0) -> bytes:
    """A progressive one, with its last scan so many times more."""
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:2] + after_start + data[2:-2] + last * scans + data[-2:]


def png(chunks: int) -> bytes:
    data = picture()
    return data[:33] + _CHUNK * chunks + data[33:]


MANY = {
    "scans": jpeg(scans=MAX_SCANS),
    "comments": jpeg(after_start=_COMMENT * MAX_SEGMENTS),
    "fill bytes": jpeg(after_start=b"\xff" * MAX_SEGMENTS),
    "comments behind a scan": jpeg()[:-2] + _COMMENT * MAX_SEGMENTS + b"\xff\xd9",
    "chunks": png(MAX_CHUNKS),
}


@pytest.mark.parametrize("data", MANY.values(), ids=MANY)
def test_a_picture_of_too_many_parts_is_refused_in_an_instant(data: bytes) -> None:
    began = time.process_time()

    for look in (pictures.inspect, pictures.make_small):
        with pytest.raises(InvalidInputError, match="too many parts"):
            look(BytesIO(data))

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "data",
    [
        jpeg(scans=MAX_SCANS // 2),
        jpeg(after_start=_COMMENT * (MAX_SEGMENTS // 2)),
        jpeg(after_start=b"\xff" * 100),
        png(MAX_CHUNKS // 2),
        two_in_one(),
        jpeg() + b"\xff\xda\0\2" * 5 * MAX_SCANS,  # The film that some telephones put there has such bytes, too.
        *(picture(form) for form in ("PNG", "JPEG", "WEBP", "GIF")),
    ],
)
def test_any_other_is_looked_at(data: bytes) -> None:
    assert pictures.inspect(BytesIO(data)).width in (8, 40)


def test_what_is_cut_off_or_no_picture_is_left_to_who_decodes_it() -> None:
    for data in (jpeg(), picture(), b"", b"GIF89a", b"\xff\xd8", b"\xff\xd8\xff\xfe\0", b"\xff\xd8\xff\xfe\0\0"):
        for end in range(0, len(data) + 1, 7):
            file = BytesIO(data[:end])
            check_parts(file)
            assert file.tell() == 0
