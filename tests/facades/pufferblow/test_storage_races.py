"""Files that somebody takes away while somebody else begins to use them: PostgreSQL alone lets both write at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.actions.files.orphans import clean_up
from app.db import database
from tests.databases import ON_POSTGRESQL
from tests.facades.conftest import ORIGIN, Person, Server
from tests.facades.pufferblow.files import get, set_portrait, upload
from tests.media.pictures import picture

pytestmark = ON_POSTGRESQL

LATER = timedelta(days=2)
TEXT = ("notes.txt", b"some notes")


@pytest.fixture
def url(server: Server, owner: Person) -> str:
    """A file of the owner's that no message carries yet."""
    return str(upload(server, owner, *TEXT, directory="attachments").json["url"])


def tell(server: Server, owner: Person, member: Person, url: str, text: str) -> Any:
    body = {"peer": member.username, "message": text, "attachments": [ORIGIN + url]}
    return server.call("POST", "/api/v1/dms/send", person=owner, json=body)


def at_the_commit_of(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """What both return, where the second begins when the first has written everything, and the first does not commit
    before the second waits for it or is done."""
    meanwhile: list[Future[Any]] = []
    with ThreadPoolExecutor() as pool:

        def begin_second(_connection: object) -> None:
            if threading.current_thread() is threading.main_thread() and not meanwhile:
                meanwhile.append(pool.submit(second))
                _wait_until(lambda: meanwhile[0].done() or _somebody_waits())

        engine = database().writing_engine
        event.listen(engine, "commit", begin_second)
        try:
            return first(), meanwhile[0].result()
        finally:
            event.remove(engine, "commit", begin_second)


def _wait_until(is_so: Callable[[], bool]) -> None:
    tick = threading.Event()
    while not is_so():
        tick.wait(0.01)


def _somebody_waits() -> bool:
    with database().engine.connect() as connection:
        return bool(connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar())


def test_the_clean_up_leaves_a_file_that_a_message_is_given_meanwhile(
    server: Server, owner: Person, member: Person, url: str
) -> None:
    told, _ = at_the_commit_of(
        lambda: tell(server, owner, member, url, "look"), lambda: clean_up(datetime.now(UTC) + LATER)
    )

    assert told.status_code == 201
    assert get(server, url, member).data == b"some notes"


def test_a_message_is_not_given_a_file_that_the_clean_up_takes_meanwhile(
    server: Server, owner: Person, member: Person, url: str
) -> None:
    _, told = at_the_commit_of(
        lambda: clean_up(datetime.now(UTC) + LATER), lambda: tell(server, owner, member, url, "look")
    )

    assert told.status_code == 409
    assert server.stored()["messages"] == 0


def test_the_deletion_of_a_message_leaves_a_file_that_another_is_given_meanwhile(
    server: Server, owner: Person, member: Person, url: str
) -> None:
    first = tell(server, owner, member, url, "one").json["result"]
    path = f"/api/v1/channels/{first['conversation_id']}/delete_message"

    told, deleted = at_the_commit_of(
        lambda: tell(server, owner, member, url, "two"),
        lambda: server.call("DELETE", path, person=owner, json={"message_id": first["message_id"]}),
    )

    assert (told.status_code, deleted.status_code) == (201, 200)
    assert get(server, url, member).data == b"some notes"


def test_the_clean_up_leaves_a_picture_that_is_shown_again_meanwhile(server: Server, member: Person) -> None:
    url = set_portrait(server, member, "avatar", "a.png", picture()).json["avatar_url"]
    set_portrait(server, member, "avatar", "b.png", picture(size=(8, 8)))

    shown, _ = at_the_commit_of(
        lambda: set_portrait(server, member, "avatar", "a.png", picture()),
        lambda: clean_up(datetime.now(UTC) + LATER),
    )

    assert shown.json["avatar_url"] == url
    assert server.call("GET", url).status_code == 200
