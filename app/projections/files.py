"""Writes of files: contents, who put them there, and which messages carry them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Select, delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.db import row_count, upsert
from app.errors import ConflictError
from app.insertion import insert_rows
from app.models import Attachment, Blob, File, Message
from app.projections.actors import hold
from app.queries.files import parse_address, require_room
from app.queries.parts import in_parts

ATTACHMENTS = "attachments"
IS_UNATTACHED: Final = ~exists().where(Attachment.file_id == File.id)


class NewBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A content that is in the store. `thumbnail` is another one: the same picture, small."""

    digest: str
    size: int
    media_type: str
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    thumbnail: NewBlob | None = None


class NewFile(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    blob: NewBlob
    owner_id: str
    directory: str
    filename: str
    is_public: bool = False


def add(session: Session, new: Sequence[NewFile], *, now: datetime) -> None:
    """Files of one owner, whose uploads wait for each other's ends. Raises InvalidInputError beyond the quota."""
    if not new:
        return
    hold(session, new[0].owner_id)
    require_room(session, new[0].owner_id, sum(file.blob.size for file in new))
    for file in new:
        _put_blob(session, file.blob, now=now)
    rows = [
        {
            "id": file.id,
            "digest": file.blob.digest,
            "owner_id": file.owner_id,
            "directory": file.directory,
            "filename": file.filename,
            "is_public": file.is_public,
            "created_at": now,
        }
        for file in new
    ]
    insert_rows(session, File, rows)


def attach(session: Session, message_id: str, file_ids: Sequence[str]) -> None:
    """In that order. Raises IntegrityError where one of the files is gone."""
    if not file_ids:
        return
    rows = [
        {"message_id": message_id, "file_id": file_id, "position": position}
        for position, file_id in enumerate(file_ids)
    ]
    insert_rows(session, Attachment, rows)


def remove(session: Session, file_ids: Iterable[str]) -> None:
    """The rows; the contents go with the clean-up, if nobody else has them."""
    session.execute(delete(File).where(File.id.in_(list(file_ids))))


def lock(session: Session, which: ColumnElement[bool]) -> Sequence[tuple[str, str]]:
    """Ids and digests of the files. Whoever is about to attach one, or to show it, waits for the end of this
    transaction; of those who did so before, the next statement sees it, and no earlier one."""
    held = select(File.id, File.digest).where(which).order_by(File.id).with_for_update()
    return [(id_, digest) for id_, digest in session.execute(held)]


def hold_picture(session: Session, digest: str) -> None:
    """Nobody takes the public file away before the end of this transaction. Raises ConflictError where it is gone."""
    held = select(File.id).where(File.digest == digest, File.is_public).with_for_update(read=True, key_share=True)
    if not session.scalars(held).all():
        raise ConflictError("The picture was taken away at the same moment. Try again.")


def remove_unattached(session: Session, file_id: str) -> bool:
    """Whether no message carries it, which for certain is true of one that is locked."""
    unattached = delete(File).where(File.id == file_id, IS_UNATTACHED)
    return row_count(session.execute(unattached.execution_options(synchronize_session=False))) > 0


def keep_of_message(session: Session, message_id: str, urls: Collection[str], *, origin: str) -> None:
    """Of the files that a message carries, those at these addresses; the others go as if the message did."""
    rows = session.execute(
        select(File.id, File.digest)
        .join(Attachment, Attachment.file_id == File.id)
        .where(Attachment.message_id == message_id)
    ).all()
    shown = [parse_address(url, origin) for url in urls] if rows else []
    named = {name for address in shown if address is not None for name in (address.id, address.digest)}
    kept = [id_ for id_, digest in rows if id_ in named or digest in named]
    if len(kept) < len(rows):
        remove_of_messages(session, select(Message.id).where(Message.id == message_id), keeping=kept)


def remove_of_messages(session: Session, message_ids: Select[str], *, keeping: Collection[str] = ()) -> None:
    """The files that these messages alone carry, but not those of `keeping` (ids). What was uploaded for something else
    too stays, no longer attached."""
    is_theirs = Attachment.message_id.in_(message_ids) & Attachment.file_id.not_in(keeping)
    carried = select(Attachment.file_id).where(is_theirs)
    if lock(session, File.id.in_(carried) & (File.directory == ATTACHMENTS)):
        other = aliased(Attachment)
        is_elsewhere = exists().where(other.file_id == Attachment.file_id, other.message_id.not_in(message_ids))
        only_carried = delete(File).where(File.id.in_(carried.where(~is_elsewhere)), File.directory == ATTACHMENTS)
        session.execute(only_carried.execution_options(synchronize_session=False))
    session.execute(delete(Attachment).where(is_theirs).execution_options(synchronize_session=False))


def remove_all_of(session: Session, owner_id: str) -> None:
    for part in in_parts(session, File.owner_id == owner_id, along=File.id):
        session.execute(delete(File).where(part), execution_options={"synchronize_session": False})


def remove_blob(session: Session, digest: str) -> None:
    session.execute(delete(Blob).where(Blob.digest == digest))


def lock_blob(session: Session, digest: str, *, now: datetime) -> bool:
    """Have whoever is about to use the content wait for the end of this transaction, and tell whether nobody uses it.

    There is a row afterwards, if there was none.
    """
    row = upsert(session, Blob).values(digest=digest, size=0, media_type="", created_at=now)
    session.execute(row.on_conflict_do_nothing())
    session.execute(select(Blob.digest).where(Blob.digest == digest).with_for_update())
    is_used = or_(exists().where(File.digest == digest), exists().where(Blob.thumbnail == digest))
    return not session.scalar(select(is_used))


def _put_blob(session: Session, blob: NewBlob, *, now: datetime) -> None:
    """What is there is as young again as if it were new, so that no clean-up takes it for forgotten."""
    if blob.thumbnail is not None:
        _put_blob(session, blob.thumbnail, now=now)
    values = {
        "digest": blob.digest,
        "size": blob.size,
        "media_type": blob.media_type,
        "width": blob.width,
        "height": blob.height,
        "blurhash": blob.blurhash,
        "thumbnail": blob.thumbnail.digest if blob.thumbnail else None,
        "created_at": now,
    }
    session.execute(
        upsert(session, Blob).values(values).on_conflict_do_update(index_elements=["digest"], set_={"created_at": now})
    )
