"""Compose: what somebody asks for, addressed as its place demands and no wider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from activitypub.vocabulary import PUBLIC
from app.errors import AppError, ConflictError, InvalidInputError, NotFoundError
from app.pipeline import compose
from tests.founding import URIS
from tests.world import World


def note_of(activity: Any) -> dict[str, Any]:
    note: dict[str, Any] = activity.document["object"]
    return note


def mentions(note: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((tag["href"], tag["name"]) for tag in note["tag"] if tag["type"] == "Mention")


# Messages in channels.


def test_message_in_a_public_channel_is_for_everybody(world: World) -> None:
    lobby = world.channel("lobby")

    create = compose.channel_message(world.viewer(world.bob), lobby.id, "hello")

    for part in (create.document, note_of(create)):
        assert (part["to"], part["cc"], part["audience"]) == (
            [lobby.uri, PUBLIC],
            [lobby.actor.followers],
            [lobby.uri],
        )
    assert note_of(create)["context"] == f"{lobby.uri}/messages"
    assert note_of(create)["source"] == {"content": "hello", "mediaType": "text/plain"}
    assert note_of(create)["attributedTo"] == create.document["actor"] == world.bob.uri


def test_message_in_a_private_channel_is_for_its_members_one_by_one(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    world.actor("xan", "remote")
    den = world.channel("den", is_private=True, members=[world.bob, zoe, yan])

    create = compose.channel_message(world.viewer(world.bob), den.id, "hush @xan@pond.example")

    note = note_of(create)
    assert (sorted(note["to"]), note["cc"]) == (sorted([den.uri, zoe.uri, yan.uri]), [])
    assert mentions(note) == [(yan.uri, "@yan@lake.example"), (zoe.uri, "@zoe@pond.example")]
    assert PUBLIC not in str(create.document["to"])


def test_mentioned_actors_are_named_and_linked(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")

    create = compose.channel_message(
        world.viewer(world.alice), lobby.id, "hi @zoe@pond.example, @Bob and @nobody@pond.example"
    )

    note = note_of(create)
    assert mentions(note) == [(world.bob.uri, "@bob@chat.example"), (zoe.uri, "@zoe@pond.example")]
    assert note["cc"] == [lobby.actor.followers, zoe.uri, world.bob.uri]
    assert f'<a href="{zoe.uri}" class="u-url mention">@<span>zoe</span></a>' in note["content"]
    assert "@nobody@pond.example" in note["content"]


def test_private_channel_that_is_named_in_public_is_not_told_of(world: World) -> None:
    den = world.channel("den", is_private=True, members=[world.bob])
    lobby = world.channel("lobby")

    create = compose.channel_message(world.viewer(world.bob), lobby.id, "see @den and @den@chat.example")

    assert den.id not in str(create.document)


def test_reply_is_addressed_to_the_author_it_replies_to(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "question")

    create = compose.channel_message(world.viewer(world.bob), lobby.id, "answer", reply_to=world.message(uri).id)

    note = note_of(create)
    assert note["inReplyTo"] == uri
    assert note["to"] == [lobby.uri, PUBLIC, zoe.uri]
    assert mentions(note) == [(zoe.uri, "@zoe@pond.example")]


def test_reply_to_oneself_names_nobody(world: World) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "and another thing")

    create = compose.channel_message(world.viewer(world.bob), lobby.id, "yes", reply_to=world.message(uri).id)

    assert mentions(note_of(create)) == []


def test_private_reply_is_not_told_to_an_author_who_has_left(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    den = world.channel("den", is_private=True, members=[zoe])
    uri = world.say(zoe, den, "question", is_public=False)
    world.perform(compose.expulsion(world.viewer(world.alice), den.id, zoe))

    create = compose.channel_message(world.viewer(world.alice), den.id, "answer", reply_to=world.message(uri).id)

    assert note_of(create)["to"] == [den.uri]
    assert zoe.uri not in str(create.document)


@pytest.mark.parametrize("parent", ["of another channel", "deleted", "unknown"])
def test_reply_is_to_a_message_of_the_same_channel(world: World, parent: str) -> None:
    lobby, other = world.channel("lobby"), world.channel("other")
    uri = world.say(world.bob, other if parent == "of another channel" else lobby, "x")
    id_ = world.message(uri).id
    if parent == "deleted":
        world.perform(world.deleted(world.bob, uri))

    with pytest.raises(NotFoundError):
        compose.channel_message(
            world.viewer(world.bob), lobby.id, "y", reply_to="msg_none" if parent == "unknown" else id_
        )


def test_private_channel_is_not_there_for_strangers(world: World) -> None:
    den = world.channel("den", is_private=True)

    for channel_id in (den.id, "channel_none"):
        with pytest.raises(NotFoundError, match="channel ID does not exist"):
            compose.channel_message(world.viewer(world.bob), channel_id, "let me in")


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_message_says_something(world: World, text: str) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "hello")
    bob = world.viewer(world.bob)

    asks: list[Callable[[], Any]] = [
        lambda: compose.channel_message(bob, lobby.id, text),
        lambda: compose.direct_message(bob, [world.alice], text),
        lambda: compose.edit(bob, world.message(uri).id, text),
    ]
    for ask in asks:
        with pytest.raises(InvalidInputError):
            ask()


def test_message_in_another_servers_channel_names_its_home(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])

    create = compose.channel_message(world.viewer(world.bob), pond.id, "hello")

    note = note_of(create)
    assert (note["to"], note["cc"], note["audience"]) == ([pond.uri, PUBLIC], [pond.actor.followers], [pond.uri])
    assert "context" not in note


# Direct messages.


def test_direct_message_is_to_exactly_its_people(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    create = compose.direct_message(world.viewer(world.bob), [zoe, world.alice, world.bob], "psst @zoe@pond.example")

    for part in (create.document, note_of(create)):
        assert (part["to"], part["cc"]) == ([zoe.uri, world.alice.uri], [])
    assert mentions(note_of(create)) == sorted(
        [(world.alice.uri, "@alice@chat.example"), (zoe.uri, "@zoe@pond.example")]
    )


def test_both_servers_find_the_same_conversation(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    there = world.tell(world.bob, [zoe], "psst")
    back = world.tell(zoe, [world.bob], "what?")

    assert world.message(there).conversation_id == world.message(back).conversation_id


def test_nobody_writes_to_themselves(world: World) -> None:
    with pytest.raises(InvalidInputError):
        compose.direct_message(world.viewer(world.bob), [world.bob], "note to self")


# Edits, deletions, reactions.


@pytest.mark.parametrize("where", ["public", "private", "direct", "elsewhere"])
def test_edit_and_deletion_have_the_audience_of_the_message(world: World, where: str) -> None:
    zoe = world.actor("zoe", "remote")
    uri = {
        "public": lambda: world.say(world.alice, world.channel("lobby"), "hi @zoe@pond.example"),
        "private": lambda: world.say(world.alice, world.channel("den", is_private=True, members=[zoe]), "hush"),
        "direct": lambda: world.tell(world.alice, [zoe, world.bob], "psst"),
        "elsewhere": lambda: world.say(world.alice, world.remote_channel("pond", members=[world.alice]), "hi"),
    }[where]()
    (create,) = [world.json(row.uri) for row in world.log() if row.object_uri == uri]
    alice, id_ = world.viewer(world.alice), world.message(uri).id

    changes = [compose.edit(alice, id_, "changed"), compose.deletion(alice, id_)]

    for change in changes:
        assert sorted(change.document["to"]) == sorted(create["to"])
        assert sorted(change.document["cc"]) == sorted(create["cc"])
    assert note_of(changes[0])["published"] == create["object"]["published"]
    assert note_of(changes[1])["type"] == "Tombstone"


def test_deletion_may_ask_where_the_message_stands(world: World) -> None:
    lobby, other = world.channel("lobby"), world.channel("other")
    id_ = world.message(world.say(world.bob, lobby, "regret")).id
    bob = world.viewer(world.bob)

    with pytest.raises(NotFoundError):
        compose.deletion(bob, id_, place_id=other.id)

    assert compose.deletion(bob, id_, place_id=lobby.id).type == "Delete"


def test_what_is_gone_is_neither_edited_nor_deleted(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "regret")
    world.perform(world.deleted(world.bob, uri))
    bob, id_ = world.viewer(world.bob), world.message(uri).id

    asks: list[Callable[[], Any]] = [lambda: compose.edit(bob, id_, "back"), lambda: compose.deletion(bob, id_)]
    for ask in asks:
        with pytest.raises(NotFoundError):
            ask()


def test_reaction_is_told_to_author_and_channel(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "hello")

    like = compose.reaction(world.viewer(world.bob), world.message(uri).id, "🎈")

    assert like.document["to"] == [zoe.uri, lobby.uri, PUBLIC]
    assert (like.object_id, like.content) == (uri, "🎈")


def test_reaction_to_a_relayed_message_is_told_to_its_home_and_its_author(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    uri = world.relay(pond, world.created(yan, pond, "hello"))

    like = compose.reaction(world.viewer(world.bob), world.message(uri).id, "🎈")

    assert like.document["to"] == [yan.uri, pond.uri, PUBLIC]


def test_reaction_taken_back_is_ones_own(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    bob, id_ = world.viewer(world.bob), world.message(uri).id
    like = world.perform(compose.reaction(bob, id_, "🎈"))
    world.perform(compose.reaction(world.viewer(world.alice), id_, "🎉"))

    undo = compose.reaction_taken_back(bob, id_, "🎈")

    assert undo.object_id == like.uri
    for emoji in ("🎉", None):
        with pytest.raises(NotFoundError):
            compose.reaction_taken_back(bob, id_, emoji)


# Follows and channels.


def test_unfollow_names_the_follow_that_was_sent(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    outcome = world.perform(compose.follow(world.viewer(world.bob), zoe))

    undo = compose.unfollow(world.viewer(world.bob), zoe)

    assert (undo.object_id, undo.document["to"]) == (outcome.uri, [zoe.uri])
    with pytest.raises(NotFoundError):
        compose.unfollow(world.viewer(world.alice), zoe)


def test_channel_of_another_server_is_not_deleted_here(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.alice])

    with pytest.raises(ConflictError):
        compose.channel_deletion(world.viewer(world.alice), pond.id)


@pytest.mark.parametrize("ask", [compose.admission, compose.expulsion])
def test_members_of_a_channel_one_cannot_see_are_not_changed(world: World, ask: Any) -> None:
    den = world.channel("den", is_private=True)

    with pytest.raises(NotFoundError):
        ask(world.viewer(world.bob), den.id, world.bob)


def test_channel_has_an_address_of_ours(world: World) -> None:
    activity, private = compose.channel(world.viewer(world.alice), "lobby", type="mixed", is_private=True)

    assert URIS.local_id(str(activity.object_id))
    assert private == {"channel_type": "mixed", "is_private": True}


@pytest.mark.parametrize("which", ["unknown", "not for one's eyes"])
def test_message_one_cannot_see_is_not_there(world: World, which: str) -> None:
    den = world.channel("den", is_private=True)
    id_ = world.message(world.say(world.alice, den, "hush")).id if which != "unknown" else "msg_none"
    bob = world.viewer(world.bob)

    asks: list[Callable[[], Any]] = [
        lambda: compose.edit(bob, id_, "x"),
        lambda: compose.deletion(bob, id_),
        lambda: compose.reaction(bob, id_, "x"),
        lambda: compose.reaction_taken_back(bob, id_, "x"),
    ]
    for ask in asks:
        with pytest.raises(AppError, match="message_id does not exist"):
            ask()
