"""Uploads: a form of many parts, read as it arrives; its files go to the disk, never whole into memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, BinaryIO, Final, cast

from pydantic import PlainSerializer, WithJsonSchema
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser

from app.errors import MalformedBodyError, UnavailableError
from app.web.bodies import MAX_BODY_BYTES, BodyStream

MAX_PARTS: Final = 200


class Uploaded:
    """A file of a form, in a temporary file without a name: it is gone with the request, however that ends.

    `filename` is what the client calls it, `size` its bytes, `digest` their SHA-256 in hex.
    """

    def __init__(self, folder: Path) -> None:
        self.filename = ""
        self.size = 0
        self._folder = folder
        self._sum = hashlib.sha256()
        self._files = ExitStack()
        self.file = self.another_file()

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()

    def another_file(self) -> BinaryIO:
        """An empty temporary file that is gone with this one. Raises OSError."""
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  The next line sees to that.
        return cast("BinaryIO", self._files.enter_context(file))

    def close(self) -> None:
        self._files.close()

    def write(self, chunk: bytes) -> int:
        """Raises UnavailableError when the disk is full."""
        self._sum.update(chunk)
        self.size += len(chunk)
        try:
            return self.file.write(chunk)
        except OSError as error:
            raise UnavailableError from error

    def seek(self, offset: int) -> int:
        """Raises UnavailableError when the disk is full: what was buffered is written."""
        try:
            return self.file.seek(offset)
        except OSError as error:
            raise UnavailableError from error


Upload = Annotated[
    Uploaded,
    WithJsonSchema({"type": "string", "format": "binary"}),
    PlainSerializer(lambda upload: [upload.filename, upload.digest]),
]


def read_multipart(
    stream: BodyStream, options: Mapping[str, str], *, folder: Path, until: ExitStack
) -> tuple[MultiDict[str, str], MultiDict[str, Uploaded]]:
    """Parts of a form, its files in temporary files of `folder` that are there until `until` ends.

    A browser sends a file field left empty as a part with an empty name: it is no file. Raises MalformedBodyError
    for what is no form, UnavailableError when the disk is full, and what reading the stream raises.
    """
    parser = FormDataParser(
        stream_factory=lambda *_, **__: until.enter_context(closing(_make(folder))),  # type: ignore[arg-type]  # A file.
        max_form_memory_size=MAX_BODY_BYTES,
        max_form_parts=MAX_PARTS,
        silent=False,
        cls=MultiDict,
    )
    try:
        _, form, files = parser.parse(stream, "multipart/form-data", None, dict(options))  # type: ignore[arg-type]
    except (ValueError, OSError) as error:
        raise MalformedBodyError("The request body is not a form we accept.") from error
    if None in (*form, *files):  # A part whose name is spelt so that it cannot be read has none.
        raise MalformedBodyError("The request body is not a form we accept.")
    return form, MultiDict((name, _named(file)) for name, file in files.items(multi=True) if file.filename)


def _make(folder: Path) -> Uploaded:
    try:
        return Uploaded(folder)
    except OSError as error:
        raise UnavailableError from error


def _named(part: FileStorage) -> Uploaded:
    uploaded = cast("Uploaded", part.stream)
    uploaded.filename = part.filename or ""
    return uploaded
