"""gunicorn's settings; its `--config python:app.gunicorn_conf` reads the lower-case names of this module."""

from __future__ import annotations

import gc
import logging
import os
import re
import select
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

import gevent
from gunicorn.glogging import Logger
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders
from gunicorn.workers.ggevent import GeventWorker

from app.services.threads import look_up_names_apart
from app.settings import load_settings
from app.supervisor.lifeline import die_with_parent
from app.supervisor.listen import listen_addresses
from app.supervisor.program import HELD
from app.web.incoming import pass_over, read_carefully
from app.web.outgoing import write_in_time
from app.web.shutdown import ON_SHUTDOWN

_QUERY = re.compile(r"\?[^\s'\"]+")
_STILL_HERE_SECONDS = 1.0

MAX_HEADERS_BYTES = 32 << 10
"""Of all headers of a request together. A hundred of the longest kind make an `Accept` that takes seconds to read."""

SEND_BUFFER_BYTES = 128 << 10

_settings = load_settings()


class QuerylessLogger(Logger):  # type: ignore[misc]  # gunicorn carries no types.
    """gunicorn's logger without query strings: clients put their tokens there."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.filters.clear()  # A reload calls this again.
        self.error_log.addFilter(without_query)


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

    def _wait(self) -> None:
        """Read the code, then wait until the database is migrated; a long migration is no silence of ours."""
        import app.factory  # noqa: F401  Here for the time it takes.

        while not select.select([sys.stdin], [], [], _STILL_HERE_SECONDS)[0]:
            self.notify()
            if not self.alive:
                raise SystemExit


read_carefully()
write_in_time()
sendfile = False  # It would go past that.


def without_query(record: logging.LogRecord) -> bool:
    record.msg, record.args = _QUERY.sub("?...", record.getMessage()), None
    return True


def _gunicorn_address(address: str) -> str:
    return f"[{address}]:{_settings.port}" if ":" in address else f"{address}:{_settings.port}"


bind = [_gunicorn_address(address) for address in listen_addresses(_settings)]
workers = _settings.workers
worker_class = Worker
worker_connections = 5000  # Each open socket of a client holds one.
preload_app = False  # psycopg waits cooperatively only if it is imported after the worker was patched.
timeout = 30
graceful_timeout = 3  # The supervisor's patience ends at 4.
keepalive = 12  # Half-sent headers are waited for as long: 15 s at the most (reliability.md, PAR-16).
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  A heartbeat on a busy disk stalls.
control_socket_disable = True
forwarded_allow_ips = ",".join(map(str, _settings.trusted_proxies))
loglevel = _settings.log_level
logger_class = QuerylessLogger


def pre_fork(_server: Any, _worker: Any) -> None:
    """Leave what is here already out of the worker's collections, which write to every object and so copy its page."""
    gc.freeze()


def post_fork(server: Any, _worker: Any) -> None:
    """Nothing is collected while the code is loaded: it makes a million objects, and nearly all of them stay."""
    die_with_parent(server.pid)
    gc.disable()


def post_request(_worker: Any, _request: Any, _environ: Any, _response: Any) -> None:
    """Give all other greenlets a turn.

    A client whose next request is there already is served without one, and on SQLite nothing else gives way either:
    the sockets were told 80 ms late for as long as one client kept the process busy.
    """
    time.sleep(0)


def post_worker_init(worker: Any) -> None:
    """Once the application is loaded: names get threads of their own, what is here already is never collected, and the
    application hears of a stop while its requests may still finish."""
    look_up_names_apart()
    gc.freeze()
    gc.enable()
    orderly_stop = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        for function in getattr(worker.wsgi, "extensions", {}).get(ON_SHUTDOWN, ()):
            gevent.spawn(function)  # A signal's handler may not wait for anything itself.
        if callable(orderly_stop):
            orderly_stop(number, frame)

    signal.signal(signal.SIGTERM, stop)
    worker.log.info("Shoal answers at %s", _settings.origin)
