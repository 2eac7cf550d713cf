"""Opening what is asked for: public things for everybody, others for those who prove that they may see them.

Who may not see a thing is answered as if it were not there: without a signature 404, with a wrong one 401 and with
somebody else's 404, whether it is hidden or never was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from sqlalchemy.orm import Session

from app.db import reading
from app.facades.federation.answers import NO_ACTOR, NO_DOCUMENT, missing
from app.ids import is_id
from app.queries.published import (
    OwnActivity,
    OwnActor,
    OwnMessage,
    find_own_activity,
    find_own_actor,
    find_own_message,
    may_read,
    may_see_actor,
)
from app.queries.viewers import Viewer
from app.web.signed import asking_viewer

ACTOR_PATH = "/ap/<any(users, channels, spaces):kind>/<id>"
_PREFIXES = {"users": "user_", "channels": "channel_", "spaces": "space_"}

Asker = Callable[[], Viewer | None]
T = TypeVar("T", OwnActor, OwnMessage, OwnActivity)


class Opened(msgspec.Struct, Generic[T], frozen=True):
    """What was asked for; `viewer` is who asked, known only where that mattered."""

    found: T
    viewer: Viewer | None

    @property
    def is_public(self) -> bool:
        return self.viewer is None


def open_actor(kind: str, id: str, *, asker: Asker = asking_viewer) -> Opened[OwnActor]:
    """Deleted ones too. Raises NotFoundError, and what `asker` raises; so do the others."""
    if not id.startswith(_PREFIXES[kind]):
        raise missing(NO_ACTOR)
    return _open(find_own_actor, may_see_actor, id, nothing=NO_ACTOR, asker=asker)


def open_living_actor(kind: str, id: str, *, asker: Asker = asking_viewer) -> Opened[OwnActor]:
    opened = open_actor(kind, id, asker=asker)
    if opened.found.actor.deleted_at is not None:
        raise missing(NO_ACTOR)
    return opened


def open_message(id: str) -> Opened[OwnMessage]:
    return _open(find_own_message, may_read, id, nothing=NO_DOCUMENT)


def open_activity(id: str) -> Opened[OwnActivity]:
    return _open(find_own_activity, may_read, id, nothing=NO_DOCUMENT)


def _open(
    find: Callable[[Session, str], T | None],
    may_see: Callable[[Session, Viewer, T], bool],
    id: str,
    *,
    nothing: str,
    asker: Asker = asking_viewer,
) -> Opened[T]:
    if not is_id(id):
        raise missing(nothing)
    with reading() as session:
        found = find(session, id)
    if found is not None and found.is_public:
        return Opened(found, None)
    # Verifying may take a fetch, so no session is held meanwhile.
    viewer = asker()
    with reading() as session:
        if viewer is None or found is None or not may_see(session, viewer, found):
            raise missing(nothing)
    return Opened(found, viewer)
