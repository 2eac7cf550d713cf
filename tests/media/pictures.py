"""Pictures for tests, each with something to hide."""

from __future__ import annotations

from io import BytesIO
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
