"""The clean-up: files that nothing shows any more, and contents that nobody has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Final, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from app.db import reading, transaction
from app.models import Blob, File
from app.projections import audit, files
from app.queries.files import is_picture_of_somebody
from app.queries.viewers import Viewer
from app.services.storage import store

GRACE: Final = timedelta(hours=1)
"""How long a content without an owner is left alone: it may be on its way to one."""

UNUSED: Final = timedelta(days=1)
"""How long a file waits for the message or the actor that it was uploaded for."""

_BATCH: Final = 200

T = TypeVar("T")


def clean_up(now: datetime | None = None, *, directory: str | None = None, by: Viewer | None = None) -> int:
    """Take away what is nobody's; returns how many files and contents. It may run at any time, twice at once too.

    With `directory`, of files only those of that directory. Raises UnavailableError when store or database is away.
    """
    now = now or datetime.now(UTC)
    removed = sum(
        _remove_unused(name, now) for name in ("attachments", "avatars", "banners") if directory in (None, name)
    )
    removed += sum(_remove_content(digest, now) for digest in _giving_way(_list_ownerless(now)))
    store().sweep(before=now - GRACE)
    if by is not None:
        with transaction() as session:
            audit.note(session, "files_cleaned_up", actor_id=by.actor_id, now=now, removed=removed)
    return removed


def _giving_way(things: Iterable[T]) -> Iterator[T]:
    """They may be very many, and nobody else in a web process has a turn while SQLite is asked about one."""
    for thing in things:
        yield thing
        sleep(0)


def _remove_unused(directory: str, now: datetime) -> int:
    """Files of no message, and pictures that nobody shows."""
    is_old = (File.directory == directory) & (File.created_at < now - UNUSED)
    with reading() as session:
        found = session.execute(select(File.id, File.digest).where(is_old, files.IS_UNATTACHED).order_by(File.id)).all()
        unused = [id_ for id_, digest in _giving_way(found) if not _is_shown(session, directory, digest)]
    return sum(_remove_file(id_, directory) for id_ in _giving_way(unused))


def _remove_file(id_: str, directory: str) -> bool:
    """Whether it was still unused: asked while nobody can begin to use it."""
    with transaction() as session:
        held = files.lock(session, File.id == id_)
        is_shown = any(_is_shown(session, directory, digest) for _, digest in held)
        return not is_shown and files.remove_unattached(session, id_)


def _is_shown(session: Session, directory: str, digest: str) -> bool:
    return directory != files.ATTACHMENTS and is_picture_of_somebody(session, digest)


def _list_ownerless(now: datetime) -> Iterator[str]:
    """Contents that have a row and no file, then those in the store that have no row."""
    parent, last = aliased(Blob), ""
    while True:
        with reading() as session:
            digests = session.scalars(
                select(Blob.digest)
                .where(Blob.digest > last, Blob.created_at < now - GRACE)
                .where(~exists().where(File.digest == Blob.digest), ~exists().where(parent.thumbnail == Blob.digest))
                .order_by(Blob.digest)
                .limit(_BATCH)
            ).all()
        yield from digests
        if len(digests) < _BATCH:
            break
        last = digests[-1]
    for content in _giving_way(store().list_contents(before=now - GRACE)):
        with reading() as session:
            is_known = session.scalar(select(exists().where(Blob.digest == content.digest)))
        if not is_known:
            yield content.digest


def _remove_content(digest: str, now: datetime) -> bool:
    """Whether it was still nobody's. The store forgets it while whoever is about to use it waits for our commit, and
    with SQLite every other writer, too; so a store that is away is found out before."""
    is_there = store().has(digest)
    with transaction() as session:
        if not files.lock_blob(session, digest, now=now):
            return False
        if is_there:
            store().delete(digest)
        files.remove_blob(session, digest)
    return True
