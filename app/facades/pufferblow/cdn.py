"""Serving files: by content where they are for everybody, by their own addresses to whoever may see them.

Nothing that is served can run: bytes are what we found them to be, what browsers would run is saved, and everything is
in a sandbox of its own (hostile case MED-01).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import quote

from flask import Response, request
from pydantic import Field
from werkzeug.datastructures import Headers, Range
from werkzeug.http import http_date, parse_range_header

from app.db import reading
from app.facades.pufferblow.api import API
from app.media.kinds import TEXT, is_opened
from app.queries.files import NO_SUCH_FILE, StoredFile, find_file, find_public, is_shown_to_everybody, may_see_file
from app.services.storage import store
from app.web.answers import problem
from app.web.authentication import find_asker
from app.web.fields import Params

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_NEVER: Final = "private, no-store"
_SANDBOX: Final = "default-src 'none'; img-src 'self'; media-src 'self'; sandbox"
_EMPTY: Final[tuple[bytes, ...]] = ()

Name = Annotated[str, Field(min_length=1, max_length=64)]
Thumbnail = Annotated[str | None, Field(max_length=8)]


class WhichContent(Params):
    """`thumbnail=1` asks for a small copy of a picture, where there is one."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    thumbnail: Thumbnail = None


class WhichFile(Params):
    """`key` is what other servers are given for a file that not everybody may see."""

    directory: Name
    name: Name
    auth_token: Annotated[str | None, Field(max_length=4096)] = None
    key: Annotated[str | None, Field(max_length=128)] = None
    thumbnail: Thumbnail = None


@API.file(
    "/storage/{digest}",
    params=WhichContent,
    tag="Files",
    summary="A content that is for everybody, by its SHA-256",
    errors={404},
)
def get_content(params: WhichContent) -> Response:
    with reading() as session:
        file = find_public(session, params.digest)
    return _not_found() if file is None else _serve(file, is_public=True, is_small=params.thumbnail == "1")


@API.file(
    "/api/v1/cdn/file/{directory}/{name}",
    params=WhichFile,
    tag="Files",
    summary="A file by its own address, for whoever may see it",
    errors={401, 403, 404},
)
def get_cdn_file(params: WhichFile) -> Response:
    """What is missing and what is forbidden are one answer, byte for byte (hostile case MED-11)."""
    with reading() as session:
        file = find_file(session, f"{params.directory}/{params.name}")
        is_public = file is not None and is_shown_to_everybody(session, file)
    if file is not None and is_public:
        return _serve(file, is_public=True, is_small=params.thumbnail == "1")
    viewer = find_asker(params.auth_token, scope="message:read")
    if file is not None:
        with reading() as session:
            may_see = may_see_file(session, viewer, file, link_key=params.key)
        if may_see:
            return _serve(file, is_public=False, is_small=params.thumbnail == "1")
    return _not_found()


@API.file(
    "/api/v1/storage/file/{directory}/{name}",
    params=WhichFile,
    tag="Files",
    summary="The same; the official web client sends its token to this address alone",
    errors={401, 403, 404},
)
def get_storage_file(params: WhichFile) -> Response:
    return get_cdn_file(params)


def _not_found() -> Response:
    response = problem(404, NO_SUCH_FILE)
    response.headers["Cache-Control"] = _NEVER
    return response


def _serve(file: StoredFile, *, is_public: bool, is_small: bool) -> Response:
    digest, size, media_type = file.digest, file.size, file.media_type
    if is_small and file.thumbnail is not None:
        digest, size, media_type = file.thumbnail, file.thumbnail_size or 0, "image/webp"
    headers = _headers(file, digest, media_type, is_public=is_public)
    if not _is_expected(digest):
        return Response(status=412, headers=headers)
    if request.if_none_match.contains_weak(digest):
        return Response(status=304, headers=headers)
    asked = _asked_range(digest, size)
    span = (0, size) if asked is None else asked.range_for_length(size)
    if span is None:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(status=416, headers=headers)
    start, stop = span
    if asked is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    try:
        body = _body(digest, start, stop)
    except FileNotFoundError:
        return _not_found()
    return Response(body, status=200 if asked is None else 206, headers=headers)


def _body(digest: str, start: int, stop: int) -> Iterator[bytes] | tuple[bytes, ...]:
    """Chunks as they are asked for; nothing is opened for a HEAD. Raises FileNotFoundError."""
    return _EMPTY if request.method == "HEAD" else store().read(digest, start, stop - start)


def _headers(file: StoredFile, digest: str, media_type: str, *, is_public: bool) -> Headers:
    is_inline = is_opened(media_type)
    return Headers(
        {
            "Content-Type": f"{TEXT}; charset=utf-8" if media_type == TEXT else media_type,
            "Content-Disposition": _disposition("inline" if is_inline else "attachment", file.filename),
            "Content-Security-Policy": _SANDBOX,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": f'"{digest}"',
            "Last-Modified": http_date(file.created_at),
            "Accept-Ranges": "bytes",
            "Cache-Control": _FOR_EVER if is_public else _NEVER,
        }
    )


def _is_expected(digest: str) -> bool:
    """Whether the content is one that `If-Match` names, if it names any (RFC 9110, 13.1.1)."""
    expected = request.if_match
    return not expected or expected.star_tag or expected.is_strong(digest)


def _asked_range(digest: str, size: int) -> Range | None:
    """What the client wants of the content, unless it wants all of it or a part of another (RFC 9110, 14)."""
    given = request.headers.get("Range")
    expected = request.headers.get("If-Range", f'"{digest}"')
    asked = parse_range_header(given) if given and expected.strip() == f'"{digest}"' else None
    if asked is None or asked.units != "bytes":
        return None
    # The last thousand bytes of a hundred are all of them.
    return Range("bytes", [(max(begin, -size), end) for begin, end in asked.ranges])


def _disposition(kind: str, filename: str) -> str:
    """The name in ASCII for old clients, and as it is (RFC 6266, appendix D; RFC 8187)."""
    plain = "".join(
        character if 32 <= ord(character) < 127 and character not in '"\\%' else "_" for character in filename
    )
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
