"""Whom a client means: an id, a name, a handle or an actor's URI (contracts/pufferblow.md, 6)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from activitypub.errors import ActivityPubError, MalformedDocumentError
from activitypub.webfinger import parse_handle
from app.actions.handles import resolve_handle
from app.db import reading
from app.errors import InvalidInputError, NotFoundError
from app.queries.actors import PEOPLE, find_actor, find_by_id, find_local, find_remote
from app.queries.viewers import Viewer
from app.settings import current
from app.web.admission import waiting
from app.web.limiting import count_asking


def find_known(text: str) -> Any | None:
    """The actor, if this server knows one by that; no other server is asked.

    Of ours, people alone: a channel may be private, and then nobody is told by its name, its id or its URI that it is
    there.
    """
    with reading() as session:
        found = find_by_id(session, text) or find_local(session, text) or find_actor(session, text)
        found = found or _find_by_handle(session, text)
    if found is None or found.deleted_at is not None or (found.is_local and not is_person(found)):
        return None
    return found


def resolve(viewer: Viewer, text: str) -> Any:
    """The actor, known or fetched from its home. Raises InvalidInputError when there is none, TooManyRequestsError for
    who has others be asked for very many."""
    known = find_known(text)
    if known is not None:
        return known
    count_asking(viewer)
    try:
        with waiting():
            return resolve_handle(text)
    except (ActivityPubError, NotFoundError) as error:
        reason = error.public if isinstance(error, ActivityPubError) else error.message
        raise InvalidInputError(f"Failed to resolve remote actor from handle '{text}': {reason}") from error


def is_person(actor: Any) -> bool:
    return actor.type in PEOPLE


def check_person(actor: Any) -> None:
    if not is_person(actor):
        raise InvalidInputError("A direct message goes to a person.")


def _find_by_handle(session: Session, text: str) -> Any | None:
    try:
        handle = parse_handle(text)
    except MalformedDocumentError:
        return None
    if handle.host == current().host:
        return find_local(session, handle.user)
    return find_remote(session, handle.user, handle.host)
