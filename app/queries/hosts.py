"""Reads of what we have noted of other servers."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Host
from app.queries.deliveries import UP


def find_states(session: Session, hosts: Collection[str]) -> dict[str, str]:
    """The state of each of the hosts; one that we know nothing of is taken to be up."""
    noted = select(Host.host, Host.state).where(Host.host.in_(set(hosts)), Host.state != UP)
    return dict.fromkeys(hosts, UP) | {row.host: row.state for row in session.execute(noted)}
