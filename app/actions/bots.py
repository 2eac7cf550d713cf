"""Bots: accounts that somebody makes and owns, and that sign in nowhere."""

from __future__ import annotations

from typing import Final

from activitypub.documents import Activity
from app.actions.accounts import check_free
from app.db import reading
from app.errors import ConflictError, ForbiddenError, InvalidInputError
from app.pipeline import Made, compose, submit
from app.pipeline.submit import Draft
from app.projections.accounts import NO_HASH
from app.queries.accounts import NAME_TAKEN, is_name_taken
from app.queries.actors import is_blocked
from app.queries.spaces import list_bots_of
from app.queries.viewers import Viewer
from app.settings import current
from app.uris import Uris

MAX_BOTS: Final = 25


def make_bot(
    viewer: Viewer, username: str, *, idempotency_key: str | None = None, request_digest: str | None = None
) -> Made:
    """A new account of the viewer's: by the same key it is the same one.

    Raises ForbiddenError for who is of another server, InvalidInputError for a name that it cannot have, ConflictError
    for too many, ReusedKeyError.
    """
    if not viewer.is_local:
        raise ForbiddenError("Bots are made by people of this server.")
    uris = Uris(current().origin)
    outcome = submit(
        Draft(uris.instance, lambda: _creation(viewer, username)),
        private={"password_hash": NO_HASH, "bot_owner_id": viewer.actor_id},
        # The instance does it for everybody: one person's key is not another's.
        idempotency_key=f"{viewer.actor_id} {idempotency_key}" if idempotency_key else None,
        request_digest=request_digest,
    )
    bot_id = uris.local_id(outcome.found["object_uri"]) if outcome.is_repeat else outcome.found["actor_id"]
    return Made(str(bot_id), outcome.is_repeat)


def check_recipient(viewer: Viewer, owner_id: str) -> None:
    """Whether somebody takes a bot from the viewer. Raises ForbiddenError for who blocks the viewer, ConflictError for
    who owns as many as anybody may."""
    with reading() as session:
        if is_blocked(session, by=owner_id, actor_id=viewer.actor_id):
            raise ForbiddenError("This person takes nothing from you.")
    _check_room(owner_id)


def _check_room(owner_id: str) -> None:
    """Raises ConflictError."""
    with reading() as session:
        if len(list_bots_of(session, owner_id)) >= MAX_BOTS:
            raise ConflictError(f"Nobody owns more than {MAX_BOTS} bots.")


def _creation(viewer: Viewer, username: str) -> Activity:
    """Raises InvalidInputError, ConflictError."""
    _check_room(viewer.actor_id)
    with reading() as session:
        taken = is_name_taken(session, username)
    try:
        check_free(username, taken=taken, is_owner=False)
    except ConflictError as error:
        raise InvalidInputError(NAME_TAKEN) from error
    return compose.account(username, type_="Service")
