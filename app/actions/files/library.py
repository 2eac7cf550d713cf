"""Somebody's files as such: put up, looked up, taken down."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

from app.actions.files.keeping import check_quota, kept
from app.actions.files.preparing import Upload, prepare, prepare_portrait
from app.actions.files.rules import categories_of
from app.db import reading, transaction
from app.errors import AppError, ForbiddenError, InsufficientScopeError, InvalidInputError, NotFoundError
from app.models import File
from app.projections import audit, files
from app.queries.files import (
    DIRECTORIES,
    NO_SUCH_FILE,
    PRIVATE_DIRECTORIES,
    Address,
    StoredFile,
    find_same,
    is_picture_of_somebody,
    list_at,
    list_own,
    may_see_file,
    parse_address,
)
from app.queries.scopes import Scope
from app.queries.viewers import Viewer
from app.settings import current

OverAll = Literal["delete_files", "manage_storage"]
"""What makes everybody's files somebody's business."""

_SCOPE_OVER_ALL: Final[Scope] = "instance:modify"
_PORTRAITS = frozenset({"avatars", "banners"})
_OF_THE_STAFF = frozenset({"config"})
IN_USE = "Cannot delete this file as it is currently used as a user or server avatar/banner."


def upload(viewer: Viewer, given: Upload, directory: str) -> tuple[StoredFile, bool]:
    """Store a file; whether the same person had the same content there before, which is then what is returned.

    Raises InvalidInputError and UnsupportedMediaError for what may not be uploaded, ForbiddenError for a directory of
    the staff's, UnavailableError where the store is full.
    """
    if directory not in DIRECTORIES:
        raise InvalidInputError(f"Invalid directory. Allowed: {', '.join(DIRECTORIES)}")
    if directory in _OF_THE_STAFF and not viewer.has("manage_storage"):
        raise ForbiddenError("Access forbidden. Missing required privilege: manage_storage.")
    if directory in _PORTRAITS:
        prepared = prepare_portrait(given, owner_id=viewer.actor_id, directory=directory)
    else:
        prepared = prepare(
            given,
            owner_id=viewer.actor_id,
            directory=directory,
            categories=categories_of(directory),
            is_public=directory not in PRIVATE_DIRECTORIES,
        )
    with reading() as session:
        same = find_same(session, owner_id=viewer.actor_id, digest=prepared.file.blob.digest, directory=directory)
    if same is not None:
        return same, True
    check_quota(viewer.actor_id, [prepared])
    now = datetime.now(UTC)
    with kept([prepared]), transaction() as session:
        files.add(session, [prepared.file], now=now)
        audit.note(session, "file_upload", actor_id=viewer.actor_id, target=prepared.file.id, directory=directory)
    with reading() as session:
        return list_own(session, viewer.actor_id, [prepared.file.id])[0], False


def is_over_all(viewer: Viewer, privilege: OverAll) -> bool:
    """Whether other people's files are the viewer's business, in a session that is not limited to its person's own."""
    return viewer.has(privilege) and viewer.is_allowed(_SCOPE_OVER_ALL)


def find(viewer: Viewer, url: str) -> StoredFile:
    """A file that the viewer may see, by its address; the staff of the storage sees all.

    Raises InvalidInputError for what is no address of ours, NotFoundError, InsufficientScopeError for what the staff
    sees in a session with fewer limits.
    """
    address = _address(url)
    with reading() as session:
        for file in list_at(session, address):
            if is_over_all(viewer, "manage_storage") or may_see_file(session, viewer, file):
                return file
    raise _refusal(viewer, "manage_storage")


def delete(viewer: Viewer, url: str) -> None:
    """One's own file, or with `delete_files` anybody's. The content goes with the clean-up, if nobody else has it.

    Raises InvalidInputError for what is no address of ours, NotFoundError for what is not there or not the viewer's to
    delete, InsufficientScopeError where a session with fewer limits might, ForbiddenError for a picture that somebody
    shows.
    """
    address = _address(url)
    now = datetime.now(UTC)
    with transaction() as session:
        is_staff = is_over_all(viewer, "delete_files")
        found = [file for file in list_at(session, address) if is_staff or file.owner_id == viewer.actor_id]
        if not found:
            raise _refusal(viewer, "delete_files")
        files.lock(session, File.id.in_([file.id for file in found]))  # Nobody begins to show one now.
        if any(file.is_public and is_picture_of_somebody(session, file.digest) for file in found):
            raise ForbiddenError(IN_USE)
        files.remove(session, [file.id for file in found])
        for file in found:
            audit.note(session, "file_deleted", actor_id=viewer.actor_id, target=file.id, now=now, owner=file.owner_id)


def _address(url: str) -> Address:
    address = parse_address(url, current().origin)
    if address is None:
        raise InvalidInputError("file_url must be the URL of a file of this server.")
    return address


def _refusal(viewer: Viewer, privilege: OverAll) -> AppError:
    """The same whether there is a file that is somebody else's, or none."""
    if viewer.has(privilege) and not is_over_all(viewer, privilege):
        return InsufficientScopeError(_SCOPE_OVER_ALL)
    return NotFoundError(NO_SUCH_FILE)
