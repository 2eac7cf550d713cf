"""gunicorn's worker in the process that serves: gevent's, with what we read and write more carefully.

The master makes the object (`app.gunicorn_conf.Worker`), so an `__init__` or a `check_config` here would never run.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
from types import FrameType
from typing import Any, Final

import gevent
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders
from gunicorn.workers.ggevent import GeventWorker

from app.services.threads import look_up_names_apart
from app.supervisor.program import HELD
from app.web.incoming import pass_over, read_carefully
from app.web.outgoing import write_in_time
from app.web.shutdown import ON_SHUTDOWN

MAX_HEADERS_BYTES: Final = 32 << 10
"""Of all headers of a request together. A hundred of the longest kind make an `Accept` that takes seconds to read."""

SEND_BUFFER_BYTES: Final = 128 << 10
_STILL_HERE_SECONDS: Final = 1.0

read_carefully()
write_in_time()


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn carries no types.
    """gunicorn's gevent worker, which says of a header that is too long what is said of any that cannot be read.

    A signature or a date of 10 kB is no signature and no date, and servers take 400 for final, 431 for who knows what.
    """

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        super().handle_error(
            req, client, addr, InvalidHeader(str(exc)) if isinstance(exc, LimitRequestHeaders) else exc
        )

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        # A full buffer is written to again once a third of it was read, and Linux lets it grow to megabytes.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        if sum(len(name) + len(value) for name, value in req.headers) > MAX_HEADERS_BYTES:
            raise InvalidHeader("all headers together are too long")
        super().handle_request(listener_name, req, sock, addr)
        if not pass_over(req.body, self.cfg.keepalive):
            raise StopIteration  # gunicorn's way of closing the connection.

    def load_wsgi(self) -> None:
        if HELD in os.environ:
            self._wait()
        super().load_wsgi()

    def run(self) -> None:
        self._finish_loading()
        super().run()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The application hears of a stop while its requests may still finish."""
        for function in getattr(getattr(self, "wsgi", None), "extensions", {}).get(ON_SHUTDOWN, ()):
            gevent.spawn(function)  # A signal's handler may not wait for anything itself.
        super().handle_exit(sig, frame)

    def _wait(self) -> None:
        """Read the code, then wait until the database is migrated; a long migration is no silence of ours."""
        import app.factory  # noqa: F401  Here for the time it takes.

        while not select.select([sys.stdin], [], [], _STILL_HERE_SECONDS)[0]:
            self.notify()
            if not self.alive:
                raise SystemExit

    def _finish_loading(self) -> None:
        """Names get threads of their own, and what is here already is never collected."""
        look_up_names_apart()
        gc.freeze()
        gc.enable()
