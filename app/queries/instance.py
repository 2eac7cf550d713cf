"""Reads of what this server is as a whole."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from activitypub.words import words_of
from app.errors import UnavailableError
from app.models import Actor, Space


class Instance(msgspec.Struct, frozen=True):
    """What the server is to people: its home space, whose summary is given as plain text."""

    id: str
    name: str
    description: str
    icon_url: str | None
    image_url: str | None
    created_at: datetime


def get_instance(session: Session) -> Instance:
    """Raises UnavailableError on a database that was never set up."""
    home = session.scalar(select(Actor).join(Space, Space.actor_id == Actor.id).where(Space.is_home))
    if home is None:
        raise UnavailableError("This server is not set up yet.")
    return Instance(
        id=home.id,
        name=home.name,
        description=words_of(home.summary),
        icon_url=home.icon_url,
        image_url=home.image_url,
        created_at=home.created_at,
    )
