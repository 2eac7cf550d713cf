"""Groups of direct messages: who comes and goes, and what of theirs other servers say and hear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from activitypub import build
from app.db import reading
from app.errors import AppError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import Outcome, compose, submit
from app.queries.conversations import list_participants, read_talk
from app.queries.placement import conversation_id
from tests.founding import URIS
from tests.world import Sent, World, moment, world

__all__ = ["world"]


class Group:
    """bob's, with those whom a test names, and told to nobody any more."""

    def __init__(self, world: World, *others: Actor) -> None:
        self._world = world
        activity, private = compose.group(world.viewer(world.bob), [other.id for other in others], {})
        self.uri = world.perform(activity, private=private).found["object_uri"]
        self.id = URIS.local_id(self.uri) or ""
        world.forget()

    def say(self, author: Actor, text: str, **more: Any) -> str:
        """One of ours; returns the message's URI."""
        activity = compose.conversation_message(self._world.viewer(author), self.id, text, **more)
        self._world.perform(activity)
        return str(activity.object_id)

    def add(self, by: Actor, person: Actor) -> Outcome:
        activity, private = compose.group_addition(self._world.viewer(by), self.uri, person.id)
        return submit(activity, private=private)

    def rename(self, by: Actor, name: str) -> Outcome:
        activity, private = compose.group_update(self._world.viewer(by), self.uri, {"name": name})
        return submit(activity, private=private)

    def leave(self, person: Actor) -> Outcome:
        return self._world.perform(build.leave(actor=person.uri, object=self.uri, to=[]))

    @property
    def people(self) -> list[str]:
        with reading() as session:
            return sorted(person.preferred_username for person in list_participants(session, self.id))

    def is_of(self, uri: str) -> bool:
        return self._world.message(uri).conversation_id == self.id


@pytest.fixture
def zoe(world: World) -> Actor:
    return world.actor("zoe", "remote")


@pytest.fixture
def yan(world: World) -> Actor:
    return world.actor("yan", "remote", host="lake.example")


@pytest.fixture
def carol(world: World) -> Actor:
    return world.actor("carol")


def _note(world: World, author: Actor, people: Sequence[Actor], **fields: Any) -> str:
    """What somebody elsewhere says to these people; returns its URI."""
    handles = {person.uri: compose.handle(person) for person in people}
    note = world.note(author, "from afar", to=list(handles), mentions=handles, **fields)
    world.perform(build.create(actor=author.uri, object=note))
    return str(note["id"])


def _last(world: World, type_: str) -> dict[str, Any]:
    """The object of our newest activity of a type, as other servers are sent it."""
    uri = [row.uri for row in world.log() if row.type == type_][-1]
    found: dict[str, Any] = world.json(uri)["object"]
    return found


# What other servers are told.


def test_what_is_said_is_addressed_to_everybody_who_is_in_it(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe, yan)

    uri = group.say(world.bob, "all together")

    assert set(world.deliveries()) == {Sent("Create", world.bob.uri, f"{who.uri}/inbox") for who in (zoe, yan)}
    note = _last(world, "Create")
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
    note = _last(world, "Update")
    assert set(note["to"]) == {world.alice.uri, zoe.uri}
    assert {tag["href"] for tag in note["tag"]} == {world.alice.uri, zoe.uri}


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
    assert {"type": "Mention", "href": yan.uri, "name": "@yan@lake.example"} in _last(world, "Update")["tag"]


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


# What other servers say.


def test_note_with_its_context_goes_into_it(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)

    for name in ("context", "conversation"):
        assert group.is_of(_note(world, zoe, [world.alice, world.bob], **{name: group.uri}))

    assert world.events() == ["direct_message"] * 2


def test_answer_goes_into_it_though_it_names_no_context(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    uri = group.say(world.bob, "well?")

    assert group.is_of(_note(world, zoe, [world.alice, world.bob], in_reply_to=uri))


def test_outsider_who_names_the_context_does_not_get_in(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "between us")

    uri = _note(world, yan, [world.alice, world.bob, zoe], context=group.uri, in_reply_to=said)

    people = [world.alice.uri, world.bob.uri, zoe.uri, yan.uri]
    assert world.message(uri).conversation_id == conversation_id(people)
    assert group.people == ["alice", "bob", "zoe"]


def test_aside_to_some_is_not_shown_to_the_others(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "well?")

    uri = _note(world, zoe, [world.bob], context=group.uri, in_reply_to=said)

    assert world.message(uri).conversation_id == conversation_id([world.bob.uri, zoe.uri])


def test_whom_a_note_brings_along_is_not_added(world: World, zoe: Actor, carol: Actor) -> None:
    """It is for carol, too, so it stands where she reads it."""
    group = Group(world, world.alice, zoe)

    uri = _note(world, zoe, [world.alice, world.bob, carol], context=group.uri)

    assert not group.is_of(uri)
    assert group.people == ["alice", "bob", "zoe"]


def test_answer_is_shown_to_who_was_added_since(world: World, zoe: Actor, carol: Actor) -> None:
    """Whoever answers elsewhere knows no more than the message."""
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "well?")
    group.add(world.bob, carol)

    assert group.is_of(_note(world, zoe, [world.alice, world.bob], in_reply_to=said))
    assert not group.is_of(_note(world, zoe, [world.alice, world.bob], context=group.uri))


def test_answer_that_still_names_who_left_does_not_reach_them(world: World, zoe: Actor) -> None:
    group = Group(world, world.alice, zoe)
    said = group.say(world.bob, "well?")
    group.leave(world.alice)

    uri = _note(world, zoe, [world.alice, world.bob], context=group.uri, in_reply_to=said)

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

    assert not group.is_of(_note(world, zoe, [world.alice, world.bob]))
    assert not group.is_of(world.tell(world.bob, [world.alice, zoe], "not there"))


THREAD = "https://pond.example/ap/dms/dm_1"


@pytest.mark.parametrize("called", [THREAD, "tag:pond.example,2026:objectId=1:objectType=Conversation"])
def test_what_another_server_calls_a_conversation_is_what_ours_call_it(world: World, zoe: Actor, called: str) -> None:
    """It may be a group there, into which the answer then goes."""
    place = world.message(_note(world, zoe, [world.alice, world.bob], conversation=called)).conversation_id or ""

    for people in ([world.alice, world.bob], [world.bob]):
        _note(world, zoe, people)
    answer = compose.conversation_message(world.viewer(world.bob), place, "and back")
    world.perform(answer)

    note = _last(world, "Create")
    assert (note["conversation"], note.get("context")) == (called, None)
    assert world.message(note["id"]).conversation_id == place
    world.perform(world.edited(world.bob, note["id"], "changed"))
    assert _last(world, "Update")["conversation"] == called


def test_conversation_of_two_is_called_by_the_id_that_both_derive(world: World, zoe: Actor) -> None:
    place = world.message(_note(world, zoe, [world.bob], context=THREAD)).conversation_id or ""

    world.perform(compose.conversation_message(world.viewer(world.bob), place, "and back"))

    assert _last(world, "Create")["conversation"] == place


def test_answer_in_another_conversation_stays_there(world: World, zoe: Actor, yan: Actor) -> None:
    group = Group(world, world.alice, zoe)
    outside = _note(world, yan, [world.alice, world.bob, zoe], context=group.uri)

    uri = _note(world, zoe, [world.alice, world.bob, yan], context=group.uri, in_reply_to=outside)

    assert world.message(uri).conversation_id == world.message(outside).conversation_id != group.id


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
