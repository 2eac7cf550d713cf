"""Times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.times import EARLIEST, parse_time, read_time, write_time

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T11:00:00Z",
        "2026-11-25T11:00:00.000Z",
        "2026-11-25t11:00:00z",
        "2026-11-25T12:00:00+01:00",
        "2026-11-25T12:00:00+0100",
        "2026-11-25T11:00:00.000000000Z",
        "2026-11-25 11:00:00",
        "2026-11-25T11:00",
    ],
)
def test_one_moment_in_many_spellings(text: str) -> None:
    assert read_time(text, now=NOW) == datetime(2026, 11, 25, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd",
    [
        None, 5, {}, "", "tomorrow", "2026-11-25", "99999-01-01T00:00:00Z", "0000-00-00T00:00:00Z",
        "2026-11-25T25:00:00Z", "2026-06-30T23:59:60Z", "2026-11-25T11:00:00+99:99",
        "0001-01-01T00:00:00+14:00", "2026-11-25T11:00:00Z" * 9,
    ],
)  # fmt: skip
def test_what_names_no_moment_is_none(odd: object) -> None:
    """Hostile case PAR-15."""
    assert read_time(odd, now=NOW) is None
    assert parse_time(odd) is None


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("1970-01-01T00:00:00Z", False),
        ("1994-12-31T23:59:59Z", False),
        ("1995-01-01T00:00:00Z", True),
        ("2026-11-25T12:05:00Z", True),
        ("2026-11-25T12:05:01Z", False),
        ("2999-01-01T00:00:00Z", False),
    ],
)
def test_moments_before_the_web_and_in_the_future_are_none(text: str, is_read: bool) -> None:
    assert (read_time(text, now=NOW) is not None) is is_read


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_moment_is_one_however_far_away(text: str) -> None:
    parsed = parse_time(text)

    assert parsed is not None
    assert write_time(parsed) == text.replace("Z", ".000Z")


@given(st.integers(0, 10**15), st.integers(-12, 14))
def test_what_is_written_reads_back_to_the_millisecond(microseconds: int, offset: int) -> None:
    time = (EARLIEST + timedelta(microseconds=microseconds)).astimezone(timezone(timedelta(hours=offset)))

    read = read_time(write_time(time), now=NOW)

    assert read is not None
    assert timedelta(0) <= time - read < timedelta(milliseconds=1)


@given(st.text(max_size=70))
def test_no_text_raises(text: str) -> None:
    read_time(text, now=NOW)
