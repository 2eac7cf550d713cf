"""Several at once: what becomes of calls that begin at the same moment, or cross."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from app import failpoints
from app.errors import AppError

# How long a transaction is open, for another one that should wait for it.
MEANWHILE_SECONDS = 0.5


def at_once(call: Callable[[], Any], *, times: int) -> list[Any]:
    """What each of the calls returned, or the AppError it raised; any other error fails the test."""
    outcomes: list[Any] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(call())
        except AppError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == times
    return outcomes


def cross(monkeypatch: pytest.MonkeyPatch, failpoint: str, first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """The second begins when the first has come to the failpoint, where it has done everything but commit."""
    has_done, is_over = threading.Event(), threading.Event()

    def run_second() -> None:
        assert has_done.wait(10)
        second()
        is_over.set()

    threads = [threading.Thread(target=first), threading.Thread(target=run_second)]

    def reach(name: str) -> None:
        if name == failpoint and threading.current_thread() is threads[0]:
            has_done.set()
            is_over.wait(MEANWHILE_SECONDS)

    monkeypatch.setattr(failpoints, "reach", reach)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
