"""Reads of what we have noted of other servers."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.insertion import LOOKS_ELSEWHERE
from app.models import Host
from app.queries.deliveries import UP

# Built once, because building a statement takes longer than running it.
_NOT_UP = select(Host.host, Host.state).where(Host.host.in_(bindparam("hosts", expanding=True)), Host.state != UP)


def find_states(session: Session, hosts: Collection[str]) -> dict[str, str]:
    """The state of each of the hosts; one that we know nothing of is taken to be up."""
    noted = session.execute(_NOT_UP, {"hosts": list(hosts)}, execution_options=LOOKS_ELSEWHERE)
    return dict.fromkeys(hosts, UP) | {row.host: row.state for row in noted}
