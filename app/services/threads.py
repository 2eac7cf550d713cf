"""Work that would keep a thread busy: in a real thread where threads are greenlets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, TypeVar, cast

T = TypeVar("T")

# So that the names of our own services are never behind those of strangers.
_LOOKUPS_OF_OURS: Final = 32
_IDLE_SECONDS: Final = 30


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


def look_up_names_apart() -> None:
    """Give the lookup of names threads of its own. For a process whose threads are greenlets.

    A name service that does not answer holds a thread for many seconds, and whoever owns a domain may have us ask one:
    gevent would have passwords and files wait for the same ten threads. The resolver is the machine's own, whatever
    GEVENT_RESOLVER says: by another a name may mean something else than elsewhere on the machine.
    """
    import gevent
    from gevent.resolver.thread import Resolver
    from gevent.threadpool import ThreadPool

    from activitypub.fetch.names import MAX_LOOKUPS  # Here, where all of it is patched and loaded anyway.

    hub = gevent.get_hub()
    resolver = Resolver(hub)
    resolver.pool = ThreadPool(MAX_LOOKUPS + _LOOKUPS_OF_OURS, idle_task_timeout=_IDLE_SECONDS)
    hub.resolver = resolver


def _attempt(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What is raised in such a thread, gevent would also print, as if nobody had expected it."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001  It is raised again where it was asked for.
        return None, error
