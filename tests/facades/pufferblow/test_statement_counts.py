"""What the other hot routes ask of the database; those of messages are counted where they are tested."""

from __future__ import annotations

import io
from collections import Counter

from app.db import database
from tests.facades.conftest import PASSWORD, Person, Server


def counted(queries: list[str]) -> Counter[str]:
    return Counter(query.split()[0] for query in queries if not query.startswith("BEGIN"))


def test_signing_in(server: Server, member: Person) -> None:
    given = {"username": member.username, "password": PASSWORD}
    with server.counted_queries() as queries:
        assert server.call("POST", "/api/v1/users/signin", json=given).status_code == 200

    assert counted(queries) == {"SELECT": 2, "UPDATE": 1, "INSERT": 3}


def test_a_direct_message(server: Server, owner: Person, member: Person) -> None:
    def tell(text: str) -> None:
        given = {"peer": owner.username, "message": text}
        assert server.call("POST", "/api/v1/dms/send", person=member, json=given).status_code == 201

    tell("the first makes the conversation")
    with server.counted_queries() as queries:
        tell("hello")

    inserts = {"INSERT": 7} if database().is_sqlite else {"INSERT": 2, "WITH": 2}
    assert counted(queries) == {"SELECT": 11, "UPDATE": 1} | inserts


def test_an_upload(server: Server, owner: Person) -> None:
    def upload(content: bytes) -> None:
        given = {"file": (io.BytesIO(content), "notes.txt"), "directory": "documents"}
        assert server.call("POST", "/api/v1/storage/upload", person=owner, data=given).status_code == 201

    upload(b"one")
    with server.counted_queries() as queries:
        upload(b"two")

    inserts = {"INSERT": 3} if database().is_sqlite else {"INSERT": 1, "WITH": 1}
    assert counted(queries) == {"SELECT": 6} | inserts
