"""When beat starts the sweep, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks.schedule import Every


@pytest.mark.parametrize(
    ("ago", "is_due"),
    [
        (timedelta(seconds=5), False),
        (timedelta(seconds=15), True),
        (timedelta(hours=1), True),
        (timedelta(hours=-1), True),
    ],
    ids=["waits", "its time has come", "the clock was put forward", "the clock was put back"],
)
def test_beat_sweeps_every_few_seconds_whatever_the_clock_does(ago: timedelta, is_due: bool) -> None:
    due, seconds = Every(15).is_due(datetime.now(UTC) - ago)

    assert due is is_due
    assert 0 < seconds <= 15
