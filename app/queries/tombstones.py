"""Reads of tombstones."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Tombstone


def find_tombstone(session: Session, uri: str | None) -> Tombstone | None:
    return session.scalar(select(Tombstone).where(Tombstone.uri == uri)) if uri else None
