"""Keeping prepared files: the store first, the rows after, so that no row ever tells of bytes that are not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app import failpoints
from app.actions.files.preparing import Prepared
from app.db import reading
from app.queries.files import require_room
from app.services.storage import store


@contextmanager
def kept(prepared: Sequence[Prepared]) -> Iterator[None]:
    """The block commits the rows; when it is over, rows and contents are there, or it raises.

    A clean-up may have taken a content away, as nobody's, between our putting it there and our commit. It waits for
    rows that are being written and so sees them from then on: what is there after the commit stays.
    """
    contents = {digest: file for one in prepared for digest, file in one.contents.items()}
    here = store()
    for digest, file in contents.items():
        here.put(digest, file)
    failpoints.reach("upload.stored")
    yield
    for digest, file in contents.items():
        if not here.has(digest):
            here.put(digest, file)


def check_quota(owner_id: str, prepared: Sequence[Prepared]) -> None:
    """Before anything is stored; of what comes at the same moment, the transaction that writes the rows decides.

    Raises InvalidInputError.
    """
    with reading() as session:
        require_room(session, owner_id, sum(one.file.blob.size for one in prepared))
