"""Waiting for a condition instead of for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1


def eventually(probe: Callable[[], T], *, timeout_seconds: float = 20, what: str = "") -> T:
    """The first truthy answer of `probe`; AssertionError with its last answer when none came in time.

    An AssertionError, LookupError or OSError out of `probe` is an answer too: "not yet".
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer: object
        try:
            found = probe()
        except (AssertionError, LookupError, OSError) as error:
            answer = error
        else:
            if found:
                return found
            answer = found
        if time.monotonic() >= deadline:
            wanted = what or getattr(probe, "__name__", "the condition")
            raise AssertionError(f"{wanted}: not within {timeout_seconds} s; last answer: {answer!r}")
        time.sleep(POLL_SECONDS)
