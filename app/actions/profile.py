"""An account changes what it is called, what it says of itself, how it signs in, and whether it is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from app.actions.accounts import check_free, check_name, check_password
from app.actions.passwords import hash_password, is_password
from app.actions.presence import StatusChange, normalise_status
from app.db import reading, transaction
from app.errors import InvalidInputError, UnauthenticatedError
from app.pipeline import compose, submit
from app.projections import accounts
from app.queries.accounts import WRONG_PASSWORD, Credentials, get_credentials, is_name_taken
from app.queries.viewers import Viewer

MAX_ABOUT = 2_000  # Characters.


class Access(TypedDict):
    """What `accounts.change_access` takes: the session that goes on when the password changes."""

    status: str | None
    password_hash: NotRequired[str]
    proved: NotRequired[Credentials]
    session_id: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class Changes:
    """None leaves what is; an empty `about` takes it away. A new password needs the old one."""

    username: str | None = None
    status: str | None = None
    new_password: str | None = field(default=None, repr=False)
    old_password: str | None = field(default=None, repr=False)
    about: str | None = None

    @property
    def names(self) -> Sequence[str]:
        """What is to change, as clients are told it, in the order that they know from the reference server."""
        given = {
            "username": self.username,
            "Status": self.status,
            "Password": self.new_password if self.old_password is not None else None,
            "About": self.about,
        }
        return [name for name, value in given.items() if value is not None]


def change(viewer: Viewer, changes: Changes) -> StatusChange | None:
    """All that was asked for, in one transaction; the status, if that was among it.

    Raises InvalidInputError where nothing or something impossible is asked for, ConflictError for a name that is
    taken, UnauthenticatedError for a wrong old password.
    """
    if not changes.names:
        raise InvalidInputError("No update payload was provided")
    _check(viewer, changes)
    access = _access(viewer, changes)
    if changes.username is None and changes.about is None:
        with transaction() as session:
            accounts.change_access(session, viewer.actor_id, now=datetime.now(UTC), **access)
    else:
        activity, described = compose.profile(viewer, username=changes.username, about=changes.about)
        submit(activity, private={**described, "access": access})
    return None if access["status"] is None else StatusChange(viewer.actor_id, access["status"])


def _check(viewer: Viewer, changes: Changes) -> None:
    if changes.new_password is not None and changes.old_password is None:
        raise InvalidInputError("old_password: required for a new one.")  # Or the rest of it would look like all of it.
    if changes.about is not None and len(changes.about) > MAX_ABOUT:
        raise InvalidInputError(f"about: too long. Limit: {MAX_ABOUT} characters")
    if changes.username is not None:
        check_name(changes.username)
        with reading() as session:
            taken = is_name_taken(session, changes.username, by=viewer.actor_id)
        check_free(changes.username, taken=taken, is_owner="owner" in viewer.roles)


def _access(viewer: Viewer, changes: Changes) -> Access:
    status = None if changes.status is None else normalise_status(changes.status)
    if changes.new_password is None or changes.old_password is None:
        return {"status": status}
    check_password(changes.new_password)
    with reading() as session:
        credentials = get_credentials(session, viewer.actor_id)
    if not is_password(changes.old_password, credentials.password_hash):
        raise UnauthenticatedError(WRONG_PASSWORD)
    return {
        "status": status,
        "password_hash": hash_password(changes.new_password),
        "proved": credentials,
        "session_id": viewer.session_id,
    }
