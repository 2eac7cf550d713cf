"""What a picture tells besides itself is gone; what it shows, and how it lies, is not."""

from __future__ import annotations

from io import BytesIO
from tempfile import TemporaryFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageSequence

from app.errors import InvalidInputError
from app.media import pictures
from app.media.metadata import without_metadata
from tests.media.pictures import SECRET, animation, picture

FORMS = ("PNG", "JPEG", "WEBP", "GIF")


def cleaned(data: bytes) -> bytes:
    with TemporaryFile() as file, TemporaryFile() as out:
        file.write(data)
        file.flush()
        pictures.clean(file, pictures.inspect(file), out)
        out.seek(0)
        return out.read()


def same_pixels(one: bytes, other: bytes) -> bool:
    with Image.open(BytesIO(one)) as first, Image.open(BytesIO(other)) as second:
        return ImageChops.difference(first.convert("RGB"), second.convert("RGB")).getbbox() is None


def durations(image: Image.Image) -> list[int]:
    return [frame.copy().info["duration"] for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("form", FORMS)
def test_what_the_file_tells_is_gone_and_no_pixel_changes(form: str) -> None:
    data = picture(form)
    assert SECRET in data

    clean = cleaned(data)

    assert SECRET not in clean
    assert same_pixels(data, clean)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_picture_that_lies_on_its_side_still_says_so(form: str, orientation: int) -> None:
    clean = cleaned(picture(form, orientation=orientation))

    assert SECRET not in clean
    with Image.open(BytesIO(clean)) as image:
        assert dict(image.getexif()) == {0x0112: orientation}


def test_progressive_jpegs_keep_all_their_scans() -> None:
    data = picture("JPEG", progressive=True)

    assert same_pixels(data, cleaned(data))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_its_frames_and_its_times(form: str) -> None:
    data = animation(form)

    with Image.open(BytesIO(cleaned(data))) as image:
        assert getattr(image, "n_frames", 1) == 3
        assert durations(image) == [120] * 3
        assert image.info.get("loop") == 0


@pytest.mark.parametrize("form", FORMS)
def test_what_follows_a_picture_is_no_part_of_it(form: str) -> None:
    assert SECRET not in cleaned(picture(form) + SECRET)


@pytest.mark.parametrize("form", FORMS)
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_pictures_are_refused_or_walked_to_their_end(form: str, data: st.DataObject) -> None:
    whole = bytearray(picture(form))
    del whole[data.draw(st.integers(1, len(whole))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))

    try:
        parts = list(without_metadata(f"image/{form.lower()}", memoryview(bytes(whole)), orientation=6))
    except InvalidInputError:
        return
    assert sum(map(len, parts)) <= len(whole) + 200
