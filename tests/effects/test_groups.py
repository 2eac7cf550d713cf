"""Groups of direct messages: who comes and goes, and what other servers are told of them."""

from __future__ import annotations

import pytest

from activitypub import build
from app.db import reading
from app.effects.spaces import conversation
from app.errors import AppError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import compose, submit
from app.queries.conversations import read_talk
from app.queries.placement import conversation_id
from tests.effects.groups import Group, carol, hear, last_sent, yan, zoe
from tests.founding import URIS
from tests.together import at_once
from tests.world import Sent, World, moment, world

__all__ = ["carol", "world", "yan", "zoe"]


# What other servers are told.


def test_what_is_said_is_addressed_to_everybody_who_is_in_it(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe, yan)

    uri = group.say(world.bob, "all together")

    assert set(world.deliveries()) == {Sent("Create", world.bob.uri, f"{who.uri}/inbox") for who in (zoe, yan)}
    note = last_sent(world, "Create")
    others = {world.alice.uri, zoe.uri, yan.uri}
    assert set(note["to"]) == others
    assert {tag["href"] for tag in note["tag"] if tag["type"] == "Mention"} == others
    assert (note["cc"], note["context"], note["conversation"]) == ([], group.uri, group.uri)
    assert group.is_of(uri)


def test_who_left_is_not_told_what_comes_after(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe, yan)
    before = group.say(world.bob, "before")
    group.leave(yan)
    world.forget()

    group.say(world.bob, "after")
    world.perform(world.edited(world.bob, before, "changed"))

    assert {sent.inbox for sent in world.deliveries()} == {f"{zoe.uri}/inbox"}
    note = last_sent(world, "Update")
    assert set(note["to"]) == {world.alice.uri, zoe.uri}
    assert {tag["href"] for tag in note["tag"]} == {world.alice.uri, zoe.uri}


def test_who_left_is_not_told_of_reactions_to_what_they_said(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe, yan)
    uri = hear(world, yan, [world.bob, world.alice, zoe], context=group.uri)
    assert group.is_of(uri)
    group.leave(yan)
    world.forget()

    world.perform(compose.reaction(world.viewer(world.bob), world.message(uri).id, "🎈"))

    assert world.deliveries() == [Sent("Like", world.bob.uri, zoe.inbox)]


def test_who_was_added_is_told_of_edits_and_reactions(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe)
    uri = group.say(world.bob, "before")
    group.add(world.alice, yan)
    world.forget()

    world.perform(world.edited(world.bob, uri, "changed"))
    world.perform(compose.reaction(world.viewer(world.alice), world.message(uri).id, "👍"))

    assert {sent for sent in world.deliveries() if sent.inbox.startswith("https://lake")} == {
        Sent("Update", world.bob.uri, f"{yan.uri}/inbox"),
        Sent("Like", world.alice.uri, f"{yan.uri}/inbox"),
    }
    assert {"type": "Mention", "href": yan.uri, "name": "@yan@lake.example"} in last_sent(world, "Update")["tag"]


def test_who_comes_and_goes_is_nothing_that_is_delivered(world: World, zoe: Actor, carol: Actor) -> None:
    group = Group(world, world.alice, zoe)

    group.add(world.bob, carol)
    group.rename(world.bob, "crew")
    group.leave(world.bob)

    assert world.deliveries() == []
    assert group.people == ["alice", "carol", "zoe"]
    assert world.events() == ["conversation_changed"] * 3
    assert [event.data for event in world.event_rows()] == [
        {"added": [carol.id], "left": []},
        {"added": [], "left": []},
        {"added": [], "left": [world.bob.id]},
    ]


def test_only_those_in_it_read_what_was_done_to_it(world: World, carol: Actor) -> None:
    group = Group(world, world.alice, carol)

    group.rename(world.bob, "crew")

    [update] = [row for row in world.log() if row.type == "Update"]
    assert update.audience == "direct"
    assert "crew" not in str(world.stored()["activities"])


# What is refused.


def test_nobody_outside_adds_renames_or_leaves(world: World, carol: Actor, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    outsider = world.actor("dave")

    for person in (carol, outsider):
        with world.refuses(NotFoundError, match="There is no such conversation"):
            group.add(outsider, person)
    with world.refuses(NotFoundError, match="There is no such conversation"):
        group.rename(outsider, "mine")
    with world.refuses(InvalidInputError, match="You are not in this conversation"):
        group.leave(outsider)


def test_nobody_elsewhere_adds_or_renames(world: World, zoe: Actor, yan: Actor) -> None:
    """Over ActivityPub there is no group to change; its home changes it."""
    group = Group(world, world.alice, zoe)
    document = {"id": group.uri, "type": "Collection", "name": "mine"}

    for activity in (
        build.add(actor=zoe.uri, object=yan.uri, target=group.uri, to=[]),
        build.remove(actor=zoe.uri, object=world.bob.uri, target=group.uri, to=[]),
        build.update(actor=zoe.uri, object=document, to=[]),
        build.create(actor=zoe.uri, object=document, to=[]),
        build.leave(actor=yan.uri, object=group.uri),
    ):
        with world.refuses(AppError):
            world.perform(activity)


def test_nobody_is_put_out_by_one_of_ours(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)

    with world.refuses(AppError):
        submit(build.remove(actor=world.bob.uri, object=zoe.uri, target=group.uri, to=[]))


def test_who_blocks_the_adder_is_not_added(world: World, zoe: Actor, carol: Actor) -> None:
    group = Group(world, world.alice, zoe)
    submit(build.block(actor=carol.uri, object=world.bob.uri))
    world.forget()

    with world.refuses(ForbiddenError, match="does not take messages"):
        group.add(world.bob, carol)
    with world.refuses(ForbiddenError, match="does not take messages"):
        activity, private = compose.group(world.viewer(world.bob), [world.alice.id, carol.id], {})
        submit(activity, private=private)

    group.add(world.alice, carol)
    assert group.people == ["alice", "bob", "carol", "zoe"]


def test_there_are_no_more_than_fifty(world: World) -> None:
    people = [world.actor(f"p{number}", "remote") for number in range(50)]
    group = Group(world, *people[:49])

    with world.refuses(InvalidInputError, match="50 people at most"):
        group.add(world.bob, people[49])
    with world.refuses(InvalidInputError, match="50 people at most"):
        activity, private = compose.group(world.viewer(world.bob), [person.id for person in people], {})
        submit(activity, private=private)
    group.leave(people[0])
    group.add(world.bob, people[49])


def test_nor_are_there_more_when_several_are_added_at_the_same_moment(
    world: World, zoe: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "MAX_PEOPLE", 5)
    people = iter([world.actor(f"p{number}", "remote") for number in range(6)])
    group = Group(world, world.alice, zoe)

    outcomes = at_once(lambda: group.add(world.bob, next(people)), times=6)

    assert len(group.people) == 5
    assert sum(isinstance(outcome, AppError) for outcome in outcomes) == 4


def test_who_is_timed_out_adds_and_renames_nothing_and_may_leave(world: World, zoe: Actor, carol: Actor) -> None:
    group = Group(world, world.alice, zoe)
    world.change_account(world.bob, timed_out_until=moment(hours=1))

    with world.refuses(ForbiddenError):
        group.add(world.bob, carol)
    with world.refuses(ForbiddenError):
        group.rename(world.bob, "quiet")
    group.leave(world.bob)
    assert group.people == ["alice", "zoe"]


def test_conversation_of_two_changes_for_nobody(world: World, carol: Actor) -> None:
    world.tell(world.bob, [world.alice], "hello")
    pair = URIS.conversation(conversation_id([world.bob.uri, world.alice.uri]))
    world.forget()

    with world.refuses(NotFoundError):
        activity, private = compose.group_addition(world.viewer(world.bob), pair, carol.id)
        submit(activity, private=private)
    with world.refuses(AppError):
        submit(build.leave(actor=world.bob.uri, object=pair, to=[]))


def test_who_is_deleted_is_in_it_no_more(world: World, zoe: Actor, carol: Actor) -> None:
    group = Group(world, world.alice, zoe, carol)

    submit(
        build.delete(
            actor=carol.uri, object=build.tombstone(id=carol.uri, former_type="Person", deleted=moment()), to=[]
        )
    )

    assert group.people == ["alice", "bob", "zoe"]


def test_group_is_told_from_other_conversations_by_its_address(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    uri = world.tell(world.bob, [world.alice], "hello")

    with reading() as session:
        assert read_talk(session, group.id).context == group.uri == URIS.conversation(group.id)
        assert read_talk(session, world.message(uri).conversation_id).context is None
