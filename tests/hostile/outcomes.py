"""What must have come of attacks on sessions, limits and storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Account, Participant
from app.queries.blocked_networks import list_blocked
from tests.hostile import media
from tests.hostile.wire import Answer

if TYPE_CHECKING:
    from tests.hostile.effects import Run

_SESSION_TABLES: Final = ("sessions", "refresh_tokens", "audit_entries", "node_sessions", "accounts")
_SPELLINGS: Final = ("/api/v1/users/signin", "/api/v1/users/signin/", "/api/v1/users/signin?x=.json")
_SAME_SECONDS: Final = 0.025  # A tenth of what a password costs; two runs of the same differ by 10 ms here.


def _family_revoked(run: Run, _: str) -> list[str]:
    noted = [line for line in run.changes if line.startswith("audit_entries got")]
    missing = [] if any("refresh_token_reused" in line for line in noted) else ["nothing in the audit log"]
    return missing + _sessions_alone(run, "")


def _sessions_alone(run: Run, _: str) -> list[str]:
    """What changed is about sessions, and nothing else."""
    return [line for line in run.changes if not line.startswith(_SESSION_TABLES)]


def _indistinguishable(run: Run, _: str) -> list[str]:
    """By time: that a name is there is told by its status (contracts/pufferblow.md, 3), and by signing up."""
    unknown, known = run.measured["unknown"], run.measured["known"]
    is_alike = abs(unknown - known) <= _SAME_SECONDS
    return ([] if is_alike else [f"unknown {unknown:.3f} s, known {known:.3f} s of a processor"]) + run.changes


def _attempts(run: Run, bound: str) -> list[str]:
    """A guess that was compared is answered 401."""
    return _looked_at(run, int(bound), status=401)


def _lookups(run: Run, bound: str) -> list[str]:
    """A name that was looked for is answered 404."""
    return _looked_at(run, int(bound), status=404)


def _looked_at(run: Run, bound: int, *, status: int) -> list[str]:
    """Not more than so many; who is told to wait is told how long."""
    evaluated = sum(answer.status == status for answer in run.answers)
    told = [answer for answer in run.answers if answer.status == 429]
    silent = ["a 429 without Retry-After"] * any("retry-after" not in answer.headers for answer in told)
    endless = ["nobody was told to wait"] * (not told)
    return [f"{evaluated} attempts were evaluated"] * (evaluated > bound) + silent + endless + run.changes


def _joins(run: Run, wanted: str) -> list[str]:
    """So many are in a conference who were not."""
    joined = sum(line.startswith("members got") for line in run.changes)
    return [] if joined == int(wanted) else [f"{joined} joined"]


def _one_account(run: Run, wanted: str) -> list[str]:
    name = run.case["sent_body"]["username"].lower()
    with run.arena.engine.connect() as connection:
        count = connection.execute(
            select(func.count()).select_from(Account).where(func.lower(Account.username) == name)
        ).scalar_one()
    created = sum(answer.status == 201 for answer in run.answers)
    problems = [f"{count} accounts are called {name}"] if count != int(wanted) else []
    return problems + [f"{created} were told that theirs is there"] * (created > int(wanted))


def _shared_bucket(run: Run, _: str) -> list[str]:
    """Who has used up the bucket by one spelling of the path has none left by another."""
    if all(answer.status != 429 for answer in run.answers):
        return ["there is no limit"]
    body = {"username": "a", "password": "b"}
    others = [run.arena.send_json("POST", path, body, source=run.source) for path in _SPELLINGS]
    return [f"by another spelling: {answer.status}" for answer in others if answer.status != 429] + run.changes


def _proxy_is_open(run: Run, _: str) -> list[str]:
    """Nor is anybody else who comes through it kept out."""
    with Session(run.arena.engine) as session:
        blocked = [f"{row.network} is blocked" for row in list_blocked(session) if row.blocked_by is None]
    other = {"X-Forwarded-For": "203.0.113.9"}
    status = run.arena.send_json("GET", "/api/v1/info", source=run.source, headers=other).status
    return blocked + [f"another client of the proxy is answered {status}"] * (status != 200)


def _acked_is_stored(run: Run, _: str) -> list[str]:
    kept = [json.loads(answer.body) for answer in run.answers if answer.status == 201]
    messages = sum("message_data" in answer for answer in kept)
    stored = {table: sum(line.startswith(f"{table} got") for line in run.changes) for table in ("messages", "files")}
    problems = [f"{messages} messages acknowledged, {stored['messages']} stored"] * (messages != stored["messages"])
    files = len(kept) - messages
    problems += [f"{files} files acknowledged, {stored['files']} stored"] * (files != stored["files"])
    return problems + media.leftovers(run)


def _one_row(run: Run, _: str) -> list[str]:
    wanted = int(run.measured["wanted"])
    stored = sum(line.startswith("messages got") for line in run.changes)
    return [] if stored == wanted else [f"{wanted} messages were sent under keys of their own, {stored} stored"]


def _one_conversation(run: Run, wanted: str) -> list[str]:
    """That of alice and bob, however many began it."""
    words = run.arena.words
    both = (
        select(Participant.conversation_id)
        .where(Participant.actor_id.in_([words["alice_id"], words["bob_id"]]))
        .group_by(Participant.conversation_id)
        .having(func.count() == 2)
    )
    with run.arena.engine.connect() as connection:
        found = len(connection.execute(both).all())
    acked = [answer for answer in run.answers if answer.status == 201]
    stored = sum(line.startswith("messages got") for line in run.changes)
    lost = [f"{len(acked)} acknowledged, {stored} stored"] * (len(acked) != stored)
    return [f"{found} conversations"] * (found != int(wanted)) + lost + _apart(acked)


def _apart(acked: list[Answer]) -> list[str]:
    names = {json.loads(answer.body)["result"]["conversation_id"] for answer in acked}
    return [f"{len(names)} conversations were named"] * (len(names) != 1)


CHECKS: Final[Mapping[str, Callable[[Run, str], list[str]]]] = {
    "family_revoked": _family_revoked,
    "sessions_ended": _sessions_alone,
    "indistinguishable": _indistinguishable,
    r"attempts_evaluated<=(\d+)": _attempts,
    r"lookups<=(\d+)": _lookups,
    r"joins=(\d+)": _joins,
    r"accounts=(\d+)": _one_account,
    "shared_bucket": _shared_bucket,
    "proxy_ip_not_blocked": _proxy_is_open,
    "acked==stored": _acked_is_stored,
    "idempotent:1_row": _one_row,
    r"dm_channels=(\d+)": _one_conversation,
}
