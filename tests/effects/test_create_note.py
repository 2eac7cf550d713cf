"""Create a Note: a message in a channel of ours, in another server's, or between people."""

from __future__ import annotations

import pytest

from activitypub import build
from activitypub.documents import Activity, parse_activity
from activitypub.vocabulary import PUBLIC
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import compose
from tests.founding import ORIGIN, URIS
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


# Who may not.


@ORIGINS
def test_banned_actor_may_not_write(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    lobby = world.channel("lobby")
    activity = create(world, mallory, lobby)
    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))

    with world.refuses(ForbiddenError, "banned"):
        world.perform(activity)


def test_account_banned_from_the_server_may_not_write(world: World) -> None:
    activity = create(world, world.bob, world.channel("lobby"))
    world.change_account(world.bob, banned_at=moment())

    with world.refuses(ForbiddenError, "banned"):
        world.perform(activity)


def test_account_that_is_timed_out_may_not_write_until_then(world: World) -> None:
    lobby = world.channel("lobby")
    world.change_account(world.bob, timed_out_until=moment(hours=1))
    with world.refuses(ForbiddenError, "timed out until"):
        world.perform(create(world, world.bob, lobby))

    world.change_account(world.bob, timed_out_until=moment(hours=-1))
    world.perform(create(world, world.bob, lobby))

    assert world.texts(lobby) == ["hello"]


def test_stranger_from_elsewhere_may_not_write_in_a_private_channel(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    den = world.channel("den", is_private=True)

    with world.refuses(NotFoundError):
        world.perform(create(world, mallory, den))


def test_local_stranger_may_not_write_in_a_private_channel(world: World) -> None:
    den = world.channel("den", is_private=True)
    note = world.note(world.bob, "hello", to=[den.uri], id=URIS.message("msg_1"))

    with world.refuses(NotFoundError):
        world.perform(build.create(actor=world.bob.uri, object=note))


def test_nobody_writes_in_a_voice_channel(world: World) -> None:
    stage = world.channel("stage", type="voice")

    with world.refuses(InvalidInputError, "voice-only"):
        world.perform(create(world, world.bob, stage))


@ORIGINS
def test_blocked_actor_may_not_write_to_who_blocks_it(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    world.perform(build.block(actor=world.bob.uri, object=mallory.uri))
    world.forget()

    with world.refuses(ForbiddenError, "does not take messages"):
        world.tell(mallory, [world.bob], "psst")


def test_one_of_ours_may_not_write_to_who_blocks_it_elsewhere(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    world.perform(build.block(actor=zoe.uri, object=world.bob.uri))

    with world.refuses(ForbiddenError, "does not take messages"):
        world.tell(world.bob, [zoe], "psst")


@pytest.mark.parametrize("victim", ["of another server", "of the same server", "of ours"])
def test_nobody_writes_in_anothers_name(world: World, victim: str) -> None:
    mallory = world.actor("mallory", "remote")
    author = {
        "of another server": lambda: world.actor("zoe", "remote", host="lake.example"),
        "of the same server": lambda: world.actor("zoe", "remote"),
        "of ours": lambda: world.bob,
    }[victim]()
    lobby = world.channel("lobby")
    note = world.note(author, "forged", to=[lobby.uri, PUBLIC])

    with world.refuses(ForbiddenError):
        world.perform(build.create(actor=mallory.uri, object=note))


@pytest.mark.parametrize("id_", [f"{ORIGIN}/ap/messages/evil", "https://lake.example/notes/1"])
def test_nobody_makes_an_object_on_another_server(world: World, id_: str) -> None:
    mallory = world.actor("mallory", "remote")
    lobby = world.channel("lobby")

    with world.refuses(ForbiddenError):
        world.perform(create(world, mallory, lobby, id=id_))


def test_note_for_nobody_here_is_refused(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote")
    note = world.note(zoe, "psst", to=[yan.uri])

    with world.refuses(NotFoundError, "nobody here"):
        world.perform(build.create(actor=zoe.uri, object=note))


@ORIGINS
def test_message_that_says_nothing_is_refused(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby")
    uri = URIS.message("msg_1") if origin == "local" else f"{zoe.uri}/1"
    note = world.note(zoe, "", to=[lobby.uri, PUBLIC], id=uri) | {"content": ""}

    with world.refuses(InvalidInputError):
        world.perform(build.create(actor=zoe.uri, object=note))


def test_message_of_ours_may_not_be_too_long(world: World) -> None:
    lobby = world.channel("lobby")

    with world.refuses(InvalidInputError, "too long"):
        world.perform(create(world, world.bob, lobby, "x" * 50_001))
    world.perform(create(world, world.bob, lobby, "x" * 50_000))

    assert world.texts(lobby) == ["x" * 50_000]


def test_message_from_elsewhere_that_is_too_long_is_cut(world: World) -> None:
    lobby = world.channel("lobby")

    world.perform(create(world, world.actor("zoe", "remote"), lobby, "x" * 60_000))

    assert world.texts(lobby) == ["x" * 50_000]


def test_another_servers_channel_must_pass_on_what_is_said_in_it(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    mallory = world.actor("mallory", "remote", host="evil.example")

    with world.refuses(ForbiddenError, "passed this on"):
        world.perform(create(world, mallory, pond))


def test_one_of_ours_writes_in_another_servers_channel_only_as_a_member(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    note = world.note(world.alice, "hello", to=[pond.uri, PUBLIC], id=URIS.message("msg_1"))

    with world.refuses(NotFoundError):
        world.perform(build.create(actor=world.alice.uri, object=note))


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
