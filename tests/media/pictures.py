"""Pictures for tests, each with something to hide."""

from __future__ import annotations

from io import BytesIO
from struct import pack
from typing import Any

from PIL import Image, PngImagePlugin

SECRET = b"51.4778N 0.0015W"
_SIZE = (40, 20)
_ORIENTATION, _DESCRIPTION = 0x0112, 0x010E


def picture(form: str = "PNG", *, size: tuple[int, int] = _SIZE, orientation: int = 1, **options: Any) -> bytes:
    """A gradient with EXIF, XMP and comments that hold SECRET; it lies as `orientation` says."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    exif = Image.Exif()
    exif[_DESCRIPTION] = SECRET.decode()
    exif[_ORIENTATION] = orientation
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    more: dict[str, dict[str, Any]] = {
        "PNG": {"exif": exif, "pnginfo": text},
        "JPEG": {"exif": exif, "comment": SECRET, "xmp": SECRET},
        "WEBP": {"exif": exif, "xmp": SECRET, "lossless": True},
        "GIF": {"comment": SECRET},
    }
    out = BytesIO()
    image.save(out, form, **more[form], **options)
    return out.getvalue()


def animation(form: str = "GIF", *, frames: int = 3) -> bytes:
    images = [Image.new("RGB", _SIZE, (80 * number, 0, 255 - 80 * number)) for number in range(frames)]
    out = BytesIO()
    images[0].save(out, form, save_all=True, append_images=images[1:], duration=120, loop=0, comment=SECRET.decode())
    return out.getvalue()


def two_in_one(size: tuple[int, int] = _SIZE) -> bytes:
    """A JPEG with another one behind it, as telephones make them (CIPA DC-007)."""
    first, second = (Image.new("RGB", size, (0, 0, shade)) for shade in (80, 160))
    out = BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second], comment=SECRET)
    return out.getvalue()


def gif(*sides: int) -> bytes:
    """Of one pixel, with a frame for each of the sides that says it is so large."""
    frames = b"".join(b",%b\0%b\0" % (pack("<4H", 0, 0, side, side), b"\2\2\x44\1") for side in sides)
    return b"GIF89a" + pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frames + b";"
