"""Reads of files: by their addresses, by who put them there, and who may see one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from activitypub.attachments import Attachment
from app.errors import InvalidInputError, NotFoundError
from app.ids import is_id
from app.media.kinds import extension_for
from app.models import Account, Actor, Blob, Channel, File, Message, Participant
from app.models import Attachment as Attached
from app.queries.viewers import Viewer
from app.queries.visibility import Place, channel_is_visible, may_see, place_of_message
from app.sealing import is_link_key, link_key
from app.settings import MEGABYTE, current
from app.uris import Uris

NO_SUCH_FILE: Final = "File not found"
MAX_LISTED: Final = 500
DIRECTORIES: Final = (
    "attachments", "audio", "avatars", "banners", "config", "documents",
    "files", "gifs", "images", "stickers", "uploads", "videos",
)  # fmt: skip
PRIVATE_DIRECTORIES: Final = frozenset({"attachments", "config"})
"""What is uploaded there has no public address."""

_BY_DIGEST = re.compile(r"/storage/([0-9a-f]{64})")
_BY_ID = re.compile(r"(?:/api/v1/(?:cdn|storage)/file)?/?([a-z]+)/(file_[0-9a-z]{26})\.[a-z0-9]{1,12}")


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's file with its content. `thumbnail` is the digest and size of a small copy of a picture."""

    id: str
    digest: str
    size: int
    media_type: str
    width: int | None
    height: int | None
    blurhash: str | None
    thumbnail: str | None
    thumbnail_size: int | None
    owner_id: str
    directory: str
    filename: str
    is_public: bool
    created_at: datetime

    @property
    def path(self) -> str:
        """Unlike the content's, it is this file's alone."""
        return f"{self.directory}/{self.id}.{extension_for(self.media_type, self.filename)}"

    @property
    def url(self) -> str:
        """Its address for clients, relative to this server (contracts/pufferblow.md, 9)."""
        return f"/storage/{self.digest}" if self.is_public else f"/api/v1/storage/file/{self.path}"


class Use(NamedTuple):
    """The first message that carries a file, and its channel unless it is a direct one."""

    message_id: str
    channel_id: str | None
    channel_name: str | None


class ListedFile(msgspec.Struct, frozen=True):
    """A file as a list shows it, with whoever put it there and what it is used for, as far as the viewer sees it."""

    file: StoredFile
    uploader: str
    use: Use | None
    is_attached: bool
    is_picture_of_somebody: bool


class Address(msgspec.Struct, frozen=True):
    """Which file a URL of ours means: one of them by its id, or whichever has a content."""

    id: str | None = None
    digest: str | None = None


def parse_address(url: str, origin: str) -> Address | None:
    """Any of the three forms, with or without our origin, a query left aside; None for what is none of them."""
    path = url.removeprefix(origin).partition("?")[0]
    if match := _BY_DIGEST.fullmatch(path):
        return Address(digest=match[1])
    match = _BY_ID.fullmatch(path)
    return Address(id=match[2]) if match and match[1] in DIRECTORIES else None


def find_file(session: Session, path: str) -> StoredFile | None:
    """By what follows the prefix of its address."""
    directory, _, name = path.partition("/")
    id_ = name.partition(".")[0]
    if not id_.startswith("file_") or not is_id(id_):
        return None
    row = session.execute(_FILES.where(File.id == id_)).one_or_none()
    found = _stored(row) if row is not None else None
    return found if found is not None and found.path == path and found.directory == directory else None


def find_public(session: Session, digest: str) -> StoredFile | None:
    """One of those that make a content public, the first."""
    row = session.execute(_FILES.where(File.digest == digest, File.is_public).order_by(File.id).limit(1)).one_or_none()
    return _stored(row) if row is not None else None


def list_at(session: Session, address: Address) -> list[StoredFile]:
    """All files that an address means, the newest first."""
    which = File.id == address.id if address.id else File.digest == address.digest
    return [_stored(row) for row in session.execute(_FILES.where(which).order_by(File.id.desc()))]


def find_same(session: Session, *, owner_id: str, digest: str, directory: str) -> StoredFile | None:
    """The same content that somebody has put into the same directory before."""
    which = and_(File.owner_id == owner_id, File.digest == digest, File.directory == directory)
    row = session.execute(_FILES.where(which).order_by(File.id).limit(1)).one_or_none()
    return _stored(row) if row is not None else None


def list_own(session: Session, owner_id: str, file_ids: Sequence[str]) -> list[StoredFile]:
    """Those of somebody's files, in the order asked for. Raises NotFoundError if one is not theirs."""
    rows = session.execute(_FILES.where(File.id.in_(file_ids), File.owner_id == owner_id))
    found = {row.id: _stored(row) for row in rows}
    if not found.keys() >= set(file_ids):
        raise NotFoundError(NO_SUCH_FILE)
    return [found[id_] for id_ in file_ids]


def count_used_bytes(session: Session, owner_id: str) -> int:
    """What somebody's files take; a content they have twice counts twice."""
    used = select(func.sum(Blob.size)).join(File, File.digest == Blob.digest).where(File.owner_id == owner_id)
    return int(session.scalar(used) or 0)


def require_room(session: Session, owner_id: str, size: int) -> None:
    """Raises InvalidInputError where so many bytes more would be more than an account may have here."""
    quota = current().storage_quota
    if count_used_bytes(session, owner_id) + size > quota:
        raise InvalidInputError(f"Your files would take more than the {quota // MEGABYTE}MB that an account has here.")


def may_see_file(session: Session, viewer: Viewer | None, file: StoredFile, *, link_key: str | None = None) -> bool:
    """Whether the viewer, or whoever has the `link_key` that other servers are given, may have the content now."""
    if file.is_public or (link_key is not None and is_link_key(file.id, link_key)):
        return True
    if viewer is not None and viewer.is_local and viewer.actor_id == file.owner_id:
        return True
    return any(may_see(session, viewer, place) for place in _places(session, file.id))


def is_shown_to_everybody(session: Session, file: StoredFile) -> bool:
    return may_see_file(session, None, file)


def is_picture_of_somebody(session: Session, digest: str) -> bool:
    """Whether one of our actors shows the content as its picture."""
    return bool(session.scalar(select(exists().where(_shows(digest)))))


def list_files(
    session: Session, viewer: Viewer, *, owner_id: str | None, directory: str | None, origin: str, page: int, size: int
) -> list[ListedFile]:
    """Of one owner or of all, of one directory or of all, the newest first."""
    owner = aliased(Actor)
    icon = literal(f"{origin}/storage/") + File.digest
    rows = session.execute(
        _FILES.join(owner, owner.id == File.owner_id)
        .outerjoin(Account, Account.actor_id == owner.id)
        .add_columns(
            func.coalesce(Account.username, owner.preferred_username).label("uploader"),
            exists().where(Attached.file_id == File.id).correlate(File).label("is_attached"),
            exists()
            .where(Actor.host.is_(None), or_(Actor.icon_url == icon, Actor.image_url == icon))
            .correlate(File)
            .label("is_picture"),
        )
        .where(*[] if owner_id is None else [File.owner_id == owner_id])
        .where(*[] if directory is None else [File.directory == directory])
        .order_by(File.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    ).all()
    uses = _uses(session, viewer, [row.id for row in rows if row.is_attached])
    return [ListedFile(_stored(row), row.uploader, uses.get(row.id), row.is_attached, row.is_picture) for row in rows]


def list_directories(session: Session, owner_id: str | None) -> list[str]:
    """Those that have files."""
    found = select(File.directory).distinct().where(*[] if owner_id is None else [File.owner_id == owner_id])
    return sorted(session.scalars(found))


def as_attachments(files: Sequence[StoredFile], *, is_for_everybody: bool) -> list[Attachment]:
    """As a message says that it carries them. Where not everybody may see it, the URL holds a key: most servers fetch
    what is attached without saying who they are."""
    origin = current().origin
    return [
        Attachment(
            url=origin + _attached_path(file, is_for_everybody=is_for_everybody),
            media_type=file.media_type,
            name=file.filename,
            size=file.size,
            width=file.width,
            height=file.height,
            blurhash=file.blurhash or "",
        )
        for file in files
    ]


def _attached_path(file: StoredFile, *, is_for_everybody: bool) -> str:
    """The web client sends its token to /api/v1/storage/ alone (contracts/pufferblow.md, 9)."""
    if file.is_public:
        return file.url
    if is_for_everybody:
        return f"/api/v1/cdn/file/{file.path}"
    return f"/api/v1/storage/file/{file.path}?key={link_key(file.id)}"


def without_key(url: str) -> str:
    """The address of a file of ours for people, who have a token: the key opens it for whoever has it, and for as long
    as the file is there. Another server's is what it is."""
    return url.partition("?")[0] if url.startswith(f"{current().origin}/") else url


def storage_url(uris: Uris, digest: str) -> str:
    """Where everybody finds a public content."""
    return f"{uris.origin}/storage/{digest}"


_SMALL = aliased(Blob)
_FILES: Select[*tuple[object, ...]] = (
    select(
        File.id,
        File.digest,
        File.owner_id,
        File.directory,
        File.filename,
        File.is_public,
        File.created_at,
        Blob.size,
        Blob.media_type,
        Blob.width,
        Blob.height,
        Blob.blurhash,
        Blob.thumbnail,
        _SMALL.size.label("thumbnail_size"),
    )
    .join(Blob, Blob.digest == File.digest)
    .outerjoin(_SMALL, _SMALL.digest == Blob.thumbnail)
)


def _stored(row: Row[*tuple[object, ...]]) -> StoredFile:
    return StoredFile(**{name: getattr(row, name) for name in StoredFile.__struct_fields__})


def _places(session: Session, file_id: str) -> list[Place]:
    rows = session.execute(
        select(Message, Channel)
        .join(Attached, Attached.message_id == Message.id)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .where(Attached.file_id == file_id, Message.deleted_at.is_(None))
    )
    return [place_of_message(message, channel) for message, channel in rows]


def _uses(session: Session, viewer: Viewer, file_ids: Sequence[str]) -> dict[str, Use]:
    """By file, of the messages that the viewer sees the first."""
    if not file_ids:
        return {}
    talks = exists().where(
        Participant.conversation_id == Message.conversation_id, Participant.actor_id == viewer.actor_id
    )
    rows = session.execute(
        select(Attached.file_id, Message.id, Message.channel_id, Actor.name)
        .join(Message, Message.id == Attached.message_id)
        .outerjoin(Channel, Channel.actor_id == Message.channel_id)
        .outerjoin(Actor, Actor.id == Message.channel_id)
        .where(Attached.file_id.in_(file_ids), Message.deleted_at.is_(None))
        .where(or_(talks, channel_is_visible(viewer)))
        .order_by(Message.id.desc()),
        {"viewer_id": viewer.actor_id},
    )
    # The first message comes last, and stays.
    return {file_id: Use(message_id, channel_id, name) for file_id, message_id, channel_id, name in rows}


def _shows(digest: str) -> ColumnElement[bool]:
    url_end = f"/storage/{digest}"
    return and_(Actor.host.is_(None), or_(Actor.icon_url.endswith(url_end), Actor.image_url.endswith(url_end)))
