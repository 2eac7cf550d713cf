"""What comes with a message: stored with it, shown to whoever sees it, gone with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.actions.files.orphans import clean_up
from app.db import reading
from app.models import Actor, Attachment
from app.queries.conversations import read_talk
from app.queries.documents import note_document
from app.settings import configure, current
from tests.answers import refusal
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.pufferblow.files import attached, get, send, upload
from tests.media.pictures import SECRET, picture

TEXT = ("notes.txt", b"some notes")


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


@pytest.fixture
def closed(server: Server, owner: Person, member: Person) -> str:
    """A private channel that bob is in."""
    channel_id = str(server.create_channel(owner, channel_name="Staff", is_private=True)["channel_id"])
    path = f"/api/v1/channels/{channel_id}/add_user"
    assert server.call("PUT", path, person=owner, json={"to_add_user_id": member.id}).status_code == 200
    return channel_id


def stored_contents() -> set[str]:
    """Everything in the store, drafts too."""
    folder = current().data_dir / "files"
    return {path.name for path in folder.rglob("*") if path.is_file()}


@contextmanager
def keeps_nothing(server: Server) -> Iterator[None]:
    """Neither rows nor contents, and nobody is told."""
    before = stored_contents()
    with server.stores_nothing():
        yield
    assert stored_contents() == before


def load(server: Server, person: Person, channel_id: str) -> list[dict[str, Any]]:
    answer = server.call("GET", f"/api/v1/channels/{channel_id}/load_messages", person=person)
    messages: list[dict[str, Any]] = answer.json["messages"]
    return messages


def document(server: Server, message_id: str) -> dict[str, Any]:
    """The Note, as other servers are sent it."""
    from app.models import Message
    from app.queries.messages import open_content

    with reading() as session:
        message = session.scalars(select(Message).where(Message.id == message_id)).one()
        author = session.scalars(select(Actor).where(Actor.id == message.author_id)).one()
        content = open_content(session, message)
        assert content is not None
        return note_document(message, author, content, group=None, talk=read_talk(session, message.conversation_id))


def test_files_come_with_a_message_and_are_shown_with_it(server: Server, owner: Person, lobby: str) -> None:
    photo = picture("JPEG", size=(1300, 650), orientation=6)

    answer = send(server, owner, lobby, TEXT, ("me.jpg", photo), text="look")

    assert answer.status_code == 201, answer.text
    notes, me = answer.json["message_data"]["attachments"]
    assert answer.json["attachments"] == [notes["url"], me["url"]]
    assert (notes["filename"], notes["type"], notes["size"]) == ("notes.txt", "text/plain", 10)
    assert (me["filename"], me["type"], me["width"], me["height"]) == ("me.jpg", "image/jpeg", 650, 1300)
    assert me["blurhash"]
    assert notes["url"].startswith("/api/v1/cdn/file/attachments/file_")
    assert load(server, owner, lobby)[0]["attachments"] == [notes, me]
    assert get(server, notes["url"]).data == b"some notes"
    fetched = get(server, me["url"])
    assert (fetched.status_code, fetched.mimetype, len(fetched.data)) == (200, "image/jpeg", me["size"])
    assert SECRET not in fetched.data
    assert get(server, f"{me['url']}?thumbnail=1").mimetype == "image/webp"


def test_a_message_may_be_files_alone_and_an_empty_part_is_none(server: Server, owner: Person, lobby: str) -> None:
    assert send(server, owner, lobby, TEXT, ("", b"")).json["message_data"]["message"] == ""

    with keeps_nothing(server):
        answer = send(server, owner, lobby, ("", b""), text=" ")
    assert (answer.status_code, answer.json) == refusal(400, "Either a message or attachments must be provided.")


_REFUSED = [
    ([("x.exe", b"MZ\0\0")], 400, "File extension 'exe' not allowed. Allowed: png, jpg"),
    ([("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")], 415, "File extension 'svg'"),
    ([("x.xhtml", b"<?xml version='1.0'?><html/>")], 415, "File extension 'xhtml'"),
    ([("x", b"x")], 400, "File extension '' not allowed"),
    ([("x.png", b"<html><script>1</script>")], 400, "Invalid image file"),
    ([("x.png", b"8BPS\0\1" + bytes(40))], 400, "Invalid image file"),
    ([("x.gif", b"GIF89a")], 400, "Invalid image file"),
    ([("x.txt", b"")], 400, "The file is empty."),
    ([TEXT] * 21, 400, "Too many attachments. Limit: 20"),
    ([TEXT, ("x.exe", b"MZ")], 400, "File extension 'exe'"),
]


def test_what_may_not_be_attached_is_refused_and_nothing_is_kept(server: Server, owner: Person, lobby: str) -> None:
    for files, status, detail in _REFUSED:
        with keeps_nothing(server):
            answer = send(server, owner, lobby, *files, text="with")

        assert answer.status_code == status, answer.text
        assert answer.json["detail"].startswith(detail)


def change_limits(server: Server, owner: Person, **limits: Any) -> None:
    assert server.call("PUT", "/api/v1/system/server-info", person=owner, json=limits).status_code == 200


def test_sizes_are_limited_by_kind_together_and_by_account(
    server: Server, owner: Person, lobby: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    megabyte = b"x" * 2**20
    change_limits(server, owner, max_file_size=1, max_total_attachment_size=2)

    with keeps_nothing(server):
        one = send(server, owner, lobby, ("a.txt", megabyte + b"x"))
        together = send(server, owner, lobby, ("a.txt", megabyte), ("b.txt", megabyte), ("c.txt", b"x"))
        body = send(server, owner, lobby, ("a.zip", megabyte * 4))

    assert (one.status_code, one.json["detail"]) == (400, "File size exceeds maximum of 1MB")
    assert (together.status_code, together.json["detail"]) == (400, "Total attachment size exceeds maximum of 2MB")
    assert body.status_code == 413
    object.__setattr__(current(), "storage_quota", 2**20 + 5)
    assert send(server, owner, lobby, ("a.txt", megabyte)).status_code == 201
    with keeps_nothing(server):
        beyond = send(server, owner, lobby, ("b.txt", b"other text"))
    assert (beyond.status_code, beyond.json["detail"]) == (
        400,
        "Your files would take more than the 1MB that an account has here.",
    )


def test_whoever_may_not_write_there_leaves_no_file(server: Server, owner: Person, closed: str) -> None:
    outsider = server.sign_up("mallory")

    with keeps_nothing(server):
        assert send(server, outsider, closed, TEXT).status_code == 404
        assert send(server, outsider, "channel_none", TEXT).status_code == 404
        assert server.call("POST", f"/api/v1/channels/{closed}/send_message", data={}).status_code == 401


_NAMES = ["../../wsgi.py.txt", "/etc/cron.d/x.txt", "C:\\a\\b\\x.txt", "x\u202etxt.exe.txt", "a\x07b.txt"]


def test_a_name_is_a_name_and_no_path(server: Server, owner: Person, lobby: str) -> None:
    for name in _NAMES:
        shown = attached(server, owner, lobby, (name, b"x"))[0]

        assert not set("/\\\u202e\x07") & set(shown["filename"])
        answer = get(server, shown["url"])
        assert answer.headers["Content-Disposition"].startswith('inline; filename="')
    assert stored_contents() == {hashlib.sha256(b"x").hexdigest()}


def test_headers_cannot_be_injected_by_a_name(server: Server, owner: Person, lobby: str) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="attachments"; filename="a\\"\r\nSet-Cookie: x=1\r\n.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nx\r\n--x--\r\n"
    )
    path = f"/api/v1/channels/{lobby}/send_message"
    answer = server.call("POST", path, person=owner, data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code in (201, 400)

    shown = attached(server, owner, lobby, ("h\u00e9 'q' 100%.txt", b"x"))[0]
    served = get(server, shown["url"])
    assert "Set-Cookie" not in served.headers
    assert served.headers["Content-Disposition"] == (
        "inline; filename=\"h_ 'q' 100_.txt\"; filename*=UTF-8''h%C3%A9%20%27q%27%20100%25.txt"
    )


def test_files_of_a_private_channel_are_its_members_alone(
    server: Server, owner: Person, member: Person, closed: str
) -> None:
    outsider = server.sign_up("mallory")
    url = attached(server, member, closed, TEXT)[0]["url"]
    missing = url.replace("file_", "file_0")[: len(url)]

    assert url.startswith("/api/v1/storage/file/attachments/file_")
    served = get(server, url, member)
    assert (served.data, served.headers["Cache-Control"]) == (b"some notes", "private, no-store")
    assert server.call("GET", url, person=owner).data == b"some notes"
    for asker in (None, outsider):
        for method, options in (("GET", {}), ("HEAD", {}), ("GET", {"headers": {"Range": "bytes=0-1"}})):
            refused, unknown = (
                server.call(method, path, person=asker, **options)
                for path in (url.replace("/storage/", "/cdn/"), missing)
            )
            assert (refused.status_code, refused.data) == (unknown.status_code, unknown.data)
            assert refused.status_code == 404
            assert refused.headers["Cache-Control"] == "private, no-store"
    digest = hashlib.sha256(b"some notes").hexdigest()
    assert get(server, f"/storage/{digest}", member).status_code == 404
    path = f"/api/v1/channels/{closed}/remove_user"
    server.call("DELETE", path, person=owner, query_string={"to_remove_user_id": outsider.id})


def test_who_is_put_out_loses_the_files(server: Server, owner: Person, member: Person, closed: str) -> None:
    url = attached(server, owner, closed, TEXT)[0]["url"]
    assert get(server, url, member).status_code == 200

    path = f"/api/v1/channels/{closed}/remove_user"
    assert server.call("DELETE", path, person=owner, query_string={"to_remove_user_id": member.id}).status_code == 200

    assert get(server, url, member).status_code == 404


def test_other_servers_get_a_key_that_clients_are_not_shown(server: Server, owner: Person, closed: str) -> None:
    answer = send(server, owner, closed, TEXT)
    shown = answer.json["message_data"]["attachments"][0]["url"]

    url = document(server, answer.json["message_id"])["attachment"][0]["url"]

    assert url.startswith(f"{ORIGIN}{shown}?key=")
    path = url.removeprefix(ORIGIN)
    assert server.call("GET", path).data == b"some notes"
    assert "key" not in str(load(server, owner, closed))
    assert server.call("GET", f"{path[:-1]}{'0' if path[-1] != '0' else '1'}").status_code == 404
    assert server.call("GET", f"{shown}?key=").status_code == 404
    other = attached(server, owner, closed, ("b.txt", b"other"))[0]["url"]
    assert server.call("GET", f"{other}?key={path.partition('=')[2]}").status_code == 404


def test_a_key_of_a_public_channel_is_not_needed(server: Server, owner: Person, lobby: str) -> None:
    answer = send(server, owner, lobby, TEXT)

    note = document(server, answer.json["message_id"])

    assert note["attachment"][0]["url"] == ORIGIN + answer.json["attachments"][0]
    assert "key" not in note["attachment"][0]["url"]


def test_a_deleted_message_takes_its_files_along(server: Server, owner: Person, lobby: str) -> None:
    first, second = (send(server, owner, lobby, TEXT).json for _ in range(2))
    digest = hashlib.sha256(b"some notes").hexdigest()

    def delete(message: dict[str, Any]) -> None:
        path = f"/api/v1/channels/{lobby}/delete_message"
        assert server.call("DELETE", path, person=owner, json={"message_id": message["message_id"]}).status_code == 200

    delete(first)
    assert get(server, first["attachments"][0]).status_code == 404
    assert get(server, second["attachments"][0]).status_code == 200
    delete(second)
    assert get(server, second["attachments"][0]).status_code == 404
    assert (server.stored()["files"], server.stored()["attachments"]) == (0, 0)
    assert stored_contents() == {digest}, "it may be on its way to somebody else"
    clean_up(now=_much_later())
    assert stored_contents() == set()
    assert server.stored()["blobs"] == 0


def _much_later() -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(days=2)


def test_an_edit_leaves_the_files(server: Server, owner: Person, closed: str) -> None:
    sent = send(server, owner, closed, TEXT, text="look").json
    path = f"/api/v1/channels/{closed}/messages/{sent['message_id']}"

    for text in ("look here", ""):
        assert server.call("PUT", path, person=owner, json={"message": text}).status_code == 200
        shown = load(server, owner, closed)[0]
        assert (shown["message"], shown["attachments"]) == (text, sent["message_data"]["attachments"])
        assert get(server, sent["attachments"][0], owner).data == b"some notes"


def test_the_same_request_again_is_the_same_message(server: Server, owner: Person, lobby: str) -> None:
    key = {"headers": {"Idempotency-Key": "once"}}
    first = send(server, owner, lobby, TEXT, text="hi", **key)

    with server.stores_nothing():
        again = send(server, owner, lobby, TEXT, text="hi", **key)
        other = send(server, owner, lobby, ("notes.txt", b"other notes"), text="hi", **key)

    assert again.json == first.json
    assert other.status_code == 422


def test_the_same_request_again_is_answered_whatever_has_changed_since(
    server: Server, owner: Person, member: Person, lobby: str
) -> None:
    """Its own files have filled the quota, or the file that it carried is gone."""
    configure(replace(current(), storage_quota=15))
    url = upload(server, member, *TEXT, directory="attachments").json["url"]
    direct = {"peer": owner.username, "message": "hi", "attachments": [ORIGIN + url]}
    keys = [{"headers": {"Idempotency-Key": key}} for key in ("one", "two")]

    def ask() -> list[Any]:
        return [
            send(server, owner, lobby, TEXT, text="hi", **keys[0]),
            server.call("POST", "/api/v1/dms/send", person=member, json=direct, **keys[1]),
        ]

    first = ask()
    assert server.call("POST", "/api/v1/storage/delete-file", person=member, json={"file_url": url}).status_code == 200
    with server.stores_nothing():
        again = ask()

    assert [answer.status_code for answer in (*first, *again)] == [201] * 4
    assert again[0].json == first[0].json
    assert again[1].json["result"]["message_id"] == first[1].json["result"]["message_id"]


def test_a_full_store_is_a_503_and_keeps_nothing(
    server: Server, owner: Person, lobby: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from app.services.storage import disk

    def full(*_: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, keeps_nothing(server):
        patched.setattr(disk, "copy_hashed", full)
        answer = send(server, owner, lobby, TEXT)
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)

    assert send(server, owner, lobby, TEXT).status_code == 201


def test_a_direct_message_carries_files_of_ones_own(server: Server, owner: Person, member: Person) -> None:
    outsider = server.sign_up("mallory")
    url = upload(server, owner, *TEXT, directory="attachments").json["url"]
    assert url.startswith("/api/v1/storage/file/attachments/")
    assert get(server, url, member).status_code == 404

    body = {"peer": member.username, "message": "", "attachments": [ORIGIN + url]}
    answer = server.call("POST", "/api/v1/dms/send", person=owner, json=body)

    assert answer.status_code == 201, answer.text
    path = f"/api/v1/dms/messages?peer={owner.username}"
    shown = server.call("GET", path, person=member).json["messages"][0]["attachments"]
    assert [(item["url"], item["filename"]) for item in shown] == [(url, "notes.txt")]
    assert get(server, url, member).data == b"some notes"
    assert get(server, url, outsider).status_code == 404


def test_another_persons_file_is_not_to_be_sent(server: Server, owner: Person, member: Person, lobby: str) -> None:
    url = upload(server, owner, *TEXT, directory="attachments").json["url"]
    public = upload(server, owner, *TEXT).json["url"]
    absent = url.replace("file_0", "file_1")

    for attachment, status in (
        (url, 404),
        (public, 404),
        (absent, 404),
        ("https://example.org/a.png", 400),
        ("javascript:alert(1)", 400),
    ):
        with server.stores_nothing():
            body = {"peer": owner.username, "message": "hi", "attachments": [attachment]}
            answer = server.call("POST", "/api/v1/dms/send", person=member, json=body)
        assert answer.status_code == status, (attachment, answer.text)


def test_message_rows_and_file_rows_are_one_transaction(
    server: Server, owner: Person, lobby: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.projections import files

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the process stumbles here")

    with monkeypatch.context() as patched, server.stores_nothing():
        patched.setattr(files, "attach", fail)
        assert send(server, owner, lobby, TEXT).status_code == 500

    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Attachment)) == 0
    assert stored_contents() == {hashlib.sha256(b"some notes").hexdigest()}, "for the clean-up"
    assert clean_up(now=_much_later()) == 1
    assert stored_contents() == set()
