"""Work that would keep a thread busy: in a real thread where threads are greenlets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")


def off_the_loop(work: Callable[[], T]) -> T:
    """What `work` returns or raises. In a web process it would stop every socket meanwhile.

    `work` computes or uses files: it takes no lock, opens no connection and logs nothing.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    import gevent

    result, error = gevent.get_hub().threadpool.apply(_attempt, (work,))
    if error is not None:
        raise error
    return cast("T", result)


def _attempt(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What is raised in such a thread, gevent would also print, as if nobody had expected it."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001  It is raised again where it was asked for.
        return None, error
