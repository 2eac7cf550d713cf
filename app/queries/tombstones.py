"""Reads of tombstones."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.models import Tombstone

# Built once, because building a statement takes longer than running it.
_BY_URI = select(Tombstone).where(Tombstone.uri == bindparam("uri"))


def find_tombstone(session: Session, uri: str | None) -> Tombstone | None:
    return session.scalar(_BY_URI, {"uri": uri}) if uri else None
