"""Making accounts and signing in to them."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from app.actions.passwords import hash_password, is_password
from app.actions.tokens import TokenPair, open_session
from app.db import reading, transaction
from app.effects.create.person import FULL
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnauthenticatedError
from app.ids import is_id
from app.pipeline import compose, submit
from app.process import prepare
from app.projections import audit
from app.queries.accounts import (
    BANNED,
    NAME_TAKEN,
    WRONG_PASSWORD,
    Credentials,
    find_credentials,
    has_accounts,
    is_full,
    is_name_taken,
    look_of,
    require_same_password,
)
from app.queries.server_settings import server_settings
from app.queries.viewers import Viewer
from app.settings import Settings

# A full stop or a hyphen at its end is not part of a mention, and Misskey refuses actors that have one there.
USERNAME = r"^[A-Za-z0-9_]([A-Za-z0-9._-]{0,30}[A-Za-z0-9_])?$"
MAX_PASSWORD_LENGTH = 1024

PRIVATE = "This server is private. Ask its staff for an account."
NO_SUCH_USERNAME = (
    "The provided username does not exist or could not be found. "
    "Please make sure you have entered a valid username and try again."
)

# Names that speak for the server, or that an address or a mention means something else by.
# fmt: off
_RESERVED = frozenset({
    "0", "abuse", "api", "by-name", "by-time", "channel", "channels", "everyone", "help", "here", "hostmaster", "inbox",
    "info", "instance", "moderator", "null", "outbox", "postmaster", "root", "security", "server", "shoal", "support",
    "system", "undefined", "webmaster",
})
# fmt: on
_FOR_THE_OWNER = frozenset({"admin", "administrator", "owner"})
_LOOKS = frozenset(
    look_of(name) for word in _RESERVED | _FOR_THE_OWNER for name in (word, word.upper()) if len(word) > 1
)


def sign_up(username: str, password: str, *, invited_by: Viewer | None = None) -> TokenPair:
    """Make an account and sign in to it. Raises what `create_account` does."""
    actor_id = create_account(username, password, invited_by=invited_by)
    with transaction() as session:
        return open_session(session, actor_id)


def create_account(username: str, password: str, *, invited_by: Viewer | None = None) -> str:
    """Make an account; on an empty server it becomes the owner's. Returns the actor's id.

    On a private server whoever may create users makes the accounts of all others. Raises InvalidInputError for a name
    or password nobody may have, ConflictError for a name this one cannot have, ForbiddenError where there is no place.
    """
    check_name(username)
    check_password(password)
    with reading() as session:
        if has_accounts(session):
            _check_place(session, invited_by)
        # Asked before the costly hash; the pipeline asks again, though of the very name alone.
        check_free(username, taken=is_name_taken(session, username), is_owner=not has_accounts(session))
    return _register(username, hash_password(password))


def create_owner(settings: Settings, *, username: str, password: str) -> None:
    """Make the first account, the owner's, in a process of its own.

    Raises ConflictError when there is one already, InvalidInputError for a name or password nobody may have.
    """
    prepare(settings)
    check_name(username)
    check_password(password)
    with reading() as session:
        if has_accounts(session):
            raise ConflictError("This server has an owner already.")
    _register(username, hash_password(password))


def sign_in(username: str, password: str) -> TokenPair:
    """Open a login session. Raises what `prove` does."""
    proved = prove(username, password)
    with transaction() as session:
        require_same_password(session, proved)
        audit.note(session, "user_signed_in", actor_id=proved.actor_id)
        return open_session(session, proved.actor_id)


def prove(username: str, password: str) -> Credentials:
    """Whose password it is now. Whether a name exists cannot be told from the time this takes.

    Raises NotFoundError for the name, UnauthenticatedError for the password, ForbiddenError for a banned account.
    """
    with reading() as session:
        credentials = find_credentials(session, username)
    is_right = is_password(password, credentials.password_hash if credentials else None)
    if credentials is None:
        raise NotFoundError(NO_SUCH_USERNAME)
    if not is_right:
        raise UnauthenticatedError(WRONG_PASSWORD)
    if credentials.is_banned:
        raise ForbiddenError(BANNED)
    return credentials


def check_name(username: str) -> None:
    """Raises InvalidInputError for what no name can be."""
    if not re.fullmatch(USERNAME, username):
        raise InvalidInputError(
            "A username has 1 to 32 letters (A to Z), digits, dots, hyphens and underscores, "
            "and begins and ends with a letter, a digit or an underscore."
        )


def check_password(password: str) -> None:
    """Raises InvalidInputError."""
    if not 1 <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidInputError(f"A password has 1 to {MAX_PASSWORD_LENGTH} characters.")


def check_free(username: str, *, taken: bool, is_owner: bool) -> None:
    """Raises ConflictError for a name that is taken, is read as one, or is kept for the owner or for nobody."""
    name = username.lower()
    if is_owner and not taken and name in _FOR_THE_OWNER:
        return
    # An id of ours is long enough for a name, and routes that take either would find the wrong one.
    if taken or name in _RESERVED or look_of(username) in _LOOKS or is_id(name):
        raise ConflictError(NAME_TAKEN)


def _check_place(session: Session, invited_by: Viewer | None) -> None:
    if server_settings().is_private and (invited_by is None or not invited_by.has("create_users")):
        raise ForbiddenError(PRIVATE)
    if is_full(session):
        raise ForbiddenError(FULL)


def _register(username: str, password_hash: str) -> str:
    """Have the instance create the person; returns the actor's id."""
    outcome = submit(compose.account(username), private={"password_hash": password_hash})
    return str(outcome.found["actor_id"])
