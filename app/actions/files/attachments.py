"""What a message carries: files that come with it, or that its author has uploaded before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from activitypub.documents import Activity
from app.actions.files.keeping import check_quota, kept
from app.actions.files.preparing import Prepared, Upload, prepare
from app.actions.files.rules import MAX_ATTACHMENTS, categories_of, max_message_bytes
from app.db import reading
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.pipeline import Draft, Outcome, find_first, submit
from app.projections.files import ATTACHMENTS, NewFile
from app.queries.files import NO_SUCH_FILE, StoredFile, list_at, parse_address
from app.queries.viewers import Viewer
from app.settings import MEGABYTE, current

Given = TypeVar("Given")


class Carried(msgspec.Struct, frozen=True):
    """Files for a message, in order: those that are new, and all of them as they will be."""

    prepared: tuple[Prepared, ...] = ()
    files: tuple[StoredFile, ...] = ()


def prepare_attachments(viewer: Viewer, uploads: Sequence[Upload]) -> Carried:
    """Look into what comes with a message; nothing is stored before `submit_carrying`.

    Raises ForbiddenError for whoever may not upload, InvalidInputError and UnsupportedMediaError for what may not be
    uploaded or is too much.
    """
    if not viewer.has("upload_files"):
        raise ForbiddenError("Access forbidden. Missing required privilege: upload_files.")
    _check_number(len(uploads))
    if sum(upload.size for upload in uploads) > max_message_bytes():
        raise InvalidInputError(f"Total attachment size exceeds maximum of {max_message_bytes() // MEGABYTE}MB")
    prepared = tuple(
        prepare(
            upload,
            owner_id=viewer.actor_id,
            directory=ATTACHMENTS,
            categories=categories_of(ATTACHMENTS),
            is_public=False,
        )
        for upload in uploads
    )
    check_quota(viewer.actor_id, prepared)
    now = datetime.now(UTC)
    return Carried(prepared, tuple(_as_stored(one.file, now) for one in prepared))


def get_attachments(viewer: Viewer, urls: Sequence[str]) -> Carried:
    """Files of one's own by their URLs here.

    Raises InvalidInputError for another server's URL, NotFoundError for what is not there or not one's own.
    """
    _check_number(len(urls))
    origin = current().origin
    files: list[StoredFile] = []
    with reading() as session:
        for url in urls:
            address = parse_address(url, origin)
            if address is None:
                raise InvalidInputError("An attachment is the URL of a file that you have uploaded to this server.")
            own = [file for file in list_at(session, address) if file.owner_id == viewer.actor_id]
            if not own:
                raise NotFoundError(NO_SUCH_FILE)
            files.append(own[0])
    return Carried(files=tuple(dict.fromkeys(files)))


def submit_carrying(
    viewer: Viewer,
    given: Sequence[Given],
    look_into: Callable[[Viewer, Sequence[Given]], Carried],
    compose: Callable[[Sequence[StoredFile]], Activity],
    *,
    idempotency_key: str | None,
    request_digest: str | None,
) -> Outcome:
    """Files, message and activity in one transaction; `look_into` is one of the two above, for what is `given`.

    The files of a request that is repeated are here already, so it is answered before anything is said about them.
    Raises what `submit` and `look_into` raise, and UnavailableError.
    """
    if not given:
        draft = Draft(viewer.uri, lambda: compose(()))
        return submit(draft, idempotency_key=idempotency_key, request_digest=request_digest)
    first = find_first(viewer.uri, idempotency_key, request_digest)
    if first is not None:
        return first
    carried = look_into(viewer, given)
    activity = compose(carried.files)  # Before a file is kept: who may not write there leaves none.
    private = {
        "new_files": [one.file for one in carried.prepared],
        "attached": [file.id for file in carried.files],
    }
    with kept(carried.prepared):
        return submit(activity, private=private, idempotency_key=idempotency_key, request_digest=request_digest)


def _check_number(number: int) -> None:
    if number > MAX_ATTACHMENTS:
        raise InvalidInputError(f"Too many attachments. Limit: {MAX_ATTACHMENTS}")


def _as_stored(file: NewFile, now: datetime) -> StoredFile:
    blob = file.blob
    return StoredFile(
        id=file.id,
        digest=blob.digest,
        size=blob.size,
        media_type=blob.media_type,
        width=blob.width,
        height=blob.height,
        blurhash=blob.blurhash,
        thumbnail=blob.thumbnail.digest if blob.thumbnail else None,
        thumbnail_size=blob.thumbnail.size if blob.thumbnail else None,
        owner_id=file.owner_id,
        directory=file.directory,
        filename=file.filename,
        is_public=file.is_public,
        created_at=now,
    )
