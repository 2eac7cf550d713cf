"""Uploads of hostile cases: what they send, how it is framed, and what must be true of what was stored."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from app.models import Blob
from tests.hostile.wire import Answer
from tests.media.pictures import SECRET, picture

if TYPE_CHECKING:
    from tests.hostile.arena import Arena
    from tests.hostile.effects import Run

GROUP: Final = "media & upload"
_BOUNDARY: Final = "x"
_LIMIT: Final = 51 * 2**20
"""What `send_message` reads: the files of a message, and as much besides as any request may have."""


def vary(case: dict[str, Any], name: str, value: Any) -> bool:
    """Change what only these cases change; whether it was one of them."""
    match name:
        case "generator":
            case["body_recipe"]["generator"] = value
        case "framing":
            case["framing"] = value
        case "headers":
            case["headers"] |= value
        case "tok":
            case["headers"] |= {} if value is None else {"Authorization": f"Bearer {{{{tok:{value}}}}}"}
        case _:
            return False
    return True


def framing_of(case: Mapping[str, Any]) -> str | None:
    """How the case wants its body framed, where that is what it is about."""
    is_about_size = "size" in (case.get("body_recipe") or {})
    return str(case.get("framing", "content_length")) if is_about_size else None


def body_of(recipe: Mapping[str, Any]) -> bytes:
    """A form with the one file of the recipe."""
    generator = recipe.get("generator")
    content = _GENERATORS[generator]() if generator else recipe["content"].encode()
    default = {"zip_42": "42.zip", "jpeg_gps": "me.jpg"}.get(str(generator), "x.txt")
    name = str(recipe.get("filename", default)).replace('"', '\\"')
    field = recipe.get("field", "attachments")
    if generator == "jpeg_gps":
        field = "file"
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    return f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


def framed(framing: str, path: str, headers: Mapping[str, str], body: bytes, host: str) -> bytes:
    """The request with a body of that framing; of an announced length that is refused nothing need come."""
    lengths = {"content_length": _LIMIT + 1, "cl_huge": 99999999999, "cl_too_small": len(body) // 2}
    length = lengths.get(framing, len(body) + 1000)
    if framing == "chunked":
        last = f"\r\n--{_BOUNDARY}--\r\n".encode()
        start = body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        sent = start + bytes(_LIMIT + 1 - len(start)) + last
        return _head(path, headers, host, "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent)
    return _head(path, headers, host, f"Content-Length: {length}") + (b"" if length > _LIMIT else body)


def _head(path: str, headers: Mapping[str, str], host: str, framing: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, framing, "Connection: close", "", ""]).encode()


def put_files(arena: Arena) -> None:
    """Files of alice: one of her own, and one in a private channel that somebody was in and is no longer."""
    own = _put(arena, "/api/v1/storage/upload", {"directory": "attachments"}, "file")
    arena.words["file_of_alice"] = json.loads(own.body)["url"].partition("/file/")[2]
    sent = _put(arena, f"/api/v1/channels/{arena.words['priv_channel']}/send_message", {}, "attachments")
    arena.words["priv_file"] = json.loads(sent.body)["attachments"][0].partition("/file/")[2]
    channel = f"/api/v1/channels/{arena.words['priv_channel']}"
    user = arena.words["removed_member_id"]
    arena.api("PUT", f"{channel}/add_user", {"to_add_user_id": user}, who="alice")
    arena.api("DELETE", f"{channel}/remove_user?to_remove_user_id={user}", who="alice")


def _put(arena: Arena, path: str, fields: Mapping[str, str], field: str) -> Answer:
    answer = upload(arena, path, fields, field, f"alice's {path}")
    assert answer.status == 201, answer.body
    return answer


def upload(arena: Arena, path: str, fields: Mapping[str, str], field: str, content: str) -> Answer:
    """A text of alice's, in a form."""
    parts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body = parts.encode() + body_of({"field": field, "filename": "a.txt", "content": content})
    headers = {
        "Authorization": f"Bearer {arena.words['tok:alice']}",
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
    }
    return arena.send("POST", path, headers=headers, body=body)


def _zip_of_zips() -> bytes:
    """A gigabyte of zeros, zipped twice."""
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(64):
            member.write(bytes(2**20))
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(16):
            archive.writestr(f"{number}.zip", inner.getvalue())
    return outer.getvalue()


def _image(form: str) -> Callable[[], bytes]:
    def make() -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (16, 16)).save(out, form)
        return out.getvalue()

    return make


_GENERATORS: Final[Mapping[str, Callable[[], bytes]]] = {
    "psd": lambda: b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x10\0\0\0\x10\0\x08\0\3" + bytes(1000),
    "eps": _image("EPS"),
    "icns": _image("ICNS"),
    "tiff": _image("TIFF"),
    "dds": _image("DDS"),
    "blp": lambda: b"BLP2" + bytes(2000),
    "zip_42": _zip_of_zips,
    "jpeg_gps": lambda: picture("JPEG"),
    "zeros": lambda: bytes(1000),
}


def is_served_safely(run: Run, _: str) -> list[str]:
    return [
        problem
        for served in _served(run)
        for problem in (
            *(["it may be shown"] * (not served.headers["content-disposition"].startswith("attachment"))),
            *(["its type may be guessed"] * (served.headers["x-content-type-options"] != "nosniff")),
            *(["no sandbox"] * ("sandbox" not in served.headers["content-security-policy"])),
        )
    ]


def is_not_unpacked(run: Run, _: str) -> list[str]:
    with run.arena.engine.connect() as connection:
        largest = max(size for (size,) in connection.execute(Blob.__table__.select().with_only_columns(Blob.size)))
    return [f"{largest} bytes were stored"] if largest > len(_zip_of_zips()) else []


def leftovers(run: Run) -> list[str]:
    """Files that have no row, or are not finished."""
    with run.arena.engine.connect() as connection:
        known = {digest for (digest,) in connection.execute(Blob.__table__.select().with_only_columns(Blob.digest))}
    left = {path.name for path in (run.arena.data / "files").rglob("*") if path.is_file()} - known
    return [f"left: {name}" for name in left]


def has_no_metadata(run: Run, _: str) -> list[str]:
    return ["it still says where it was taken" for served in _served(run) if SECRET in served.body]


def injects_no_header(run: Run, _: str) -> list[str]:
    answers = [*run.answers, *_served(run)]
    return ["a header was injected" for answer in answers if "set-cookie" in answer.headers]


def _served(run: Run) -> list[Answer]:
    """What was stored by answers of 201, as everybody gets it."""
    stored = [json.loads(answer.body) for answer in run.answers if answer.status == 201]
    urls = [answer.get("avatar_url") or answer["attachments"][0] for answer in stored]
    return [run.arena.send("GET", url) for url in urls]


CHECKS: Final[dict[str, Callable[[Run, str], list[str]]]] = {
    "served_headers_safe": is_served_safely,
    "no_file_outside_store": lambda run, _: run.changes,
    "no_decompression": is_not_unpacked,
    "no_temp_file_left": lambda run, _: leftovers(run) + run.changes,
    "exif_absent": has_no_metadata,
    "no_header_injection": injects_no_header,
}
