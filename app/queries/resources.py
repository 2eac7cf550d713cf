"""Reads for WebFinger: which of our actors a resource names, as far as strangers may know."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.ids import INSTANCE_ID
from app.models import Actor, FormerName
from app.queries.visibility import is_private_channel
from app.uris import Uris


def find_by_uri(session: Session, uris: Uris, uri: str) -> Actor | None:
    actor_id = INSTANCE_ID if uri == uris.instance else uris.local_id(uri)
    return session.scalar(select(Actor).where(Actor.id == (actor_id or ""), *_open_to_strangers()))


def find_by_name(session: Session, name: str) -> Actor | None:
    """A handle of before leads to the actor under its new one."""
    renamed = select(FormerName.actor_id).where(FormerName.local_name == name.lower())
    is_it = or_(Actor.local_name == name.lower(), Actor.id.in_(renamed))
    return session.scalar(select(Actor).where(is_it, *_open_to_strangers()))


def _open_to_strangers() -> tuple[ColumnElement[bool], ...]:
    """A private channel is not there, and neither is its handle."""
    return Actor.host.is_(None), Actor.deleted_at.is_(None), ~is_private_channel(Actor.id)
