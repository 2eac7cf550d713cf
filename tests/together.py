"""Several at once: what becomes of calls that begin at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from app.errors import AppError


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
