"""Reads of who has a socket in any process of this installation."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Presence


def list_present(session: Session) -> set[str]:
    return set(session.scalars(select(Presence.actor_id)))
