"""Create a Note: a message in a channel of ours, in another server's, or between people."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from activitypub import build
from activitypub.documents import Activity, parse_activity
from activitypub.vocabulary import PUBLIC
from app.db import reading
from app.effects import notifying
from app.errors import ConflictError
from app.models import Actor, Notification
from app.pipeline import compose
from tests.world import Channel, Sent, World, moment

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


def create(world: World, author: Actor, channel: Channel, text: str = "hello", **fields: object) -> Activity:
    """The Create of a message in a channel, whoever its author is."""
    if author.is_local:
        return compose.channel_message(world.viewer(author), channel.id, text)
    note = world.note(author, text, to=[channel.uri, PUBLIC], audience=[channel.uri], **fields)
    return build.create(actor=author.uri, object=note)


@ORIGINS
def test_message_stands_in_the_channel_for_everybody(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby")

    outcome = world.perform(create(world, zoe, lobby))

    assert world.texts(lobby) == ["hello"]
    (event,) = world.event_rows()
    assert (event.type, event.channel_id, event.message_id, event.actor_id) == (
        "message",
        lobby.id,
        outcome.found["message_id"],
        zoe.id,
    )
    (message,) = world.stored()["messages"]
    assert "public" in message


def test_messages_stand_in_the_order_they_came(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    world.say(world.bob, lobby, "first")
    world.say(zoe, lobby, "second", published=moment(hours=-24))
    world.say(world.alice, lobby, "third")

    assert world.texts(lobby) == ["first", "second", "third"]


def test_public_message_is_announced_whole_and_then_by_its_uri(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])

    uri = world.say(world.bob, lobby, "hello")

    inbox = "https://pond.example/inbox"
    assert world.deliveries() == [Sent("Announce", lobby.uri, inbox), Sent("Announce", lobby.uri, inbox)]
    whole, by_uri = world.announced()
    assert (whole["object"]["type"], whole["object"]["object"]["id"]) == ("Create", uri)
    assert "proof" in whole["object"]
    assert by_uri["object"] == uri
    for announce in (whole, by_uri):
        assert (announce["to"], announce["cc"]) == ([PUBLIC], [lobby.actor.followers])


def test_message_from_elsewhere_is_announced_to_the_others(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[zoe, yan])

    world.say(zoe, lobby, "hello")

    assert {sent.inbox for sent in world.deliveries()} == {"https://pond.example/inbox", "https://lake.example/inbox"}
    assert {sent.type for sent in world.deliveries()} == {"Announce"}


@pytest.mark.parametrize("where", ["activity", "note"])
def test_whom_a_message_is_for_in_secret_is_not_announced(world: World, where: str) -> None:
    zoe, lobby = world.actor("zoe", "remote"), world.channel("lobby", members=[world.actor("yan", "remote")])
    hidden = {"bto": ["https://lake.example/users/xan"], "bcc": "https://lake.example/users/xan"}
    note = world.note(zoe, "hello", to=[lobby.uri, PUBLIC]) | (hidden if where == "note" else {})
    create = dict(world.identified(build.create(actor=zoe.uri, object=note)).document)

    world.perform(world.proved(parse_activity(create | (hidden if where == "activity" else {}))))

    whole, _ = world.announced()
    assert "xan" not in json.dumps(whole)
    assert "proof" not in whole["object"]
    assert whole["object"]["object"]["content"] == "<p>hello</p>"


def test_nothing_is_announced_where_nobody_elsewhere_listens(world: World) -> None:
    lobby = world.channel("lobby", members=[world.bob])

    world.say(world.bob, lobby, "hello")

    assert world.deliveries() == []
    assert [row.type for row in world.log()].count("Announce") == 0


def test_message_from_elsewhere_for_members_alone_stays_among_them(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])

    uri = world.say(zoe, lobby, "between us", is_public=False)

    assert world.message(uri).audience == "members"
    (announce,) = world.announced()
    assert (announce["to"], announce["cc"]) == ([lobby.actor.followers], [])


def test_message_from_elsewhere_in_a_private_channel_reaches_its_members_and_nobody_else(world: World) -> None:
    """One of ours is addressed to each of them; who writes elsewhere does not know them."""
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    den = world.channel("den", is_private=True, members=[zoe, yan])

    uri = world.say(zoe, den, "hush")

    assert world.message(uri).audience == "members"
    assert {sent.inbox for sent in world.deliveries()} == {"https://pond.example/inbox", "https://lake.example/inbox"}
    (announce,) = world.announced()
    assert (announce["to"], announce["cc"]) == ([den.actor.followers], [])
    assert announce["object"]["type"] == "Create"


def test_public_reply_in_a_channel_stands_there_without_naming_it(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "question")
    note = world.note(zoe, "answer", in_reply_to=uri)

    world.perform(build.create(actor=zoe.uri, object=note))

    assert world.texts(lobby) == ["question", "answer"]


def test_public_mention_of_a_channel_stands_in_it(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    note = world.note(zoe, "hi all", mentions={lobby.uri: "@lobby@chat.example"})

    world.perform(build.create(actor=zoe.uri, object=note))

    assert world.texts(lobby) == ["hi all"]


def test_private_note_is_not_shown_in_a_channel_it_only_mentions(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    mentions = {world.bob.uri: "@bob@chat.example", lobby.uri: "@lobby@chat.example"}
    note = world.note(zoe, "do not tell", to=[world.bob.uri], mentions=mentions, context=f"{lobby.uri}/messages")

    world.perform(build.create(actor=zoe.uri, object=note))

    assert world.texts(lobby) == []
    assert world.message(note["id"]).audience == "direct"


@ORIGINS
def test_direct_message_is_between_its_people(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)

    uri = world.tell(zoe, [world.bob], "psst")

    message = world.message(uri)
    assert (message.audience, message.channel_id) == ("direct", None)
    assert world.events() == ["direct_message"]
    assert {row[1] for row in world.stored()["participants"]} == {zoe.id, world.bob.id}


def test_direct_message_reaches_people_elsewhere_in_their_own_inboxes_alone(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")

    uri = world.tell(world.bob, [zoe, yan], "psst")

    assert {sent.inbox for sent in world.deliveries()} == {zoe.inbox, yan.inbox}
    (create,) = [world.json(row.uri) for row in world.log() if row.type == "Create" and row.object_uri == uri]
    note = create["object"]
    for part in (create, note):
        assert (sorted(part["to"]), part["cc"]) == (sorted([zoe.uri, yan.uri]), [])
        assert "audience" not in part
    assert sorted((tag["type"], tag["href"], tag["name"]) for tag in note["tag"]) == [
        ("Mention", yan.uri, "@yan@pond.example"),
        ("Mention", zoe.uri, "@zoe@pond.example"),
    ]


@pytest.mark.parametrize("spelling", ["cc only", "to is a string", "on the activity alone", "on the note alone"])
def test_direct_message_is_understood_however_it_is_addressed(world: World, spelling: str) -> None:
    """As the servers of contracts/peers.md, 4, do it."""
    zoe = world.actor("zoe", "remote")
    note = world.note(zoe, "psst", to=[world.bob.uri], mentions={world.bob.uri: "@bob@chat.example"})
    activity = dict(build.create(actor=zoe.uri, object=note).document)
    match spelling:
        case "cc only":
            note |= {"to": [], "cc": [world.bob.uri]}
            activity |= {"to": [], "cc": [world.bob.uri]}
        case "to is a string":
            note |= {"to": world.bob.uri, "tag": note["tag"][0]}
            activity |= {"to": world.bob.uri}
        case "on the activity alone":
            note |= {"to": []}
        case "on the note alone":
            activity |= {"to": []}

    world.perform(parse_activity(activity | {"object": note}))

    assert world.text(note["id"]) == "psst"


def test_public_mention_of_one_of_ours_is_shown_to_the_first_named(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    mentions = {world.bob.uri: "@bob@chat.example", world.alice.uri: "@alice@chat.example"}
    note = world.note(zoe, "hi", mentions=mentions)

    world.perform(build.create(actor=zoe.uri, object=note))

    assert {row[1] for row in world.stored()["participants"]} == {zoe.id, world.bob.id}


def test_public_note_that_names_one_of_ours_among_its_recipients_is_shown_to_them(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    note = world.note(zoe, "hi", to=[PUBLIC, world.bob.uri])

    world.perform(build.create(actor=zoe.uri, object=note))

    assert {row[1] for row in world.stored()["participants"]} == {zoe.id, world.bob.id}


def test_video_without_a_word_is_read_by_its_link(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    post = world.note(zoe, "", to=[lobby.uri, PUBLIC]) | {"type": "Video", "content": ""}
    del post["source"]

    world.perform(build.create(actor=zoe.uri, object=post))

    assert world.texts(lobby) == [post["id"]]


@pytest.mark.parametrize("type_", ["Article", "Page", "Question", "Video"])
def test_what_has_a_title_is_read_by_title_text_and_link(world: World, type_: str) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    post = world.note(zoe, "Body", to=[lobby.uri, PUBLIC]) | {"type": type_, "name": "Title"}
    del post["source"]

    world.perform(build.create(actor=zoe.uri, object=post))

    assert world.texts(lobby) == [f"Title\n\nBody\n\n{post['id']}"]


def test_markup_from_elsewhere_is_made_safe(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    note = world.note(zoe, "x", to=[lobby.uri, PUBLIC])
    note |= {"content": '<p onclick="x()">hi <script>alert(1)</script><img src=x onerror=y></p>'}
    del note["source"]

    world.perform(build.create(actor=zoe.uri, object=note))

    assert world.texts(lobby) == ["hi"]


def test_member_writes_in_another_servers_channel_and_its_home_is_told(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])

    uri = world.say(world.bob, pond, "hello")

    assert world.texts(pond) == ["hello"]
    assert world.deliveries() == [Sent("Create", world.bob.uri, "https://pond.example/inbox")]
    (create,) = [world.json(row.uri) for row in world.log() if row.object_uri == uri]
    assert create["to"] == [pond.uri, PUBLIC]
    assert create["audience"] == [pond.uri]


def test_message_in_another_servers_closed_channel_is_not_public(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob], is_private=True)

    uri = world.say(world.bob, pond, "hello")

    assert world.message(uri).audience == "members"
    (create,) = [world.json(row.uri) for row in world.log() if row.object_uri == uri]
    assert (create["to"], create["cc"]) == ([pond.uri], [])


def test_home_of_a_channel_elsewhere_speaks_for_its_own_people(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    zoe = world.actor("zoe", "remote")

    world.say(zoe, pond, "hello")

    assert world.texts(pond) == ["hello"]


# What a repeat does.


def test_repeated_create_changes_nothing(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    activity = world.identified(create(world, zoe, lobby))
    world.perform(activity)
    before = world.stored()

    outcome = world.perform(activity)

    assert outcome.is_repeat
    assert world.stored() == before


def test_second_create_of_a_note_does_not_widen_its_audience(world: World) -> None:
    """Hostile case ORI-17."""
    zoe = world.actor("zoe", "remote")
    uri = world.tell(zoe, [world.bob], "psst")
    lobby = world.channel("lobby")

    with world.refuses(ConflictError):
        world.perform(create(world, zoe, lobby, "psst", id=uri))

    assert world.message(uri).audience == "direct"


@pytest.mark.parametrize("path", ["हिन्दी", "ไทยที่", "עִברִית", "e\u0301", "💩"])
def test_note_whose_id_is_in_another_script_is_taken(world: World, path: str) -> None:
    lobby = world.channel("lobby")

    uri = world.say(world.actor("zoe", "remote"), lobby, "hello", id=f"https://pond.example/p/{path}")

    assert world.message(uri).uri == uri


def test_strangers_tell_nobody_more_than_is_bearable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile case FED-10. One person is told 20 times by an author and 60 times by a domain, all 30 here."""
    monkeypatch.setattr(notifying, "MOST_BY_STRANGER", 30)
    yan, *crowd = (world.actor(f"zoe{number}", "remote", host=f"s{number}.pond.example") for number in range(5))
    far = world.actor("far", "remote", host="lake.example")
    lobby = world.channel("lobby")
    bob, both = {world.bob.uri: "@bob"}, {world.bob.uri: "@bob", world.alice.uri: "@alice"}

    for _ in range(22):
        world.say(yan, lobby, "buy", mentions=both)
    assert (_told(world.bob), _told(world.alice)) == (15, 15)

    for stranger in crowd:
        for _ in range(22):
            world.say(stranger, lobby, "buy", mentions=bob)
    assert _told(world.bob) == 60

    world.say(far, lobby, "hello", mentions=both)
    assert (_told(world.bob), _told(world.alice)) == (61, 16)
    for _ in range(22):
        world.say(far, lobby, "hello", mentions=bob)
    assert _told(world.bob) == 80


def _told(person: Actor) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).where(Notification.account_id == person.id)) or 0
