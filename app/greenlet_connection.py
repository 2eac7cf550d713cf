"""A connection to PostgreSQL of a process whose threads are greenlets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg
from gevent import socket
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from app.impatience import ANSWER_SECONDS, ImpatientConnection, SilenceError


class GreenletConnection(ImpatientConnection):
    """One whose greenlet waits for the socket as gevent's own do. psycopg would go through `select.poll`, of which
    gevent's imitation makes an event, a set and a watcher each time."""

    def _wait(self, gen: PQGen[Any], interval: float) -> Any:
        file = self.pgconn.socket
        ends_at = time.monotonic() + ANSWER_SECONDS
        try:
            asked = next(gen)
            while True:
                _WAITS[asked](file, max(0.0, ends_at - time.monotonic()), SilenceError())
                # Of both, either may be what came: trying to read what is not there is no mistake.
                asked = gen.send(Ready.RW if asked == Wait.RW else Ready(asked))
        except StopIteration as end:
            return end.value
        except OSError as error:
            self.close()
            raise psycopg.OperationalError("connection socket closed") from error


_WAITS: Final[Mapping[Wait, Callable[[int, float, Exception], None]]] = {
    Wait.R: socket.wait_read,
    Wait.W: socket.wait_write,
    Wait.RW: socket.wait_readwrite,
}
