"""Reads for WebFinger: which of our actors a resource names, as far as strangers may know."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.ids import INSTANCE_ID
from app.models import Actor
from app.queries.visibility import is_private_channel
from app.uris import Uris


def find_by_uri(session: Session, uris: Uris, uri: str) -> Actor | None:
    actor_id = INSTANCE_ID if uri == uris.instance else uris.local_id(uri)
    return session.scalar(select(Actor).where(Actor.id == (actor_id or ""), *_open_to_strangers()))


def find_by_name(session: Session, name: str) -> Actor | None:
    return session.scalar(select(Actor).where(Actor.local_name == name.lower(), *_open_to_strangers()))


def _open_to_strangers() -> tuple[ColumnElement[bool], ...]:
    """A private channel is not there, and neither is its handle."""
    return Actor.host.is_(None), Actor.deleted_at.is_(None), ~is_private_channel(Actor.id)
