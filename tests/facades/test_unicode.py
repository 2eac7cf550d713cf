"""Text of every script and none: it comes back as it was given, and no name can be taken for another."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from activitypub.vocabulary import PUBLIC
from app.actions.accounts import USERNAME
from app.actions.remote_actors import fetch_actor
from app.db import reading
from app.models import Message
from app.projections.channels import name_key
from app.queries.accounts import look_of
from tests.corpus import corpus
from tests.facades.conftest import PASSWORD
from tests.facades.federation.conftest import World, wire, world
from tests.facades.federation.remote import path_of

__all__ = ["wire", "world"]

SIGN_UP = "/api/v1/users/signup"
_TURNS_AROUND = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def strings() -> list[str]:
    found: list[str] = json.loads((corpus("unicode") / "naughty-strings.json").read_text())
    return found


def said(text: str) -> bool:
    """What says something; an empty message is refused."""
    return bool(text.strip())


def lobby(world: World) -> tuple[str, str]:
    channel_id = world.channel("lobby")
    return channel_id, world.actor(channel_id).uri


def loaded(world: World, channel_id: str) -> Any:
    answer = world.server.call("GET", f"/api/v1/channels/{channel_id}/load_messages", person=world.bob)
    return answer.json["messages"][-1]["message"]


def note_of(world: World, message_id: str) -> Any:
    with reading() as session:
        uri = session.scalars(select(Message.uri).where(Message.id == message_id)).one()
    return world.get(path_of(uri)).json


def texts() -> Iterator[str]:
    """All strings in one text, and every 40th alone."""
    yield "\n".join(text for text in strings() if said(text))
    yield from filter(said, strings()[::40])


def test_a_message_is_read_as_it_was_typed_here_and_elsewhere(world: World) -> None:
    channel_id, _ = lobby(world)

    for text in texts():
        sent = world.server.send(world.alice, channel_id, text)
        assert sent["message"] == text
        assert loaded(world, channel_id) == text
        assert note_of(world, sent["message_id"])["source"]["content"] == text
    for text in strings():
        if not said(text):
            path = f"/api/v1/channels/{channel_id}/send_message"
            assert world.server.call("POST", path, person=world.alice, data={"message": text}).status_code == 400


def test_a_message_from_elsewhere_is_read_as_it_was_typed_there(world: World) -> None:
    channel_id, group = lobby(world)
    world.follow(world.zoe, group)

    for number, text in enumerate(texts()):
        said_there = {"content": f"<p>{html.escape(text)}</p>", "source": {"content": text, "mediaType": "text/plain"}}
        note = world.zoe.note(number=number, **said_there, to=[group, PUBLIC], audience=group)
        world.receive(world.zoe, world.zoe.activity("Create", note, number=number, to=[group, PUBLIC]))
        assert loaded(world, channel_id) == text


def test_a_room_is_called_as_it_was_named_or_refused(world: World) -> None:
    """Without white space around it, and no name a second time that differs in case or width alone."""
    taken: set[str] = set()

    for name in strings()[::12]:
        answer = world.server.call("POST", "/api/v1/channels/create/", person=world.alice, json={"channel_name": name})
        if answer.status_code == 200:
            assert answer.json["channel_data"]["channel_name"] == name.strip()
            assert name_key(name) not in taken
            taken.add(name_key(name))
        else:
            is_too_long = len(name) > 100 or len(name_key(name)) > 255
            assert answer.status_code in ((400,) if is_too_long or not name.strip() else (400, 409)), name
    listed = world.server.call("POST", "/api/v1/channels/list/", person=world.bob).json["channels"]

    assert {name_key(channel["channel_name"]) for channel in listed} == taken
    assert len(taken) > 15


@ON_SQLITE
def test_of_a_display_name_from_elsewhere_is_kept_what_can_be_seen(world: World) -> None:
    for name in strings()[::8]:
        world.wire.serve(world.zoe.uri, world.zoe.document | {"name": name})
        kept = fetch_actor(world.zoe.uri).name or ""
        assert not _TURNS_AROUND & set(kept)
        assert not {"Cc", "Cs"} & set(map(unicodedata.category, kept))
        is_plain = name.isascii() and name.isprintable() and name == " ".join(name.split()) != ""
        assert kept == name[:255] or not is_plain


@ON_SQLITE
def test_no_string_is_an_id(world: World) -> None:
    """Wherever an id is asked for, what is none is not there, or wrong: never an error of ours."""
    for text in strings()[::8]:
        answers = [
            world.server.call("POST", "/api/v1/users/profile", person=world.bob, json={"user_id": text}),
            world.server.call("GET", "/api/v1/dms/messages", person=world.bob, query_string={"peer": text}),
        ]
        # "" is nobody's id either, but asks for one's own profile.
        assert all(answer.status_code in (400, 404) for answer in answers) or text == "", text


# Names of people.


def sign_up(world: World, name: str) -> int:
    return int(world.server.call("POST", SIGN_UP, json={"username": name, "password": PASSWORD}).status_code)


@ON_SQLITE
def test_a_name_is_of_ascii_and_given_once(world: World) -> None:
    statuses = {text: sign_up(world, text) for text in strings()}

    given = [name for name, status in statuses.items() if status == 201]
    assert set(statuses.values()) == {201, 400, 409}
    assert all(re.fullmatch(USERNAME, name) and name.isascii() for name, status in statuses.items() if status != 400)
    assert len({look_of(name) for name in given}) == len({name.lower() for name in given}) == len(given) > 10


def test_what_looks_like_a_letter_of_a_name_is_none() -> None:
    """Of all the characters that Unicode holds for confusable with others."""
    confusables: dict[str, list[dict[str, str]]] = json.loads((corpus("unicode") / "confusables.json").read_text())
    foreign = {text for text in confusables if not text.isascii()}

    assert [text for text in foreign if re.fullmatch(USERNAME, f"a{text}b")] == []
    assert len(foreign) > 9000


def test_two_names_that_are_read_alike_are_not_both_given(world: World) -> None:
    different = ["Lia", "Ila", "user10", "user01", "Bob0", "Tom", "modern", "IO"]
    alike = ["A1ice", "AIice", "BobO", "Torn", "modem", "10", "rnoderator", "r00t", "HE1P", "ADMlN", "SHOAI"]

    assert [sign_up(world, name) for name in different] == [201] * len(different)
    with world.server.stores_nothing():
        assert [sign_up(world, name) for name in alike] == [409] * len(alike)


def test_every_pair_that_the_corpus_holds_for_confusable_is_one_to_us() -> None:
    confusables: dict[str, list[dict[str, str]]] = json.loads((corpus("unicode") / "confusables.json").read_text())
    allowed = re.compile(r"[A-Za-z0-9._-]+")
    pairs = [
        (text, other["c"])
        for text, others in confusables.items()
        for other in others
        if allowed.fullmatch(text) and allowed.fullmatch(other["c"])
    ]

    assert len(pairs) >= 7
    assert [pair for pair in pairs if look_of(pair[0]) != look_of(pair[1])] == []
