"""Reads of what we have noted of other servers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, cast, null, select, union_all
from sqlalchemy.orm import Session

from app.db import rows_of
from app.insertion import LOOKS_ELSEWHERE
from app.models import Host
from app.queries.deliveries import HELD_ANSWERS, UP

# Built once, because building a statement takes longer than running it; and one, because a round trip does, too.
_held = HELD_ANSWERS.subquery()
_NOT_UP_OR_HELD = union_all(
    select(Host.host, Host.state, cast(null(), _held.c.due_at.type)).where(
        Host.host.in_(bindparam("hosts", expanding=True)), Host.state != UP
    ),
    select(_held.c.host, null(), _held.c.due_at),
).execution_options(**LOOKS_ELSEWHERE)


def find_states(
    session: Session, hosts: Collection[str], *, sender_id: str, now: datetime
) -> tuple[dict[str, str], dict[str, datetime]]:
    """The state of each of the hosts, one that we know nothing of being up, and when the sender's answers that still
    wait for their first attempt are due, the last of them for each host."""
    values = {"hosts": list(hosts), "sender_id": sender_id, "now": now}
    # Answers are sent to the database at once, and other servers noted in transactions of their own.
    rows = rows_of(session, _NOT_UP_OR_HELD, values)
    states = {host: state for host, state, due_at in rows if due_at is None}
    held = {host: due_at for host, _, due_at in rows if due_at is not None}
    return dict.fromkeys(hosts, UP) | states, held
