"""Files that nothing shows any more, and what is left of uploads that never ended, are cleaned up."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.actions.files.orphans import clean_up
from app.errors import UnavailableError
from app.services.storage import store
from app.settings import current
from tests.facades.conftest import Person, Server
from tests.facades.pufferblow.files import (
    DIGEST,
    TEXT,
    URL,
    ask,
    attached,
    get,
    set_portrait,
    stored_contents,
    upload,
)
from tests.media.pictures import picture

LATER = timedelta(days=2)


def test_the_clean_up_takes_what_nothing_shows_and_nobody_has(server: Server, owner: Person, member: Person) -> None:
    channel_id = str(server.create_channel(owner)["channel_id"])
    kept = upload(server, member, "kept.txt", TEXT).json["url"]
    carried = attached(server, member, channel_id, ("c.txt", b"c"))[0]["url"]
    unused = upload(server, member, "u.txt", b"u", "attachments").json["url"]
    old = set_portrait(server, member, "avatar", "me.png", picture(size=(900, 900))).json["avatar_url"]
    new = set_portrait(server, member, "avatar", "me.png", picture()).json["avatar_url"]
    folder = current().data_dir / "files"
    (folder / "00").mkdir()
    (folder / "00" / ".draft-1").write_bytes(b"half")
    (folder / "00" / ("00" * 32)).write_bytes(b"an upload that crashed before its row")

    assert clean_up(datetime.now(UTC)) == 0, "all of it is young"
    assert ask(server, member, "cleanup-orphaned").status_code == 403
    assert ask(server, owner, "cleanup-orphaned", subdirectory="etc").status_code == 400
    assert ask(server, owner, "cleanup-orphaned", subdirectory="images").json == {
        "status_code": 200,
        "message": "Orphaned files cleanup completed successfully",
        "subdirectory": "images",
        "deleted_count": 0,
    }
    assert clean_up(datetime.now(UTC) + LATER) == 5, "two files, their contents, and the one without a row"
    clean_up(datetime.now(UTC) + LATER)

    assert [server.call("GET", url).status_code for url in (kept, carried, new)] == [200] * 3
    assert get(server, unused, member).status_code == 404
    assert server.call("GET", old).status_code == 404
    assert stored_contents() == {DIGEST, hashlib.sha256(b"c").hexdigest(), new.rpartition("/")[2]}
    assert server.stored()["blobs"] == 3


def test_the_same_content_that_comes_back_during_a_clean_up_is_there_afterwards(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clean-up runs after the store has the content and before the row tells of it."""
    upload(server, owner, "a.txt", TEXT)
    assert ask(server, owner, "delete-file", file_url=URL).status_code == 200
    here = store()
    put = here.put

    def put_then_clean(digest: str, file: Any) -> None:
        put(digest, file)
        monkeypatch.setattr(here, "put", put, raising=False)
        assert clean_up(datetime.now(UTC) + LATER) == 1
        assert not here.has(digest)

    monkeypatch.setattr(here, "put", put_then_clean, raising=False)

    assert upload(server, owner, "a.txt", TEXT).status_code == 201
    assert server.call("GET", URL).data == TEXT


def test_nobody_waits_for_a_store_that_the_clean_up_waits_for(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_id = str(server.create_channel(owner)["channel_id"])
    upload(server, owner, "u.txt", b"u", "attachments")

    def hang(_digest: str) -> bool:
        server.send(owner, channel_id, "in the meantime")
        raise UnavailableError

    monkeypatch.setattr(store(), "has", hang, raising=False)
    with pytest.raises(UnavailableError):
        clean_up(datetime.now(UTC) + LATER)

    assert server.stored()["messages"] == 1
