"""Attacks on the name service: what others ask it for lets people here wait no longer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.e2e.waiting import eventually
from tests.hostile.asking import compose
from tests.hostile.effects import Run
from tests.hostile.names import STUCK_SECONDS

_KEYS: Final = 40
_THREADS: Final = 10  # That gevent has for all that it does off the loop.
_GUESS_SECONDS: Final = STUCK_SECONDS / 2


def sign_in_meanwhile(run: Run) -> None:
    """Keys on hosts of many domains, whose names nobody answers; a password is looked at as soon as ever."""
    arena = run.arena
    asked = len(arena.names.lookups)
    with ThreadPoolExecutor(_KEYS) as pool:
        under_way = [pool.submit(run.send_raw, compose(run, number)) for number in range(_KEYS)]
        eventually(lambda: len(arena.names.lookups) >= asked + _THREADS, what="as many lookups as there are threads")
        began = time.monotonic()
        guess = {"username": f"nobody_{secrets.token_hex(4)}", "password": secrets.token_urlsafe(12)}
        answer = arena.send_json("POST", "/api/v1/users/signin", guess)
        waited = time.monotonic() - began
        run.answers += [request.result() for request in under_way]
    if answer.status != 404 or waited > _GUESS_SECONDS:
        run.problems.append(f"signing in was answered {answer.status} after {waited:.1f} s")


SCRIPTS: Final[Mapping[str, Callable[[Run], None]]] = {"names that nobody answers": sign_in_meanwhile}
