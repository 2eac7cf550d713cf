"""The home space, which is the server itself as a place."""

from typing import Final

from sqlalchemy import ScalarSelect, select

from app.models import Space

HOME_ID: Final[ScalarSelect[str]] = select(Space.actor_id).where(Space.is_home).scalar_subquery()
