"""Files: contents stored once by what they hold, and who put them there under which name."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Big, Id, Name, Time


class Blob(Base):
    """One content in the store, known by its SHA-256 in hex. A row exists only once the bytes are durable.

    `media_type` is what the bytes are, never what a client called them. Width and height are in pixels, of pictures.
    """

    __tablename__ = "blobs"

    digest: Mapped[Name] = mapped_column(primary_key=True)
    size: Mapped[Big]
    media_type: Mapped[Name]
    width: Mapped[int | None]
    height: Mapped[int | None]
    blurhash: Mapped[Name | None]
    # The same picture made small, if it was big: itself a blob.
    thumbnail: Mapped[Name | None] = mapped_column(ForeignKey("blobs.digest"))
    created_at: Mapped[Time]

    __table_args__ = (
        Index(
            "ix_blobs_thumbnail",
            "thumbnail",
            postgresql_where=text("thumbnail IS NOT NULL"),
            sqlite_where=text("thumbnail IS NOT NULL"),
        ),
    )


class File(Base):
    """Somebody's upload. A deleted file keeps no row.

    `directory` is what it was uploaded for (contracts/pufferblow.md, 9). A file that is not `is_public` is shown to
    its owner and to those who may see a message it is attached to.
    """

    __tablename__ = "files"

    id: Mapped[Id] = mapped_column(primary_key=True)
    digest: Mapped[Name] = mapped_column(ForeignKey("blobs.digest"), index=True)
    owner_id: Mapped[Id] = mapped_column(ForeignKey("actors.id", ondelete="CASCADE"))
    directory: Mapped[Name]
    filename: Mapped[Name]
    is_public: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Time]

    __table_args__ = (
        Index("ix_files_owner", "owner_id", "id"),
        Index("ix_files_directory", "directory", "id"),
    )


class Attachment(Base):
    """That a message carries a file of ours; `position` counts from 0."""

    __tablename__ = "attachments"

    message_id: Mapped[Id] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    file_id: Mapped[Id] = mapped_column(ForeignKey("files.id", ondelete="CASCADE"), primary_key=True, index=True)
    position: Mapped[int]
