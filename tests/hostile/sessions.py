"""Attacks on login sessions: tokens that come twice, tokens that were ended, and names that are asked for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.hostile import snapshot
from tests.hostile.arena import PASSWORD, Arena
from tests.hostile.asking import compose
from tests.hostile.effects import Run
from tests.hostile.sockets import HANDSHAKE, Socket
from tests.hostile.wire import Answer

_REFRESH: Final = "/api/v1/auth/refresh"
_SOCKET_SECONDS: Final = 5
_SAMPLES: Final = 5  # Of two names, so that none of them is guessed at too often.

Tokens = Mapping[str, Any]


def reuse(run: Run) -> None:
    """R1 made R2, and comes again."""
    arena = run.arena
    first = somebody_new(arena)
    second = arena.api("POST", _REFRESH, {"refresh_token": first["refresh_token"]})
    with _hears_the_end(run, second):
        run.before = snapshot.take(arena.engine)
        run.answers += [_refresh(arena, first), _refresh(arena, second)]
    run.problems += [*_alive(arena, first), *_alive(arena, second)]


def revoke(run: Run) -> None:
    """Twice the same, with no more said the second time; then what the session's tokens are good for."""
    arena = run.arena
    pair = somebody_new(arena)
    with _hears_the_end(run, pair):
        run.before = snapshot.take(arena.engine)
        answers = [
            arena.send_json("POST", "/api/v1/auth/revoke", {"refresh_token": token})
            for token in (pair["refresh_token"], pair["refresh_token"], "garbage")
        ]
    if len({(answer.status, answer.body) for answer in answers}) > 1:
        run.problems.append("one can tell from the answer what the token was")
    run.answers += [*answers, _refresh(arena, pair)]
    run.problems += _alive(arena, pair)


def reset(run: Run) -> None:
    """Every token there was, after the tokens were reset."""
    _end_others(run, "POST", "/api/v1/users/profile/reset-auth-token", {"password": PASSWORD}, own_too=True)


def change_password(run: Run) -> None:
    """Every token but those of who changed it."""
    body = {"old_password": PASSWORD, "new_password": secrets.token_urlsafe(12)}
    _end_others(run, "PUT", "/api/v1/users/profile", body, own_too=False)


def compare(run: Run) -> None:
    """What a name that is nobody's costs, and one that is somebody's."""
    known = {**run.case, "body": run.case["pair_with"]}
    spent = {"unknown": 0.0, "known": 0.0}
    for _ in range(_SAMPLES):
        for name, case in (("unknown", run.case), ("known", known)):
            began = _work_seconds(run.arena)
            run.answers.append(run.send_raw(compose(Run(run.arena, case, run.before))))
            spent[name] += _work_seconds(run.arena) - began
    run.measured |= {name: seconds / _SAMPLES for name, seconds in spent.items()}


def _work_seconds(arena: Arena) -> float:
    """Time of a processor, because other people's time depends on what else this machine does."""
    times = [process.cpu_times() for process in arena.process.family()]
    return float(sum(time.user + time.system for time in times))


def _end_others(run: Run, method: str, path: str, body: Mapping[str, Any], *, own_too: bool) -> None:
    arena = run.arena
    other = somebody_new(arena)
    name = {"username": other["username"], "password": PASSWORD}
    own = arena.api("POST", "/api/v1/users/signin", name)
    with _hears_the_end(run, other):
        run.before = snapshot.take(arena.engine)
        done = arena.send_json(method, path, body, token=own["auth_token"])
        assert done.status == 200, done.body
    ended = [other, own] if own_too else [other]
    run.answers += [_refresh(arena, pair) for pair in ended]
    run.problems += [problem for pair in ended for problem in _alive(arena, pair)]
    if not own_too and not _alive(arena, own):
        run.problems.append("who changed the password was signed out")


def somebody_new(arena: Arena) -> dict[str, Any]:
    """An account with its first session, for whom the worker has done what it does for everybody."""
    name = f"new{secrets.token_hex(6)}"
    made = arena.api("POST", "/api/v1/users/signup", {"username": name, "password": PASSWORD})
    arena.settle()
    return {"username": name, **made}


def _refresh(arena: Arena, pair: Tokens) -> Answer:
    return arena.send_json("POST", _REFRESH, {"refresh_token": pair["refresh_token"]})


def _alive(arena: Arena, pair: Tokens) -> list[str]:
    status = arena.send_json("GET", "/api/v1/users/list", token=pair["auth_token"]).status
    return [] if status == 401 else [f"an access token of the session is answered {status}"]


@contextmanager
def _hears_the_end(run: Run, pair: Tokens) -> Iterator[None]:
    """A socket of the session, which what happens in the block closes."""
    with Socket(run, f"/ws?auth_token={pair['auth_token']}", headers=HANDSHAKE) as listener:
        assert listener.answer.status == 101, listener.answer.body
        yield
        if listener.close_code(seconds=_SOCKET_SECONDS) is None:
            run.problems.append(f"a socket of the session is open {_SOCKET_SECONDS} s later")


SCRIPTS: Final[Mapping[str, Callable[[Run], None]]] = {
    "use R1; use R1 again; use R2": reuse,
    "revoke R1; revoke R1 again; use R1": revoke,
    "reset the tokens; use every old one": reset,
    "change the password; use every old token": change_password,
}
