"""Full-text search in a channel: what is said is found, what is edited or deleted no longer, and by members alone."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app import sealing
from app.db import database, reading
from app.keyring import Keyring
from app.models import SearchTerms
from app.queries.search import search_terms
from app.settings import configure, current
from tests.databases import ON_SQLITE
from tests.facades.conftest import Person, Server


@pytest.fixture
def lobby(server: Server, owner: Person) -> str:
    return server.once("lobby", lambda: str(server.create_channel(owner)["channel_id"]))


def search(server: Server, person: Person, channel_id: str, q: str | None, **query: int) -> Any:
    path = f"/api/v1/channels/{channel_id}/search"
    return server.call("GET", path, person=person, query_string={"q": q, **query})


def found(server: Server, person: Person, channel_id: str, q: str, **query: int) -> list[str]:
    answer = search(server, person, channel_id, q, **query)
    assert answer.status_code == 200, answer.text
    return [message["message"] for message in answer.json["messages"]]


@pytest.mark.parametrize(
    ("said", "q"),
    [
        ("Hello everyone!", "hello"),
        ("Hello everyone!", "EVERYONE hello"),
        ("Hello everyone!", "every"),
        ("an answer of 42 things", "42"),
        ("größe zählt", "GRÖSSE"),
        ("\uff46\uff55\uff4c\uff4c width", "full"),
        ("see https://pond.example/frogs", "frogs"),
        ("look @bob", "@bob"),
        ("今日は東京へ行きます", "東京"),
        ("mixed東京text", "東京"),
        ("mixed東京text", "mixed"),
        ("यह हिन्दी है", "हिन्दी"),
        ("נִקּוּד here", "נִקּוּד"),
        ("ภาษาไทย", "ไทย"),
        ("❤️frog", "frog"),
        ("cafe\u0301 au lait", "café"),
        ("it is incomprehensibilities all along", "incomprehensibilities"),
        ("straße 🐸 frog", "frog 🐸"),
        ("Z" + "\u0301\u0316" * 200 + "algo frog", "frog"),
    ],
)
def test_what_was_said_is_found(server: Server, owner: Person, lobby: str, said: str, q: str) -> None:
    server.send(owner, lobby, said)
    server.send(owner, lobby, "something else")

    assert found(server, owner, lobby, q) == [said]


@pytest.mark.parametrize(
    "text",
    ["a" + "\u0345" * 25_000 + "\u0334" * 24_999, "a" + "\uff9e\u0334" * 25_000, "\ufdfa" * 50_000],
    ids=["marks", "half-width", "sentences"],
)
def test_no_text_takes_long_to_be_indexed(text: str) -> None:
    """What fails takes 10 seconds, and keeps everybody waiting."""
    began = time.process_time()

    search_terms("channel", 1, text)

    assert time.process_time() - began < 2


def test_the_answer(server: Server, owner: Person, member: Person, lobby: str) -> None:
    first = server.send(owner, lobby, "the first frog")
    second = server.send(member, lobby, "frogs, the second")

    assert search(server, owner, lobby, "frog").json == {
        "status_code": 200,
        "messages": [second, first],
        "query": "frog",
        "scanned": 2,
        "truncated_scan": False,
    }


@pytest.mark.parametrize("q", ["h", "", None, "x" * 201, "!?", "a b", "\x00\x00"])
@ON_SQLITE
def test_a_query_without_a_word_is_refused(server: Server, owner: Person, lobby: str, q: str | None) -> None:
    server.send(owner, lobby, "a b h hello")

    answer = search(server, owner, lobby, q)

    assert answer.status_code == 400
    assert isinstance(answer.json["detail"], str)


@pytest.mark.parametrize(
    "q", ["frog AND toad", "frog OR toad", 'frog" toad', "frog* (toad", "frog & !toad", "-frog toad"]
)
def test_a_query_is_words_and_nothing_else(server: Server, owner: Person, lobby: str, q: str) -> None:
    server.send(owner, lobby, "frog and toad or newt")
    server.send(owner, lobby, "or and newt")

    assert found(server, owner, lobby, q) == ["frog and toad or newt"]


def test_pages_are_in_order_and_end(server: Server, owner: Person, lobby: str) -> None:
    said = [server.send(owner, lobby, f"frog {number}")["message"] for number in range(5)]

    pages = [found(server, owner, lobby, "frog", page=page, messages_per_page=2) for page in (1, 2, 3, 4)]

    assert pages == [said[:2:-1], said[2:0:-1], said[:1], []]
    is_more = [search(server, owner, lobby, "frog", messages_per_page=size).json["truncated_scan"] for size in (4, 5)]
    assert is_more == [True, False]


def test_an_edit_is_found_by_what_it_says_now(server: Server, owner: Person, lobby: str) -> None:
    message_id = server.send(owner, lobby, "a frog")["message_id"]

    path = f"/api/v1/channels/{lobby}/messages/{message_id}"
    assert server.call("PUT", path, person=owner, json={"message": "a toad"}).status_code == 200

    assert (found(server, owner, lobby, "frog"), found(server, owner, lobby, "toad")) == ([], ["a toad"])


def test_what_is_deleted_leaves_no_terms(server: Server, owner: Person, lobby: str) -> None:
    message_id = server.send(owner, lobby, "a frog")["message_id"]

    path = f"/api/v1/channels/{lobby}/delete_message"
    server.call("DELETE", path, person=owner, query_string={"message_id": message_id})

    assert found(server, owner, lobby, "frog") == []
    assert _terms() == []


def test_only_members_find_what_is_said_in_a_private_channel(
    server: Server, owner: Person, member: Person, lobby: str
) -> None:
    secret = server.create_channel(owner, channel_name="den", is_private=True)["channel_id"]
    server.send(owner, secret, "a secret frog")

    assert search(server, member, secret, "frog").status_code == 404
    assert search(server, member, "channel_none", "frog").status_code == 404
    assert found(server, member, lobby, "frog") == []
    assert found(server, owner, secret, "frog") == ["a secret frog"]


def test_terms_do_not_tell_the_words_nor_that_channels_share_them(server: Server, owner: Person, lobby: str) -> None:
    other = server.create_channel(owner, channel_name="other")["channel_id"]
    for channel in (lobby, other):
        server.send(owner, channel, "frog pond")

    ours, theirs = (set(terms.split()) for terms in _terms())

    assert len(ours) == len(theirs) > 0
    assert ours.isdisjoint(theirs)
    assert all(len(term) == 10 and term.isalpha() for term in ours | theirs)
    assert not {"frog", "pond"} & (ours | theirs)


def test_direct_messages_are_not_in_the_index(server: Server, owner: Person, member: Person) -> None:
    server.call("POST", "/api/v1/dms/send", person=owner, json={"peer": "bob", "message": "a frog"})

    assert _terms() == []


def test_a_search_costs_five_statements(server: Server, owner: Person, lobby: str) -> None:
    for number in range(30):
        server.send(owner, lobby, f"frog {number}")

    with server.counted_queries() as statements:
        assert len(found(server, owner, lobby, "frog", messages_per_page=20)) == 20

    assert len([statement for statement in statements if not statement.startswith("BEGIN")]) <= 5


def test_it_agrees_with_reading_everything(server: Server, owner: Person, lobby: str) -> None:
    chance = random.Random(11)
    words = ["frog", "frogs", "pond", "ponder", "newt", "toad", "to", "toadstool"]
    texts = [" ".join(chance.choices(words, k=3)) for _ in range(25)]
    for text in texts:
        server.send(owner, lobby, text)

    for one, other in itertools.combinations(["fro", "frogs", "pond", "ne", "toads", "to"], 2):
        expected = [
            text
            for text in reversed(texts)
            if all(any(word.startswith(wanted) for word in text.split()) for wanted in (one, other))
        ]
        assert found(server, owner, lobby, f"{one} {other}", messages_per_page=50) == expected


def rotate(*new: str) -> None:
    """As a start with SHOAL_SECRET_KEY=new,old."""
    settings = replace(current(), secret_keys=(*new, *current().secret_keys))
    configure(settings)
    sealing.configure(Keyring(settings.secret_keys))


def test_what_was_said_under_an_older_secret_is_found_in_its_order(server: Server, owner: Person, lobby: str) -> None:
    texts: dict[str, str] = {}
    for round_ in range(3):
        for number in range(3):
            text = f"frog no{number} of {round_}"
            texts[server.send(owner, lobby, text)["message_id"]] = text
        rotate(f"{round_}" * 32)
    first, second, third = list(texts)[:3]
    path = f"/api/v1/channels/{lobby}"
    for message_id, text in ((first, "a newt"), (second, "frogs no1 again")):
        assert (
            server.call("PUT", f"{path}/messages/{message_id}", person=owner, json={"message": text}).status_code == 200
        )
        texts[message_id] = text
    server.call("DELETE", f"{path}/delete_message", person=owner, query_string={"message_id": third})
    said = [text for message_id, text in reversed(texts.items()) if message_id not in (first, third)]

    pages = [found(server, owner, lobby, "frog", page=page, messages_per_page=3) for page in (1, 2, 3, 4)]

    assert pages == [said[:3], said[3:6], said[6:], []]
    assert found(server, owner, lobby, "newt") == ["a newt"]
    assert found(server, owner, lobby, "frog no1") == [text for text in said if "no1" in text]
    assert found(server, owner, lobby, "frog no0 no1") == []


@pytest.mark.parametrize("first", [1, 2])
def test_all_blocks_are_looked_through(
    server: Server, owner: Person, lobby: str, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """With blocks so small that a few messages fill many."""
    for name, value in {"BLOCK": 2, "_FIRST_BLOCKS": first, "_MOST_BLOCKS": 4}.items():
        monkeypatch.setattr(f"app.queries.search.{name}", value)
    said = [server.send(owner, lobby, f"frog {number}")["message"] for number in range(31)]

    assert found(server, owner, lobby, "frog", messages_per_page=50) == said[::-1]
    assert found(server, owner, lobby, "frog", page=3, messages_per_page=7) == said[::-1][14:21]
    assert found(server, owner, lobby, "frog 00") == []
    assert found(server, owner, lobby, "frog 30") == ["frog 30"]


def test_no_more_than_a_thousand_are_shown(
    server: Server, owner: Person, lobby: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.queries.search.MAX_FOUND", 3)
    for number in range(5):
        server.send(owner, lobby, f"frog {number}")

    pages = [found(server, owner, lobby, "frog", page=page, messages_per_page=2) for page in (1, 2, 3)]

    assert pages == [["frog 4", "frog 3"], ["frog 2"], []]


def _terms() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(SearchTerms.terms).order_by(SearchTerms.id)))


def test_what_was_found_is_looked_up_by_its_ids(server: Server, owner: Person, lobby: str) -> None:
    """And not by the channel: SQLite would go through all of its messages, which takes half a minute for a million."""
    for number in range(50):
        server.send(owner, lobby, f"Hello {number}!")
    with server.counted_queries() as statements:
        assert len(found(server, owner, lobby, "hello", messages_per_page=50)) == 50
    [statement] = [statement for statement in statements if "message_contents" in statement]
    if database().engine.dialect.name != "sqlite":
        return  # PostgreSQL plans with numbers that a database of one message does not have.

    with database().engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?")).all()

    steps = [row[3] for row in plan]
    assert "SEARCH search_terms USING INTEGER PRIMARY KEY (rowid=?)" in steps
    assert "SEARCH messages USING INDEX sqlite_autoindex_messages_1 (id=?)" in steps
