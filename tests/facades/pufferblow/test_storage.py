"""Files as such: put up, fetched in whole and in part, listed, looked up, taken down, cleaned up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import failpoints
from app.actions.files import orphans
from app.db import reading
from app.models import AuditEntry
from app.queries.files import DIRECTORIES, count_used_bytes
from app.services import storage
from app.services.storage import store
from app.services.storage.bucket import BucketStore
from app.settings import current
from tests.answers import refusal
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.oauth.flows import bearer
from tests.facades.oauth.test_scopes import token_for
from tests.facades.pufferblow.files import (
    DIGEST,
    TEXT,
    URL,
    ask,
    attached,
    send,
    set_portrait,
    stored_contents,
    upload,
)
from tests.media.pictures import SECRET, animation, picture
from tests.services.moto_server import bucket, s3_endpoint
from tests.together import at_once

__all__ = ["bucket", "s3_endpoint"]

LATER = timedelta(days=2)


def test_a_file_is_put_up_and_everybody_can_have_it(server: Server, owner: Person, member: Person) -> None:
    answer = upload(server, member, "doc.txt", TEXT)

    assert answer.status_code == 201
    assert answer.json == {
        "status_code": 201,
        "message": "File uploaded successfully",
        "url": URL,
        "filename": "doc.txt",
        "type": "text/plain",
        "size": 10,
        "is_duplicate": False,
    }
    served = server.call("GET", URL)
    assert served.data == TEXT
    assert {
        name: served.headers[name]
        for name in ("Content-Type", "ETag", "Cache-Control", "Accept-Ranges", "Content-Length", "Content-Disposition")
    } == {
        "Content-Type": "text/plain; charset=utf-8",
        "ETag": f'"{DIGEST}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "Content-Length": "10",
        "Content-Disposition": "inline; filename=\"doc.txt\"; filename*=UTF-8''doc.txt",
    }
    with server.stores_nothing():
        again = upload(server, member, "other.txt", TEXT)
    assert (again.status_code, again.json["is_duplicate"], again.json["url"]) == (201, True, URL)
    assert again.json["message"] == "Duplicate file detected, existing file returned"


_WAYS: dict[str, Callable[[Server, Person, str, bytes], Any]] = {
    "a file": lambda server, by, _place, data: upload(server, by, "a.png", data),
    "in a message": lambda server, by, place, data: send(server, by, place, ("a.png", data)),
    "a portrait": lambda server, by, _place, data: set_portrait(server, by, "avatar", "a.png", data),
}


@pytest.mark.parametrize("way", _WAYS)
def test_files_that_come_together_stay_within_the_quota(
    server: Server, owner: Person, member: Person, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    place = server.create_channel(owner)["channel_id"]
    assert _WAYS[way](server, member, place, picture(size=(64, 64))).status_code == 201
    object.__setattr__(current(), "storage_quota", used_bytes(member) * 5 // 2)
    together = threading.Barrier(3, timeout=20)
    monkeypatch.setattr(failpoints, "reach", lambda name: together.wait() if name == "upload.stored" else None)
    others = iter([picture(size=(64, side)) for side in (61, 62, 63)])
    told = server.stored()["events"]

    answers = at_once(lambda: _WAYS[way](server, member, place, next(others)), times=3)

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400]
    assert used_bytes(member) <= current().storage_quota
    assert server.stored()["files"] == 2
    assert server.stored()["events"] - told == (1 if way == "in a message" else 0)


def used_bytes(person: Person) -> int:
    with reading() as session:
        return count_used_bytes(session, person.id)


_PARTS: list[tuple[dict[str, str], int, bytes, str | None]] = [
    ({"Range": "bytes=2-5"}, 206, b"2345", "bytes 2-5/10"),
    ({"Range": "bytes=7-"}, 206, b"789", "bytes 7-9/10"),
    ({"Range": "bytes=-2"}, 206, b"89", "bytes 8-9/10"),
    ({"Range": "bytes=0-"}, 206, TEXT, "bytes 0-9/10"),
    ({"Range": "bytes=8-999"}, 206, b"89", "bytes 8-9/10"),
    ({"Range": "bytes=10-"}, 416, b"", "bytes */10"),
    ({"Range": "bytes=-10"}, 206, TEXT, "bytes 0-9/10"),
    ({"Range": "bytes=-999"}, 206, TEXT, "bytes 0-9/10"),
    ({"Range": "bytes=0-1,4-5"}, 416, b"", "bytes */10"),
    ({"Range": "lines=0-1"}, 200, TEXT, None),
    ({"Range": "bytes=5-2"}, 200, TEXT, None),
    ({"Range": "bytes=2-5", "If-Range": f'"{DIGEST}"'}, 206, b"2345", "bytes 2-5/10"),
    ({"Range": "bytes=2-5", "If-Range": '"another"'}, 200, TEXT, None),
    ({"If-None-Match": f'"{DIGEST}"'}, 304, b"", None),
    ({"If-None-Match": f'W/"{DIGEST}", "x"'}, 304, b"", None),
    ({"If-None-Match": '"x"'}, 200, TEXT, None),
    ({"If-Match": f'"x", "{DIGEST}"'}, 200, TEXT, None),
    ({"If-Match": "*", "Range": "bytes=2-5"}, 206, b"2345", "bytes 2-5/10"),
    ({"If-Match": '"x"'}, 412, b"", None),
    ({"If-Match": f'W/"{DIGEST}"'}, 412, b"", None),
]


def test_a_part_is_enough_and_what_is_known_is_not_sent_again(server: Server, owner: Person) -> None:
    upload(server, owner, "doc.txt", TEXT)

    for headers, status, data, span in _PARTS:
        for method, body in (("GET", data), ("HEAD", b"")):
            answer = server.call(method, URL, headers=headers)

            assert (answer.status_code, answer.data) == (status, body)
            assert answer.headers.get("Content-Range") == span
            assert answer.headers["ETag"] == f'"{DIGEST}"'


_PATHS = [
    "/storage/" + "0" * 64,
    "/storage/..%2f..%2fetc%2fpasswd",
    "/storage/x",
    "/api/v1/cdn/file/..%2f..%2f..%2fetc%2fpasswd",
    "/api/v1/cdn/file/../../../etc/passwd",
    "/api/v1/cdn/file/%2e%2e/%2e%2e/etc/passwd",
    "/api/v1/cdn/file/..%252f..%252fetc/passwd",
    "/api/v1/cdn/file/....//....//etc/passwd",
    "/api/v1/cdn/file/%2fetc%2fpasswd",
    "/api/v1/cdn/file/..\\..\\etc\\passwd",
    "/api/v1/cdn/file/x%00.png",
    "/api/v1/cdn/file/images/%00file_00000000000000000000000000.png",
    "/api/v1/storage/file/images/file_00000000000000000000000000.png",
]


def test_no_path_leads_anywhere_else(server: Server, owner: Person) -> None:
    for path in _PATHS:
        assert server.call("GET", path, person=owner).status_code in (400, 404), path


def test_all_three_forms_of_an_address_lead_to_a_file(server: Server, owner: Person) -> None:
    upload(server, owner, "doc.txt", TEXT, directory="documents")
    path = ask(server, owner, "file-info", file_url=URL).json["file_info"]["path"]
    forms = [URL, f"/api/v1/cdn/file/{path}", f"/api/v1/storage/file/{path}"]

    assert path.startswith("documents/file_")
    for url in forms:
        assert server.call("GET", url).data == TEXT
        for given in (url, ORIGIN + url, f"{url}?auth_token=x"):
            assert ask(server, owner, "file-info", file_url=given).json["file_info"]["file_hash"] == DIGEST
    for wrong in (path.replace("documents", "images"), path.replace(".txt", ".png"), path + "x"):
        assert server.call("GET", f"/api/v1/cdn/file/{wrong}").status_code == 404
    assert ask(server, owner, "delete-file", file_url=forms[1]).json == {
        "status_code": 200,
        "message": "File deleted successfully",
        "file_url": forms[1],
    }
    assert [server.call("GET", url).status_code for url in forms] == [404] * 3


_NOT_TAKEN = [
    ("d.txt", b"x", "etc", 400, f"Invalid directory. Allowed: {', '.join(DIRECTORIES)}"),
    ("d.txt", b"x", "images", 400, "File extension 'txt' not allowed. Allowed: png, jpg, jpeg, gif, webp"),
    ("d.png", b"x", "images", 400, "Invalid image file"),
    ("d.jpg", picture(), "gifs", 400, "File extension 'jpg' not allowed. Allowed: gif"),
    ("d.gif", picture("PNG"), "gifs", 400, "This directory does not take pictures."),
    ("d.html", b"<html>", "documents", 415, "File extension 'html' not allowed"),
    ("d.txt", b"x", "config", 403, "Access forbidden. Missing required privilege: manage_storage."),
]


def test_what_a_directory_does_not_take_is_not_stored(server: Server, owner: Person, member: Person) -> None:
    for name, data, directory, status, detail in _NOT_TAKEN:
        with server.stores_nothing():
            answer = upload(server, member, name, data, directory)

        assert answer.status_code == status, answer.text
        assert answer.json["detail"].startswith(detail)
        assert stored_contents() == set()


def test_an_upload_needs_an_account_and_a_file(server: Server, owner: Person) -> None:
    with server.stores_nothing():
        assert upload(server, None, "d.txt", TEXT).status_code == 401
        no_file = server.call("POST", "/api/v1/storage/upload", person=owner, data={"directory": "uploads"})
        text = server.call(
            "POST", "/api/v1/storage/upload", person=owner, json={"directory": "uploads", "file": "a text"}
        )
    assert (no_file.status_code, no_file.json["detail"]) == (400, "file: required.")
    assert text.status_code == 400


def test_markup_is_served_as_bytes_to_save(server: Server, owner: Person) -> None:
    """Also where the staff allows it (hostile case MED-01)."""
    changes = {"allowed_file_types": ["svg", "txt", "pdf"]}
    assert server.call("PUT", "/api/v1/system/server-info", person=owner, json=changes).status_code == 200

    for name, data in (
        ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("x.txt", b"\xef\xbb\xbf <html><script>alert(1)</script></html>"),
        ("y.txt", b"<?xml version='1.0'?><x/>"),
    ):
        url = upload(server, owner, name, data).json["url"]
        served = server.call("GET", url)
        assert served.data == data
        assert served.headers["Content-Type"] == "application/octet-stream"
        assert served.headers["Content-Disposition"].startswith("attachment;")
        assert served.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in served.headers["Content-Security-Policy"]
        assert "default-src 'none'" in served.headers["Content-Security-Policy"]
    pdf = server.call("GET", upload(server, owner, "x.pdf", b"%PDF-1.7\n").json["url"])
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.headers["Content-Disposition"].startswith("attachment;")


def test_people_see_their_own_files_and_the_staff_of_the_storage_all(
    server: Server, owner: Person, member: Person
) -> None:
    channel_id = str(server.create_channel(owner)["channel_id"])
    upload(server, owner, "a.txt", b"a")
    upload(server, member, "b.png", picture(), "images")
    message = attached(server, member, channel_id, ("c.txt", b"c"))
    set_portrait(server, member, "avatar", "me.png", picture())

    everything = ask(server, owner, "files", directory="all").json
    assert [file["filename"] for file in everything["files"]] == ["me.png", "c.txt", "b.png", "a.txt"]
    assert everything["existing_dirs"] == ["attachments", "avatars", "images", "uploads"]
    own = ask(server, member, "files", directory="all").json["files"]
    assert [file["filename"] for file in own] == ["me.png", "c.txt", "b.png"]
    me, carried, stored = own
    assert (me["reference_type"], me["is_orphaned"]) == ("user_avatar", False)
    assert (carried["reference_type"], carried["channel_id"], carried["channel_name"]) == (
        "message_attachment",
        channel_id,
        "Lobby",
    )
    assert (stored["reference_type"], stored["message_id"], stored["is_orphaned"]) == ("storage_upload", None, False)
    assert stored["uploader_username"] == stored["uploader"] == member.username
    assert message[0]["filename"] == "c.txt"
    assert [file["filename"] for file in ask(server, owner, "files").json["files"]] == ["a.txt"]
    page = ask(server, owner, "files", directory="all", files_per_page=1, page=2).json["files"]
    assert [file["filename"] for file in page] == ["c.txt"]
    assert ask(server, owner, "files", directory="nowhere").status_code == 400
    assert ask(server, owner, "files", files_per_page=501).status_code == 400


def test_where_a_file_is_used_is_told_to_whoever_sees_it_there(server: Server, owner: Person, member: Person) -> None:
    den = server.create_channel(owner, channel_name="den", is_private=True)["channel_id"]
    keeper = server.sign_up("keeper")
    server.give_privileges(owner, keeper, "manage_storage", "view_files")
    path = f"/api/v1/channels/{den}"
    assert server.call("PUT", f"{path}/add_user", person=owner, json={"to_add_user_id": member.id}).status_code == 200
    attached(server, member, den, ("c.txt", b"c"))

    def uses(person: Person) -> list[tuple[Any, ...]]:
        listed = ask(server, person, "files", directory="all").json["files"]
        return [(one["channel_name"], one["channel_id"], one["message_id"] is None) for one in listed]

    assert uses(member) == uses(owner) == [("den", den, False)]
    assert uses(keeper) == [(None, None, True)]
    removal = {"to_remove_user_id": member.id}
    assert server.call("DELETE", f"{path}/remove_user", person=owner, json=removal).status_code == 200
    assert uses(member) == [(None, None, True)]
    [carried] = ask(server, member, "files", directory="all").json["files"]
    assert (carried["reference_type"], carried["is_orphaned"]) == ("message_attachment", False)


def test_another_persons_file_is_theirs_to_delete(server: Server, owner: Person, member: Person) -> None:
    outsider = server.sign_up("mallory")
    url = upload(server, member, "a.txt", b"a", "attachments").json["url"]
    public = upload(server, member, "a.txt", TEXT).json["url"]

    with server.stores_nothing():
        for address in (url, public, "/storage/" + "0" * 64):
            for body in ({"file_url": address}, {"file_path": address}):
                answer = ask(server, outsider, "delete-file", **body)
                assert (answer.status_code, answer.json) == refusal(404, "File not found")
        assert ask(server, outsider, "file-info", file_url=url).status_code == 404
        assert ask(server, outsider, "delete-file", file_url="https://example.org/x").status_code == 400
        assert ask(server, outsider, "delete-file").json["detail"] == "file_url: required."
        assert ask(server, None, "delete-file", file_url=public).status_code == 401

    assert ask(server, outsider, "file-info", file_url=public).status_code == 200
    assert ask(server, owner, "delete-file", file_url=public).status_code == 200
    assert ask(server, member, "delete-file", file_url=url).status_code == 200
    with reading() as session:
        deleted = session.scalars(select(AuditEntry.actor_id).where(AuditEntry.type == "file_deleted")).all()
    assert set(deleted) == {owner.id, member.id}


@pytest.mark.parametrize("directory", ["attachments", "uploads"])
def test_a_client_needs_the_scope_of_the_staff_for_other_peoples_files(
    server: Server, owner: Person, member: Person, directory: str
) -> None:
    other = upload(server, member, "theirs.txt", b"theirs", directory).json["url"]
    own = upload(server, owner, "mine.txt", b"mine", directory).json["url"]
    narrow = bearer(token_for(owner, "account:write", "message:read"))
    wide = bearer(token_for(owner, "account:write", "message:read", "instance:modify"))

    def ask_as(client: dict[str, str], what: str, **body: Any) -> Any:
        return server.call("POST", f"/api/v1/storage/{what}", headers=client, json=body)

    def names(client: dict[str, str]) -> list[str]:
        return [one["filename"] for one in ask_as(client, "files", directory="all").json["files"]]

    unknown = f"/storage/{'0' * 64}"
    with server.stores_nothing():
        refused = [ask_as(narrow, "delete-file", file_url=url) for url in (other, unknown)]
        looked_up = ask_as(narrow, "file-info", file_url=other)

    assert [(answer.status_code, answer.json) for answer in refused] == [
        refusal(403, "This session is limited. Sign in to do this.")
    ] * 2
    assert looked_up.status_code == (200 if directory == "uploads" else 403)  # What is public is so for all.
    assert (names(narrow), names(wide)) == (["mine.txt"], ["mine.txt", "theirs.txt"])
    assert ask_as(wide, "file-info", file_url=other).status_code == 200
    assert ask_as(narrow, "delete-file", file_url=own).status_code == 200
    assert ask_as(wide, "delete-file", file_url=other).status_code == 200


def test_a_picture_that_somebody_shows_is_not_deleted(server: Server, owner: Person, member: Person) -> None:
    url = set_portrait(server, member, "avatar", "me.png", picture()).json["avatar_url"]

    with server.stores_nothing():
        answer = ask(server, owner, "delete-file", file_url=url)
    assert (answer.status_code, answer.json["detail"]) == (
        403,
        "Cannot delete this file as it is currently used as a user or server avatar/banner.",
    )
    set_portrait(server, member, "avatar", "me.png", picture(size=(10, 10)))
    assert ask(server, owner, "delete-file", file_url=url).status_code == 200


def test_a_bucket_serves_as_well_as_a_disk(
    server: Server, owner: Person, bucket: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_made", (current(), bucket))

    assert upload(server, owner, "doc.txt", TEXT).status_code == 201

    assert bucket.has(DIGEST)
    assert stored_contents() == set()
    assert server.call("GET", URL).data == TEXT
    part = server.call("GET", URL, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.data) == (206, b"2345")
    assert server.call("HEAD", URL).headers["Content-Length"] == "10"
    assert ask(server, owner, "delete-file", file_url=URL).status_code == 200
    assert orphans.clean_up(datetime.now(UTC) + LATER) == 1
    assert not bucket.has(DIGEST)
    with monkeypatch.context() as patched, server.stores_nothing():
        patched.setattr(bucket, "_bucket", "no-such-bucket")
        assert upload(server, owner, "doc.txt", TEXT).status_code == 503


def test_a_row_without_its_content_is_not_found(server: Server, owner: Person) -> None:
    upload(server, owner, "a.txt", TEXT)
    store().delete(DIGEST)

    assert server.call("GET", URL).status_code == 404


def test_metadata_is_taken_out_of_what_is_put_up(server: Server, owner: Person) -> None:
    for name, data in (("a.jpg", picture("JPEG")), ("a.gif", animation()), ("a.webp", picture("WEBP"))):
        url = upload(server, owner, name, data, "images").json["url"]
        assert SECRET not in server.call("GET", url).data
