"""Notes of other servers: which of them go into a group, and what they are called by."""

from __future__ import annotations

import pytest

from activitypub import build
from app.errors import NotFoundError
from app.models import Actor
from app.pipeline import compose
from app.queries.placement import conversation_id
from tests.effects.groups import Group, carol, hear, last_sent, yan, zoe
from tests.world import World, world

__all__ = ["carol", "world", "yan", "zoe"]


def test_note_with_its_context_goes_into_it(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)

    for name in ("context", "conversation"):
        assert group.is_of(hear(world, zoe, [world.alice, world.bob], **{name: group.uri}))

    assert world.events() == ["direct_message"] * 2


def test_answer_goes_into_it_though_it_names_no_context(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    uri = group.say(world.bob, "well?")

    assert group.is_of(hear(world, zoe, [world.alice, world.bob], in_reply_to=uri))


def test_outsider_who_names_the_context_does_not_get_in(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "between us")

    uri = hear(world, yan, [world.alice, world.bob, zoe], context=group.uri, in_reply_to=said)

    people = [world.alice.uri, world.bob.uri, zoe.uri, yan.uri]
    assert world.message(uri).conversation_id == conversation_id(people)
    assert group.people == ["alice", "bob", "zoe"]


def test_aside_to_some_is_not_shown_to_the_others(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "well?")

    uri = hear(world, zoe, [world.bob], context=group.uri, in_reply_to=said)

    assert world.message(uri).conversation_id == conversation_id([world.bob.uri, zoe.uri])


def test_whom_a_note_brings_along_is_not_added(world: World, zoe: Actor, carol: Actor) -> None:
    """It is for carol, too, so it stands where she reads it."""
    group = Group(world, world.alice, zoe)

    uri = hear(world, zoe, [world.alice, world.bob, carol], context=group.uri)

    assert not group.is_of(uri)
    assert group.people == ["alice", "bob", "zoe"]


def test_answer_is_shown_to_who_was_added_since(world: World, zoe: Actor, carol: Actor) -> None:
    """Whoever answers elsewhere knows no more than the message."""
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "well?")
    group.add(world.bob, carol)

    assert group.is_of(hear(world, zoe, [world.alice, world.bob], in_reply_to=said))
    assert not group.is_of(hear(world, zoe, [world.alice, world.bob], context=group.uri))


def test_answer_that_still_names_who_left_does_not_reach_them(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "well?")
    group.leave(world.alice)

    uri = hear(world, zoe, [world.alice, world.bob], context=group.uri, in_reply_to=said)

    assert group.is_of(uri)
    with world.refuses(NotFoundError):
        compose.reaction(world.viewer(world.alice), world.message(uri).id, "👍")


def test_public_note_with_the_context_is_none_of_it(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    note = world.note(zoe, "to all", context=group.uri, mentions={world.bob.uri: "@bob@chat.example"})

    world.perform(build.create(actor=zoe.uri, object=note))

    assert not group.is_of(str(note["id"]))


def test_somebody_elsewhere_leaves(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe, yan)

    group.leave(zoe)

    assert group.people == ["alice", "bob", "yan"]


def test_message_stays_the_same_for_a_reaction_from_elsewhere(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe, yan)
    uri = group.say(world.bob, "well?")
    like = build.like(actor=zoe.uri, object=uri, content="👍", to=[])

    world.perform(like)
    group.leave(zoe)

    assert world.reactions(uri) == {"👍": 1}
    with world.refuses(NotFoundError):
        world.perform(build.like(actor=zoe.uri, object=uri, content="🎉", to=[]))


def test_conversation_of_the_same_people_is_another_one(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)

    assert not group.is_of(hear(world, zoe, [world.alice, world.bob]))
    assert not group.is_of(world.tell(world.bob, [world.alice, zoe], "not there"))


THREAD = "https://pond.example/ap/dms/dm_1"


@pytest.mark.parametrize("called", [THREAD, "tag:pond.example,2026:objectId=1:objectType=Conversation"])
def test_what_another_server_calls_a_conversation_is_what_ours_call_it(world: World, zoe: Actor, called: str) -> None:
    """It may be a group there, into which the answer then goes."""
    place = world.message(hear(world, zoe, [world.alice, world.bob], conversation=called)).conversation_id or ""

    for people in ([world.alice, world.bob], [world.bob]):
        hear(world, zoe, people)
    answer = compose.conversation_message(world.viewer(world.bob), place, "and back")
    world.perform(answer)

    note = last_sent(world, "Create")
    assert (note["conversation"], note.get("context")) == (called, None)
    assert world.message(note["id"]).conversation_id == place
    world.perform(world.edited(world.bob, note["id"], "changed"))
    assert last_sent(world, "Update")["conversation"] == called


def test_conversation_of_two_is_called_by_the_id_that_both_derive(world: World, zoe: Actor) -> None:
    place = world.message(hear(world, zoe, [world.bob], context=THREAD)).conversation_id or ""

    world.perform(compose.conversation_message(world.viewer(world.bob), place, "and back"))

    assert last_sent(world, "Create")["conversation"] == place


def test_answer_in_another_conversation_stays_there(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe)
    outside = hear(world, yan, [world.alice, world.bob, zoe], context=group.uri)

    uri = hear(world, zoe, [world.alice, world.bob, yan], context=group.uri, in_reply_to=outside)

    assert world.message(uri).conversation_id == world.message(outside).conversation_id != group.id
