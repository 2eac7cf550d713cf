"""Writes of other servers' rows, as far as anybody writes them who must have one first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import upsert
from app.models import Host


def ensure_host(session: Session, host: str, *, now: datetime) -> None:
    """The row of a host that was never heard of, as of one that is up."""
    if session.scalar(select(Host.host).where(Host.host == host)) is None:
        session.execute(upsert(session, Host).values(host=host, created_at=now).on_conflict_do_nothing())
