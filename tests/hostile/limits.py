"""Attacks on limits and blocks, each from an address of its own."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from typing import Final

from tests.hostile import snapshot
from tests.hostile.arena import HOST
from tests.hostile.cases import LIMITS, Json
from tests.hostile.effects import Run
from tests.hostile.sockets import HANDSHAKE, Socket
from tests.hostile.spare import ORDINARY_LIMIT, Spare
from tests.hostile.wire import ANSWER_SECONDS, Answer

STRICT_LIMIT: Final = 25
"""Of which signing in has five: as many guesses as there is time for here."""
_SOCKET_SECONDS: Final = 5
_INFO: Final = "/api/v1/info"


def prepare(arena: Spare, case: Json) -> bool:
    """Limits that a case comes to, where it is about them; whether that is a change."""
    return arena.limit_requests(STRICT_LIMIT if case["group"] == LIMITS else ORDINARY_LIMIT)


def block(run: Run) -> None:
    """An address is blocked while a connection of its own is kept alive and a socket is open."""
    arena, address = run.spare, run.spare.fresh_address()
    kept = http.client.HTTPConnection("127.0.0.1", arena.port, timeout=ANSWER_SECONDS, source_address=(address, 0))
    token = arena.words["tok:bob"]
    with Socket(run, f"/ws?auth_token={token}", headers=HANDSHAKE, source=address) as listener:
        assert listener.answer.status == 101, listener.answer.body
        assert _ask(kept).status == 200
        body = {"ip": address, "reason": "a hostile case"}
        arena.api("POST", "/api/v1/blocked-ips/block", body, who="alice", source=arena.fresh_address())
        run.before = snapshot.take(arena.engine)
        run.answers += [_ask(kept), arena.send_json("GET", _INFO, source=address)]
        if listener.close_code(seconds=_SOCKET_SECONDS) is None:
            run.problems.append(f"its socket is open {_SOCKET_SECONDS} s later")
    with Socket(run, f"/ws?auth_token={token}", headers=HANDSHAKE, source=address) as late:
        run.answers.append(late.answer)
    kept.close()


def _ask(kept: http.client.HTTPConnection) -> Answer:
    began = time.monotonic()
    kept.request("GET", _INFO, headers={"Host": HOST})
    response = kept.getresponse()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read(), time.monotonic() - began)


SCRIPTS: Final[Mapping[str, Callable[[Run], None]]] = {"ip blocked": block}
