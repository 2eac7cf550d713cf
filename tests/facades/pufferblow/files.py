"""Files as clients send them and fetch them."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.settings import current
from tests.facades.conftest import Person, Server

Given = tuple[str, bytes]

TEXT = b"0123456789"
DIGEST = hashlib.sha256(TEXT).hexdigest()
URL = f"/storage/{DIGEST}"


def upload(server: Server, person: Person | None, name: str, data: bytes, directory: str = "uploads") -> Any:
    form = {"directory": directory, "file": (BytesIO(data), name)}
    return server.call("POST", "/api/v1/storage/upload", person=person, data=form)


def send(
    server: Server, person: Person, channel_id: str, *files: Given, text: str | None = None, **options: Any
) -> Any:
    parts = [FileStorage(BytesIO(data), name, "attachments") for name, data in files]
    form: dict[str, Any] = {"attachments": parts} | ({} if text is None else {"message": text})
    boundary, body = encode_multipart(form)  # The test client would leave a temporary file open.
    kind = f"multipart/form-data; boundary={boundary}"
    path = f"/api/v1/channels/{channel_id}/send_message"
    return server.call("POST", path, person=person, data=body, content_type=kind, **options)


def attached(server: Server, person: Person, channel_id: str, *files: Given) -> list[dict[str, Any]]:
    answer = send(server, person, channel_id, *files)
    assert answer.status_code == 201, answer.text
    objects: list[dict[str, Any]] = answer.json["message_data"]["attachments"]
    return objects


def get(server: Server, url: str, person: Person | None = None, **options: Any) -> Any:
    """With the token where the web client puts it."""
    query = f"auth_token={person.token}" if person else ""
    return server.call("GET", f"{url}{'&' if '?' in url else '?'}{query}", **options)


def set_portrait(server: Server, person: Person, what: str, name: str, data: bytes) -> Any:
    boundary, body = encode_multipart({"file": FileStorage(BytesIO(data), name, "file")})
    kind = f"multipart/form-data; boundary={boundary}"
    return server.call("POST", f"/api/v1/users/profile/{what}", person=person, data=body, content_type=kind)


def ask(server: Server, person: Person | None, what: str, **body: Any) -> Any:
    return server.call("POST", f"/api/v1/storage/{what}", person=person, json=body)


def stored_contents() -> set[str]:
    return {path.name for path in (current().data_dir / "files").rglob("*") if path.is_file()}
