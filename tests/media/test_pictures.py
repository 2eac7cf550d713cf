"""Pictures are what they say, small where they are large, and drawn anew with nothing left of the file."""

from __future__ import annotations

from io import BytesIO
from tempfile import TemporaryFile
from typing import Any

import pytest
from PIL import Image, ImageSequence

from app.errors import InvalidInputError
from app.media import pictures
from tests.media.pictures import SECRET, animation, gif, picture, two_in_one


def image_as(form: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize("form", ["TIFF", "BMP", "ICO", "PPM", "EPS", "ICNS", "DDS", "PCX", "TGA"])
def test_no_other_decoder_is_ever_asked(form: str) -> None:
    with pytest.raises(InvalidInputError, match="Invalid image file"):
        pictures.inspect(BytesIO(image_as(form)))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"8BPS\0\1" + bytes(40)])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="Invalid image file"):
        pictures.inspect(BytesIO(data))


def test_a_picture_that_breaks_off_is_refused_when_it_is_read() -> None:
    data = picture("PNG", size=(400, 400))

    with pytest.raises(InvalidInputError, match="Invalid image file"):
        pictures.make_small(BytesIO(data[: len(data) // 2]))


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    """A megabyte may well be a picture of a gigabyte."""
    out = BytesIO()
    Image.new("1", (8000, 6000)).save(out, "PNG")

    with pytest.raises(InvalidInputError, match=r"Image dimensions too large. Max allowed: 40 megapixels"):
        pictures.inspect(out)


def test_width_and_height_are_as_it_is_looked_at() -> None:
    seen = pictures.inspect(BytesIO(picture("JPEG", size=(40, 20), orientation=6)))

    assert (seen.media_type, seen.width, seen.height, seen.orientation) == ("image/jpeg", 20, 40, 6)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_large_picture_gets_a_small_copy_that_lies_right(form: str) -> None:
    orientation = 1 if form == "GIF" else 6
    small = pictures.make_small(BytesIO(picture(form, size=(1300, 650), orientation=orientation)))

    assert small.webp is not None
    with Image.open(BytesIO(small.webp)) as image:
        assert image.size == ((640, 320) if orientation == 1 else (320, 640)) == (small.width, small.height)
    assert SECRET not in small.webp
    assert len(small.blurhash) == 28


def test_a_small_picture_needs_no_copy() -> None:
    assert pictures.make_small(BytesIO(picture())).webp is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("options", [{}, {"orientation": 6}])
def test_a_picture_drawn_anew_is_the_picture_and_nothing_else(form: str, options: dict[str, Any]) -> None:
    drawn, data = pictures.redraw(BytesIO(picture(form, **options) + SECRET), max_side=2048)

    assert SECRET not in data
    assert drawn.media_type == f"image/{form.lower()}"
    assert drawn.orientation == 1
    is_sideways = bool(options) and form != "GIF"
    assert (drawn.width, drawn.height) == ((20, 40) if is_sideways else (40, 20))
    assert pictures.redraw(BytesIO(picture(form, **options)), max_side=2048)[1] == data, "not the same the second time"


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_an_animation_drawn_anew_still_moves(form: str) -> None:
    _, data = pictures.redraw(BytesIO(animation(form)), max_side=2048)

    assert SECRET not in data
    with Image.open(BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 3
        assert [frame.copy().info["duration"] for frame in ImageSequence.Iterator(image)] == [120] * 3
        assert image.info["loop"] == 0


def test_of_a_jpeg_with_another_picture_behind_it_the_first_is_what_is_looked_at() -> None:
    data = two_in_one()
    with TemporaryFile() as file, TemporaryFile() as cleaned:
        file.write(data)
        file.flush()
        found = pictures.inspect(file)
        pictures.clean(file, found, cleaned)
        drawn, redrawn = pictures.redraw(file, max_side=2048)

        assert [found.media_type, drawn.media_type] == ["image/jpeg"] * 2
        assert (found.width, found.height) == (drawn.width, drawn.height) == (40, 20)
        cleaned.seek(0)
        for kept in (cleaned.read(), redrawn):
            assert SECRET not in kept
            with Image.open(BytesIO(kept)) as image:
                assert (image.format, getattr(image, "n_frames", 1)) == ("JPEG", 1)
                assert image.convert("RGB").getpixel((0, 0))[2] in range(70, 90)  # type: ignore[index]


def test_the_frames_of_an_animation_are_no_more_than_so_many_and_within_it() -> None:
    assert pictures.redraw(BytesIO(gif(*[1] * pictures.MAX_FRAMES)), max_side=2048)[0].width == 1
    with pytest.raises(InvalidInputError, match="too many frames"):
        pictures.redraw(BytesIO(gif(*[1] * (pictures.MAX_FRAMES + 1))), max_side=2048)
    for side in (2, 6000):
        with pytest.raises(InvalidInputError, match=r"Invalid image file\Z"):
            pictures.redraw(BytesIO(gif(1, side)), max_side=2048)


def test_limits_hold_for_sides_and_for_all_frames_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match=r"Image dimensions too large. Max allowed: 30x30"):
        pictures.redraw(BytesIO(picture()), max_side=30)
    monkeypatch.setattr(pictures, "MAX_DRAWN_PIXELS", 2 * 40 * 20)
    with pytest.raises(InvalidInputError, match="too many frames"):
        pictures.redraw(BytesIO(animation()), max_side=2048)
