"""Writes of what an admin decides about the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from activitypub import html
from activitypub.documents import ActorDocument
from app.db import upsert, wake
from app.ids import INSTANCE_ID
from app.models import Actor, Setting
from app.queries.home import HOME_ID
from app.queries.server_settings import NAMES, PREFIX


def put(session: Session, changes: Mapping[str, Any]) -> None:
    """Keep `changes`, by the names of `ServerSettings`, and have every process read them."""
    unknown = changes.keys() - NAMES
    if unknown:
        raise ValueError(f"not a setting: {', '.join(sorted(unknown))}")
    if not changes:
        return
    # In one order everywhere, so that two admins at once do not wait for each other.
    rows = [{"name": PREFIX + name, "value": changes[name]} for name in sorted(changes)]
    statement = upsert(session, Setting).values(rows)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
    session.execute(statement)
    wake(session, "settings")


def describe(session: Session, document: ActorDocument, *, now: datetime) -> None:
    """What the server says of itself: its own actor and its home space are one thing to people."""
    session.execute(
        update(Actor)
        .where((Actor.id == INSTANCE_ID) | (Actor.id == HOME_ID))
        .values(
            name=document.name.strip(),
            summary=html.sanitise(document.summary),
            icon_url=document.icon_url,
            image_url=document.image_url,
            updated_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    wake(session, "settings")
