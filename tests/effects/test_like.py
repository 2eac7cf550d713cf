"""Like and EmojiReact: reactions to messages one may see."""

from __future__ import annotations

import pytest

from activitypub import build
from activitypub.documents import Activity, parse_activity
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import compose
from tests.world import Sent, World, moment

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


@ORIGINS
def test_reaction_is_counted_and_shown(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    world.forget()

    world.perform(_like(zoe, uri, "🎈"))

    assert world.reactions(uri) == {"🎈": 1}
    (event,) = world.event_rows()
    assert (event.type, event.message_id, event.data) == (
        "message_reaction_added",
        world.message(uri).id,
        {"emoji": "🎈"},
    )


def test_like_without_an_emoji_is_a_heart(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")

    world.perform(_like(world.actor("zoe", "remote"), uri, None))

    assert world.reactions(uri) == {"❤": 1}


@pytest.mark.parametrize(
    "spelling",
    [
        {"type": "EmojiReact", "content": "🎈"},
        {"type": "Like", "content": "🎈"},
        {"type": "Like", "_misskey_reaction": "🎈"},
    ],
)
def test_reaction_is_understood_from_every_family(world: World, spelling: dict[str, str]) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")

    world.perform(parse_activity({"@context": [], "actor": zoe.uri, "object": uri} | spelling))

    assert world.reactions(uri) == {"🎈": 1}


def test_who_is_timed_out_does_not_react(world: World) -> None:
    uri = world.say(world.alice, world.channel("lobby"), "hello")
    world.change_account(world.bob, timed_out_until=moment(hours=1))
    world.forget()

    with world.refuses(ForbiddenError, "timed out until"):
        world.perform(compose.reaction(world.viewer(world.bob), world.message(uri).id, ":i_say_what_i_want:"))

    assert world.reactions(uri) == {}


def test_one_of_ours_reacts_and_author_and_channel_are_told(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[yan])
    uri = world.say(zoe, lobby, "hello")
    world.forget()

    world.perform(compose.reaction(world.viewer(world.bob), world.message(uri).id, "🎈"))

    assert world.deliveries() == [
        Sent("Like", world.bob.uri, "https://pond.example/inbox"),
        Sent("Announce", lobby.uri, "https://lake.example/inbox"),
    ]


def test_reaction_in_a_conversation_goes_to_peoples_own_inboxes_alone(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.tell(zoe, [world.bob], "psst")
    world.forget()

    world.perform(compose.reaction(world.viewer(world.bob), world.message(uri).id, "🎈"))

    assert world.deliveries() == [Sent("Like", world.bob.uri, zoe.inbox)]


def test_reaction_in_a_private_channel_is_announced_to_its_members_alone(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    den = world.channel("den", is_private=True, members=[zoe])
    uri = world.say(world.alice, den, "hello")
    world.forget()

    world.perform(compose.reaction(world.viewer(world.alice), world.message(uri).id, "🎈"))

    assert world.deliveries() == [Sent("Announce", den.uri, "https://pond.example/inbox")]
    announce = world.announced()[-1]
    assert (announce["to"], announce["cc"]) == ([den.actor.followers], [])


@pytest.mark.parametrize("end", ["put out", "left the channel", "banned"])
def test_author_who_is_in_the_private_channel_no_more_is_told_of_no_reaction(world: World, end: str) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    den = world.channel("den", is_private=True, members=[zoe, yan])
    message_id = world.message(world.say(zoe, den, "hello", is_public=False)).id
    match end:
        case "put out":
            world.perform(compose.expulsion(world.viewer(world.alice), den.id, zoe))
        case "left the channel":
            world.perform(build.leave(actor=zoe.uri, object=den.uri, to=[]))
        case _:
            world.perform(build.block(actor=world.alice.uri, object=zoe.uri, target=world.home.uri))
    world.forget()

    world.perform(compose.reaction(world.viewer(world.alice), message_id, "🎈"))
    world.perform(compose.reaction_taken_back(world.viewer(world.alice), message_id, "🎈"))

    assert world.deliveries() == [Sent("Announce", den.uri, "https://lake.example/inbox")] * 2
    assert all(zoe.uri not in row["object"]["to"] for row in world.announced()[-2:])


@ORIGINS
def test_same_reaction_counts_once(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    world.perform(_like(zoe, uri, "🎈"))
    world.forget()

    world.perform(_like(zoe, uri, "🎈"))
    world.perform(_like(zoe, uri, "🎉"))

    assert world.reactions(uri) == {"🎈": 1, "🎉": 1}
    assert world.events() == ["message_reaction_added"]


@pytest.mark.parametrize("who", ["its own people", "somebody it relays", "the rest of the world"])
def test_reaction_in_another_servers_open_channel_is_believed(world: World, who: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    host = "pond.example" if who == "its own people" else "lake.example"
    zoe = world.actor("zoe", "remote", host=host)
    uri = world.say(world.bob, pond, "hello")

    if who == "somebody it relays":
        world.relay(pond, world.identified(_like(zoe, uri, "🎈")))
    else:
        world.perform(_like(zoe, uri, "🎈"))

    assert world.reactions(uri) == {"🎈": 1}


def test_reaction_in_another_servers_closed_channel_must_be_passed_on(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob], is_private=True)
    mallory = world.actor("mallory", "remote", host="evil.example")
    uri = world.say(world.bob, pond, "hello")
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(_like(mallory, uri, "🎈"))


@ORIGINS
def test_stranger_may_not_react_to_what_is_not_for_it(world: World, origin: str) -> None:
    mallory, zoe = world.actor("mallory", origin), world.actor("zoe", "remote", host="lake.example")
    den = world.channel("den", is_private=True)
    private, direct = world.say(world.alice, den, "hush"), world.tell(zoe, [world.bob], "psst")
    world.forget()

    for uri in (private, direct, "https://lake.example/notes/none"):
        with world.refuses(NotFoundError, "does not exist"):
            world.perform(_like(mallory, uri, "🎈"))


@ORIGINS
def test_banned_actor_may_not_react(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    lobby = world.channel("lobby", banned=mallory)
    uri = world.say(world.bob, lobby, "hello")
    world.forget()

    with world.refuses(ForbiddenError, "banned"):
        world.perform(_like(mallory, uri, "🎈"))


@ORIGINS
def test_blocked_actor_may_not_react_to_who_blocks_it(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    world.perform(build.block(actor=world.bob.uri, object=mallory.uri))
    world.forget()

    with world.refuses(ForbiddenError, "blocked"):
        world.perform(_like(mallory, uri, "🎈"))


@ORIGINS
def test_nobody_reacts_to_a_deleted_message(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(world.bob, world.channel("lobby"), "regret")
    world.perform(world.deleted(world.bob, uri))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(_like(zoe, uri, "🎈"))


def test_reaction_is_one_emoji_and_no_text(world: World) -> None:
    zoe = world.actor("zoe", "local")
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    world.forget()

    with world.refuses(InvalidInputError):
        world.perform(_like(zoe, uri, "x" * 65))


@pytest.mark.parametrize(
    "content",
    ["buy at https://spam.example now", "\u202egnp.exe", "\u200b", "\n\n", "a" * 64, "x" * 65, "Z" + "\u0301" * 60],
)
def test_words_from_elsewhere_are_a_plain_like(world: World, content: str) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")

    world.perform(_like(zoe, uri, content))
    assert world.reactions(uri) == {"❤": 1}

    world.perform(build.undo(actor=zoe.uri, object=_like(zoe, uri, content)))
    assert world.reactions(uri) == {}


@pytest.mark.parametrize("content", ["👩\u200d🚀", "❤\ufe0f", "1\ufe0f\u20e3", ":blob_cat:", ":blob@pond.example:"])
def test_signs_and_names_of_signs_stay(world: World, content: str) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")

    world.perform(_like(world.actor("zoe", "remote"), uri, f" {content}"))

    assert world.reactions(uri) == {content: 1}


@ORIGINS
def test_nobody_gives_one_message_more_than_twenty(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    for number in range(20):
        world.perform(_like(zoe, uri, chr(0x1F400 + number)))
    world.forget()

    with world.refuses(ConflictError, match="20"):
        world.perform(_like(zoe, uri, "🎈"))


def test_repeated_like_changes_nothing(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    like = world.identified(_like(zoe, uri, "🎈"))
    world.perform(like)
    before = world.stored()

    assert world.perform(like).is_repeat
    assert world.stored() == before


def test_message_relayed_to_us_may_be_liked_by_a_member(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    uri = world.relay(pond, world.created(yan, pond, "hello"))

    world.perform(compose.reaction(world.viewer(world.bob), world.message(uri).id, "🎈"))

    assert world.reactions(uri) == {"🎈": 1}
    assert {sent.inbox for sent in world.deliveries()} == {"https://pond.example/inbox", "https://lake.example/inbox"}


def _like(actor: Actor, uri: str, emoji: str | None) -> Activity:
    return build.like(actor=actor.uri, object=uri, to=[], content=emoji)
