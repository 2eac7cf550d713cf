"""gunicorn's settings; its `--config python:app.gunicorn_conf` reads the lower-case names of this module."""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
import time
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.base_async import AsyncWorker

from app.settings import load_settings
from app.supervisor.lifeline import die_with_parent
from app.supervisor.listen import listen_addresses

_QUERY = re.compile(r"\?[^\s'\"]+")

_settings = load_settings()


class QuerylessLogger(Logger):  # type: ignore[misc]  # gunicorn carries no types.
    """gunicorn's logger without query strings: clients put their tokens there."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.filters.clear()  # A reload calls this again.
        self.error_log.addFilter(without_query)


class Worker(AsyncWorker):  # type: ignore[misc]  # gunicorn carries no types.
    """What the master knows of a worker; in the process that it forks it becomes one of gevent's.

    Whatever the master has loaded is in memory twice, because the worker's first use of an object copies its page.
    """

    def init_process(self) -> None:
        from app import gunicorn_worker

        self.__class__ = gunicorn_worker.Worker
        self.init_process()


def without_query(record: logging.LogRecord) -> bool:
    record.msg, record.args = _QUERY.sub("?...", record.getMessage()), None
    return True


def _gunicorn_address(address: str) -> str:
    return f"[{address}]:{_settings.port}" if ":" in address else f"{address}:{_settings.port}"


bind = [_gunicorn_address(address) for address in listen_addresses(_settings)]
workers = _settings.workers
worker_class = Worker
worker_connections = 5000  # Each open socket of a client holds one.
sendfile = False  # It would go past what we write (`app.web.outgoing`).
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
    """A stop ends the process until it has handlers of its own: the master's, which are here still, would only note it.

    Nothing is collected while the code is loaded: it makes a million objects, and nearly all of them stay.
    """
    die_with_parent(server.pid)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    gc.disable()


def post_request(_worker: Any, _request: Any, _environ: Any, _response: Any) -> None:
    """Give all other greenlets a turn.

    A client whose next request is there already is served without one, and on SQLite nothing else gives way either:
    the sockets were told 80 ms late for as long as one client kept the process busy.
    """
    time.sleep(0)


def post_worker_init(worker: Any) -> None:
    worker.log.info("Shoal answers at %s", _settings.origin)
