"""Reads of what this server is as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub import html
from app.errors import UnavailableError
from app.models import Actor, Space


@dataclass(frozen=True, slots=True)
class Instance:
    """What the server calls itself: its home space's name, and its summary as plain text."""

    name: str
    description: str


def get_instance(session: Session) -> Instance:
    """Raises UnavailableError on a database that was never set up."""
    row = session.execute(
        select(Actor.name, Actor.summary).join(Space, Space.actor_id == Actor.id).where(Space.is_home)
    ).one_or_none()
    if row is None:
        raise UnavailableError("This server is not set up yet.")
    return Instance(row.name, html.to_text(row.summary))
