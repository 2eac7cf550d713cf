"""Pictures: whether they are what they say, without metadata, drawn anew, and small. Pillow, by the decoders of
`kinds.PICTURES` alone. What is here computes for up to seconds: it is called off the loop (`services.threads`)."""

from __future__ import annotations

import mmap
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO, Final

import blurhash
import msgspec
from PIL import Image, ImageOps, ImageSequence

from app.errors import InvalidInputError
from app.media.kinds import PICTURES
from app.media.metadata import without_metadata
from app.media.parts import check_parts

MAX_PIXELS: Final = 40_000_000
"""Of a picture that is only looked at: a telephone makes 12 to 24 million, and each takes 3 to 4 bytes for a moment."""

MAX_DRAWN_PIXELS: Final = 32_000_000
"""Of all frames of a picture that is drawn anew."""

MAX_FRAMES: Final = 500
"""Of a picture that is drawn anew: each takes milliseconds, and of one pixel a megabyte holds 50,000."""

SMALL_SIDE: Final = 640
INVALID: Final = "Invalid image file"

_FORMATS: Final = {media_type: media_type.partition("/")[2].upper() for media_type in PICTURES}
_ORIENTATION: Final = 0x0112  # EXIF 2.32, 4.6.4.
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})
_BLUR_SIDE, _BLUR_COLUMNS, _BLUR_ROWS = 32, 4, 3
_QUALITY: Final = 90

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)  # Pillow raises only at twice as many.


class Picture(msgspec.Struct, frozen=True):
    """`width` and `height` are in pixels, as it is looked at; `orientation` is how its pixels lie (EXIF)."""

    media_type: str
    width: int
    height: int
    orientation: int = 1


class Small(msgspec.Struct, frozen=True):
    """`webp` is the picture made small, None where it is small already."""

    blurhash: str
    webp: bytes | None
    width: int
    height: int


def inspect(file: BinaryIO) -> Picture:
    """Raises InvalidInputError for what is no picture of ours, and for one of too many pixels."""
    with _opened(file) as image:
        orientation = _orientation_of(image)
        width, height = image.size[::-1] if orientation in _SIDEWAYS else image.size
        return Picture(f"image/{_form_of(image).lower()}", width, height, orientation)


def clean(file: BinaryIO, picture: Picture, out: BinaryIO) -> None:
    """Write the picture to `out` without its metadata; the pixels are the same. Raises InvalidInputError."""
    # Mapped, not read: an animation may be large. The map is closed when the last view of it is gone.
    data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    for part in without_metadata(picture.media_type, data, orientation=picture.orientation):
        out.write(part)
    out.flush()


def make_small(file: BinaryIO) -> Small:
    """Reads the first frame to its end. Raises InvalidInputError where that breaks off."""
    with _opened(file) as image:
        is_large = max(image.size) > SMALL_SIDE
        image.draft("RGB", (SMALL_SIDE, SMALL_SIDE))  # JPEG alone can be decoded small.
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((SMALL_SIDE, SMALL_SIDE))
        small = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    webp = BytesIO()
    if is_large:
        small.save(webp, "WEBP", quality=80)
    return Small(_blurhash(small), webp.getvalue() if is_large else None, *small.size)


def redraw(file: BinaryIO, *, max_side: int) -> tuple[Picture, bytes]:
    """The picture drawn anew in its own format, upright, all its frames, and nothing else that was in the file.

    Raises InvalidInputError.
    """
    with _opened(file) as image:
        if max(image.size) > max_side:
            raise InvalidInputError(f"Image dimensions too large. Max allowed: {max_side}x{max_side}")
        form = _form_of(image)
        is_animated = form != "JPEG" and getattr(image, "is_animated", False)
        drawn = _draw_frames(image, form) if is_animated else _draw(image, form)
    return inspect(BytesIO(drawn)), drawn


def _draw(image: Image.Image, form: str) -> bytes:
    upright = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    transparency = upright.info.get("transparency")
    upright.info = {} if transparency is None else {"transparency": transparency}
    drawn = BytesIO()
    upright.save(drawn, form, quality=_QUALITY, icc_profile=profile)
    return drawn.getvalue()


def _draw_frames(image: Image.Image, form: str) -> bytes:
    frames, durations = [], []
    loop = image.info.get("loop")
    for frame in _checked_frames(image):
        frames.append(frame.convert("RGBA"))
        frames[-1].info = {}
        durations.append(frame.info.get("duration", 0))  # Of WebP only known once the frame was read.
    options: dict[str, Any] = {"duration": durations} | ({} if loop is None else {"loop": loop})
    if form == "GIF":
        options["disposal"] = 2  # Each frame is whole: what was before it goes.
    drawn = BytesIO()
    frames[0].save(drawn, form, save_all=True, append_images=frames[1:], quality=_QUALITY, **options)
    return drawn.getvalue()


def _checked_frames(image: Image.Image) -> Iterator[Image.Image]:
    """One after the other, not decoded yet. Raises InvalidInputError for one frame too many, and for one that is not
    within the picture: Pillow would make the picture larger."""
    size = image.size
    most = min(MAX_FRAMES, MAX_DRAWN_PIXELS // (size[0] * size[1]))
    for number, frame in enumerate(ImageSequence.Iterator(image), 1):
        if number > most:
            raise InvalidInputError(f"{INVALID}: too many frames")
        if frame.size != size:
            raise InvalidInputError(INVALID)
        yield frame


def _form_of(image: Image.Image) -> str:
    """A JPEG of many telephones has another picture behind the one that is looked at (CIPA DC-007)."""
    return "JPEG" if image.format == "MPO" else image.format or ""


@contextmanager
def _opened(file: BinaryIO) -> Iterator[Image.Image]:
    check_parts(file)
    try:
        with Image.open(file, formats=list(_FORMATS.values())) as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidInputError(
            f"Image dimensions too large. Max allowed: {MAX_PIXELS // 1_000_000} megapixels"
        ) from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        LookupError,
        TypeError,
        OverflowError,
        struct.error,
        zlib.error,
    ) as error:  # All of these are what Pillow has for broken files.
        raise InvalidInputError(INVALID) from error


def _orientation_of(image: Image.Image) -> int:
    orientation = image.getexif().get(_ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1


def _blurhash(image: Image.Image) -> str:
    tiny = image.convert("RGB").resize((_BLUR_SIDE, _BLUR_SIDE), Image.Resampling.BOX)
    pixels = list(tiny.get_flattened_data())
    rows = [pixels[at : at + _BLUR_SIDE] for at in range(0, len(pixels), _BLUR_SIDE)]
    return str(blurhash.encode(rows, _BLUR_COLUMNS, _BLUR_ROWS))
