"""Files as such: upload, list, look up, delete, clean up (contracts/pufferblow.md, 9)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions.files import library
from app.actions.files.orphans import clean_up
from app.actions.files.rules import max_upload_bytes
from app.db import reading
from app.errors import InvalidInputError
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import PageNumber
from app.queries.files import DIRECTORIES, MAX_LISTED, ListedFile, list_directories, list_files
from app.queries.viewers import Viewer
from app.settings import current
from app.web.fields import Params, Upload
from app.web.shapes import Shape

TAG = "Files"
_ALL = "all"

Address = Annotated[str, Field(min_length=1, max_length=2048)]


class UploadFile(Params):
    """`directory` is what the file is for; it decides what may be uploaded, and whether everybody can have it."""

    file: Upload
    directory: Annotated[str, Field(json_schema_extra={"enum": list(DIRECTORIES)})]


class WhichFiles(Params):
    """Whoever manages the storage is shown everybody's files, everybody else their own.

    Where one is used is told to whoever sees it there.
    """

    directory: Annotated[str, Field(json_schema_extra={"enum": [_ALL, *DIRECTORIES]})] = "uploads"
    page: PageNumber = 1
    files_per_page: Annotated[int, Field(ge=1, le=MAX_LISTED)] = MAX_LISTED


class WhichFile(Params):
    """Any address of the file: `/storage/...`, `/api/v1/cdn/file/...` or `/api/v1/storage/file/...`."""

    file_url: Address | None = None
    file_path: Address | None = None


class CleanUp(Params):
    subdirectory: Annotated[str, Field(json_schema_extra={"enum": ["", *DIRECTORIES]})] = ""


class FileUploaded(Done):
    url: str
    filename: str
    type: str
    size: int
    is_duplicate: bool


class FileListed(Shape):
    """`id` is the content's SHA-256, as the reference server has it."""

    id: str
    filename: str
    size: int
    uploaded_at: Time
    modified: float
    url: str
    subdirectory: str
    type: str
    uploader: str
    uploader_user_id: str
    uploader_username: str
    reference_type: str
    message_id: str | None
    channel_id: str | None
    channel_name: str | None
    is_orphaned: bool


class FilesListed(Shape):
    status_code: int
    directory: str
    files: list[FileListed]
    existing_dirs: list[str]
    scanned_dirs: list[str]


class FileInfo(Shape):
    url: str
    path: str
    filename: str
    size: int
    mime_type: str
    created: Time
    modified: Time
    file_hash: str


class FileShown(Shape):
    status_code: int
    file_info: FileInfo


class FileDeleted(Done):
    file_url: str


class CleanedUp(Done):
    subdirectory: str
    deleted_count: int


@API.signed_in(
    "POST",
    "/api/v1/storage/upload",
    params=UploadFile,
    answer=FileUploaded,
    tag=TAG,
    summary="Put up a file",
    status=201,
    privilege="upload_files",
    max_file_bytes=max_upload_bytes,
    scope="message:write",
)
def upload_file(viewer: Viewer, params: UploadFile) -> FileUploaded:
    file, is_duplicate = library.upload(viewer, params.file, params.directory)
    return FileUploaded(
        status_code=201,
        message="Duplicate file detected, existing file returned" if is_duplicate else "File uploaded successfully",
        url=file.url,
        filename=file.filename,
        type=file.media_type,
        size=file.size,
        is_duplicate=is_duplicate,
    )


@API.signed_in(
    "POST",
    "/api/v1/storage/files",
    params=WhichFiles,
    answer=FilesListed,
    tag=TAG,
    summary="Files of one directory or of all, the newest first, at most 500 on a page",
    privilege="view_files",
    scope="message:read",
)
def show_files(viewer: Viewer, params: WhichFiles) -> FilesListed:
    directory = _directory(params.directory, allowed=(_ALL, *DIRECTORIES))
    owner_id = None if library.is_over_all(viewer, "manage_storage") else viewer.actor_id
    with reading() as session:
        listed = list_files(
            session,
            viewer,
            owner_id=owner_id,
            directory=None if directory == _ALL else directory,
            origin=current().origin,
            page=params.page,
            size=params.files_per_page,
        )
        existing = list_directories(session, owner_id)
    return FilesListed(
        status_code=200,
        directory=directory,
        files=[_listed(one) for one in listed],
        existing_dirs=existing,
        scanned_dirs=existing if directory == _ALL else [directory],
    )


@API.signed_in(
    "POST",
    "/api/v1/storage/file-info",
    params=WhichFile,
    answer=FileShown,
    tag=TAG,
    summary="What is known of a file",
    errors={404},
    privilege="view_files",
    scope="message:read",
)
def show_file(viewer: Viewer, params: WhichFile) -> FileShown:
    file = library.find(viewer, _address(params))
    return FileShown(
        status_code=200,
        file_info=FileInfo(
            url=file.url,
            path=file.path,
            filename=file.filename,
            size=file.size,
            mime_type=file.media_type,
            created=iso(file.created_at),
            modified=iso(file.created_at),
            file_hash=file.digest,
        ),
    )


@API.signed_in(
    "POST",
    "/api/v1/storage/delete-file",
    params=WhichFile,
    answer=FileDeleted,
    tag=TAG,
    summary="Delete a file of one's own, or as the staff anybody's",
    errors={404},
    scope="account:write",
)
def delete_file(viewer: Viewer, params: WhichFile) -> FileDeleted:
    url = _address(params)
    library.delete(viewer, url)
    return FileDeleted(status_code=200, message="File deleted successfully", file_url=url)


@API.signed_in(
    "POST",
    "/api/v1/storage/cleanup-orphaned",
    params=CleanUp,
    answer=CleanedUp,
    tag=TAG,
    summary="Take away files that nothing shows, and contents that nobody has",
    privilege="manage_storage",
    scope="instance:modify",
)
def clean_up_orphaned(viewer: Viewer, params: CleanUp) -> CleanedUp:
    directory = _directory(params.subdirectory, allowed=("", *DIRECTORIES))
    removed = clean_up(directory=directory or None, by=viewer)
    return CleanedUp(
        status_code=200,
        message="Orphaned files cleanup completed successfully",
        subdirectory=directory,
        deleted_count=removed,
    )


def _directory(given: str, *, allowed: tuple[str, ...]) -> str:
    if given not in allowed:
        raise InvalidInputError(f"Invalid directory. Allowed: {', '.join(name for name in allowed if name)}")
    return given


def _address(params: WhichFile) -> str:
    address = params.file_url or params.file_path
    if address is None:
        raise InvalidInputError("file_url: required.")
    return address


def _listed(one: ListedFile) -> FileListed:
    file = one.file
    return FileListed(
        id=file.digest,
        filename=file.filename,
        size=file.size,
        uploaded_at=iso(file.created_at),
        modified=file.created_at.timestamp(),
        url=file.url,
        subdirectory=file.directory,
        type=file.media_type,
        uploader=one.uploader,
        uploader_user_id=file.owner_id,
        uploader_username=one.uploader,
        reference_type=_use(one),
        message_id=one.use.message_id if one.use else None,
        channel_id=one.use.channel_id if one.use else None,
        channel_name=one.use.channel_name if one.use else None,
        is_orphaned=_is_orphaned(one),
    )


_PORTRAITS = {"avatars": "user_avatar", "banners": "user_banner"}


def _use(one: ListedFile) -> str:
    if one.is_attached:
        return "message_attachment"
    return _PORTRAITS.get(one.file.directory, "storage_upload")


def _is_orphaned(one: ListedFile) -> bool:
    """What a clean-up would take away in time."""
    is_for_something = one.file.directory in (*_PORTRAITS, "attachments")
    return is_for_something and not one.is_attached and not one.is_picture_of_somebody
