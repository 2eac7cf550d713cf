"""Runs one case: prepare, look, attack, wait, look again, compare."""

from __future__ import annotations

import json
import os
import re
import secrets
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from tests.hostile import limits, scripts, setups, snapshot, sockets, storage
from tests.hostile.arena import SHUT_HOST, Arena, errors_in
from tests.hostile.asking import ask, compose
from tests.hostile.cases import LIMITS, STORAGE, Case, Json, MissingPlaceholderError, expand
from tests.hostile.effects import Run, check
from tests.hostile.routes import Routes
from tests.hostile.spare import Spare
from tests.hostile.wire import Answer

# What a listed case repeats ten thousand times is repeated so often, unless it is asked for in full.
REPEATS: Final = int(os.environ.get("HOSTILE_REPEATS", "100"))
_FLOOD_THREADS, _HERD_THREADS = 4, 4
# Where the outcome that a listed case describes allows more than the effect that it names.
READ_AS: Final[Mapping[str, str]] = {
    "PAR-15": "messages<=1;dates_near",  # "Clamped or dropped": clamped dates come with their message.
}
ALSO_ALLOWED: Final[Mapping[str, set[int]]] = {
    "ORI-31": {413},  # A megabyte of content makes a body over the limit, which is not read.
    # contracts/pufferblow.md, 0.4: what is no JWT at all is "Bad auth_token format", 400.
    "TOK-05": {400},
    # contracts/pufferblow.md, 3: a wrong password here is 404, and so is an unknown name when signing in.
    "TOK-10": {404},
    "TOK-15": {404},
    "RAT-05": {404},
}
# What a listed case wants and the contract has otherwise, by the name of the request.
UNASKED: Final[Mapping[str, str]] = {
    "AUZ-08/2": "contracts/punctum.md, 5.1: a number may be a decimal string (D-41)",
    "AUZ-08/4": "contracts/punctum.md, 1.0: null unsets what need not be there (D-3)",
    "AUZ-08/5": "contracts/punctum.md, 5.1: 8192 is a permission (D-24)",
    "AUZ-10/0": "contracts/punctum.md, 1.7: an invite has unlimited use; own-auz-invite-herd asks for one person",
    "AUZ-26/1": "tokens are refreshed by POST, and a GET is 405 for everybody; own-auz-suspended asks that",
}
# Effects of a refusal that are what the case asks for.
_OF_REFUSALS: Final = frozenset({"family_revoked", "sessions_ended"})
# Of ours: of these everything happens before there is a row, and some wait for long.
ONE_DATABASE: Final = ("own-par-slow-body", "own-fet-")
SPARE: Final = frozenset({LIMITS, STORAGE})
"""The groups whose cases are asked of the second server."""
_MADE_LATER: Final = ("pending_id", "pending_follow", "R1", "msg_of_good_user", "good_user_remote_id")
# What a client's library does not send is about how a path is read, and is asked whatever it leads to.
_ODD_IN_PATHS: Final = ("%", "//", "/../", "\\")
_NEVER: Final = frozenset({500, 502, 504})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`requests` were sent; `skipped` says why others were not."""

    requests: int
    problems: list[str]
    skipped: list[str]


def run_case(arena: Arena, case: Case, routes: Routes) -> Verdict:
    """The case and its variants, each by itself."""
    requests, problems, skipped = 0, [], []
    for number, request in enumerate(case.requests):
        name = f"{case.id}/{number}"
        reason = UNASKED.get(name) or why_not(request, arena.words, routes) or storage.why_not(arena, request)
        if reason is not None:
            skipped.append(f"{name}: {reason}")
            continue
        run = _run(arena, request)
        requests += len(run.answers)
        problems += [f"{name}: {problem}" for problem in run.problems]
    return Verdict(requests, problems, skipped)


def why_not(case: Json, words: Mapping[str, str], routes: Routes) -> str | None:
    """Why the server cannot be asked this yet."""
    if case.get("setup") not in (None, *setups.SETUPS, *scripts.SCRIPTS):
        return f"nothing here can do: {case['setup']}"
    method = case["method"]
    try:
        path = expand(case["path"], words)
        expand(
            [case.get("headers"), case.get("body"), case.get("ws_frames")],
            {**words, **dict.fromkeys(_MADE_LATER, "")},
        )
    except MissingPlaceholderError as missing:
        return _no_route(case, routes) or f"there is no {missing} here"
    needs_route = not case.get("any_path", False) and not any(odd in path for odd in _ODD_IN_PATHS)
    if method in ("GET", "POST", "PUT", "PATCH", "DELETE") and needs_route and not routes(method, path):
        return f"no route: {method} {case['path']}"
    return None


def _no_route(case: Json, routes: Routes) -> str | None:
    """Whatever the path names."""
    method, path = str(case["method"]), re.sub(r"\{\{[^}]+\}\}", "x", str(case["path"]))
    return None if routes(method, path) else f"no route: {method} {case['path']}"


def _run(arena: Arena, case: Json) -> Run:
    case = _own_actor(_of_shut_server(case))
    arena.settle()
    arena.forgive()
    arena.names.forget()
    arena.remote.forget()
    is_limited = isinstance(arena, Spare) and limits.prepare(arena, case)
    is_renewed = arena.renew()
    if setups.prepare(arena, case) or is_limited or is_renewed:
        arena.seen = None
        arena.names.forget()
        arena.remote.forget()
    _script(arena, case)
    logged = arena.log_size()
    # What the last case left is what this one finds.
    run = Run(arena, case, arena.seen or snapshot.take(arena.engine), source=_source(arena, case))
    if sockets.is_socket_case(case):
        sockets.attack(run)
    else:
        _attack(run)
    arena.settle()
    _look_again(run)
    run.problems += [*_general_problems(run), *_logged_errors(run, logged)]
    if not sockets.is_socket_case(case):
        named = READ_AS.get(case["id"], case.get("expected_side_effect")) or "none"
        run.problems += [problem for name in named.split(";") for problem in check(run, name)]
    return run


def _logged_errors(run: Run, since: int) -> list[str]:
    lines = errors_in(run.arena.lately_logged(since))
    is_outage = run.case.get("setup") in storage.OUTAGES
    return [line for line in lines if not (is_outage and "UnavailableError" in line)]


def _source(arena: Arena, case: Json) -> str | None:
    """Each case about limits has an address that no other case has used any of."""
    if "from" in case:
        return str(expand(case["from"], arena.words))
    return arena.fresh_address() if isinstance(arena, Spare) and case["group"] == LIMITS else None


def _of_shut_server(case: Json) -> Json:
    """A case about a blocked server is not about evil.test, which all others need, but one blocked from the start."""
    if case.get("setup") != setups.BLOCKED:
        return case
    text, name = json.dumps(case).replace("{{EVIL}}", f"https://{SHUT_HOST}"), SHUT_HOST.removesuffix(".test")
    return {**json.loads(text.replace("evil", name).replace("EVIL", name.upper())), "setup": setups.BLOCKED}


def _own_actor(case: Json) -> Json:
    """A case that changes what an actor's home says has an actor of its own, whom the server has not met."""
    fixtures = case.get("remote_fixture", {})
    if not any("/u/mallory" in url for url in fixtures):
        return case
    name = f"mallory-{secrets.token_hex(6)}"
    fresh: Json = json.loads(
        json.dumps(case).replace("/u/mallory", f"/u/{name}").replace("evil:mallory", f"evil:{name}")
    )
    return fresh


def _script(arena: Arena, case: Json) -> None:
    arena.remote.script(expand(case.get("remote_fixture", {}), arena.words))
    arena.names.script(case.get("dns_fixture", {}))


def _attack(run: Run) -> None:
    case = run.case
    count = min(case.get("repeat", 1), case.get("repeats_here", REPEATS))
    if script := scripts.find(case):
        script(run)
    elif "sequence" in case:
        body = expand(case["body"], run.arena.words)
        case["sent_body"] = body
        for raw in setups.sequence(run.arena, case["sequence"], body):
            run.answers.append(run.arena.send_raw(raw))
            run.arena.settle()
    elif "replay" in case:
        raw = compose(run)
        run.answers += [run.arena.send_raw(raw) for _ in range(case["replay"])]
    elif case.get("parallel"):
        with ThreadPoolExecutor(_HERD_THREADS) as pool:
            run.answers += pool.map(lambda number: ask(run, number), range(count))
    elif "rate" in case:
        _flood(run, count)
    else:
        run.answers += [ask(run, number) for number in range(count)]


def _flood(run: Run, count: int) -> None:
    """The same at once with local people talking, measured with and without."""
    run.measured["calm"] = _talk(run.arena)
    requests = [compose(run, number) for number in range(count)]
    with ThreadPoolExecutor(_FLOOD_THREADS) as pool:
        under_way = pool.map(run.arena.send_raw, requests)
        run.measured["flooded"] = _talk(run.arena)
        run.answers += under_way


def _talk(arena: Arena) -> float:
    """The median time of a local send."""
    times = []
    for _ in range(15):
        began = time.monotonic()
        arena.say("chan_A", "still here", who="bob")
        times.append(time.monotonic() - began)
    return statistics.median(times)


def _look_again(run: Run) -> None:
    run.after = run.arena.seen = snapshot.take(run.arena.engine)
    run.asked = run.arena.remote.asked
    run.connects = run.arena.names.connects


def _is_json(answer: Answer) -> bool:
    """What was answered to a handshake has its head in the body, as it came."""
    if answer.body.startswith(b"HTTP/1.1 "):
        return b"\r\ncontent-type: application/json" in answer.body.lower()
    return answer.headers.get("content-type", "").endswith("json")


def _general_problems(run: Run) -> list[str]:
    """What holds for every case, whatever it names."""
    expected = set(run.case["expected_status"]) | ALSO_ALLOWED.get(run.case["id"], set())
    forbidden = set(run.case.get("forbidden_status", ())) | _NEVER
    problems = []
    for answer in run.answers:
        if answer.status not in expected or answer.status in forbidden:
            problems.append(f"answered {answer.status}, not one of {sorted(expected)}: {answer.body[:200]!r}")
        if b": required." in answer.body and not run.case["id"].startswith("own-"):
            problems.append(f"refused for what the case does not say, not for what it does: {answer.body[:200]!r}")
        if b"Traceback" in answer.body:
            problems.append("a stack trace in the answer")
        if answer.status >= 400 and answer.body and not _is_json(answer):
            problems.append(f"refused in {answer.headers.get('content-type')}: {answer.body[:200]!r}")
    problems += [f"connected to {connect}" for connect in run.strange_connects]
    if run.answers and run.is_refused and run.case.get("expected_side_effect") not in _OF_REFUSALS:
        problems += [f"refused, yet {change}" for change in run.changes]
    return problems[:20]
