"""Announce: shares of public messages, and what channels elsewhere pass on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from activitypub import build
from activitypub.documents import Activity
from activitypub.vocabulary import PUBLIC
from app.errors import ForbiddenError, NotFoundError
from app.models import Actor
from tests.founding import ORIGIN
from tests.world import World, moment

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


@ORIGINS
def test_public_message_is_shared(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(world.bob, world.channel("lobby"), "hello")

    world.perform(_announce(zoe, uri))

    assert [row[1] for row in world.stored()["shares"]] == [zoe.id]


@ORIGINS
@pytest.mark.parametrize("audience", ["direct", "members", "private"])
def test_what_was_not_said_in_public_is_not_shared(world: World, origin: str, audience: str) -> None:
    mallory, zoe = world.actor("mallory", origin), world.actor("zoe", "remote", host="lake.example")
    uri = {
        "direct": lambda: world.tell(zoe, [world.bob, mallory], "psst"),
        "members": lambda: world.say(zoe, world.channel("lobby", members=[mallory]), "hush", is_public=False),
        "private": lambda: world.say(world.alice, world.channel("den", is_private=True, members=[mallory]), "hush"),
    }[audience]()
    world.forget()

    with world.refuses((ForbiddenError, NotFoundError)):
        world.perform(_announce(mallory, uri))


@ORIGINS
def test_banned_actor_may_not_share(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    lobby = world.channel("lobby", banned=mallory)
    uri = world.say(world.bob, lobby, "hello")
    world.forget()

    with world.refuses(ForbiddenError, "banned"):
        world.perform(_announce(mallory, uri))


@ORIGINS
def test_deleted_message_is_not_shared(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(world.bob, world.channel("lobby"), "regret")
    world.perform(world.deleted(world.bob, uri))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(_announce(zoe, uri))


def test_repeated_share_changes_nothing(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    announce = world.identified(_announce(zoe, uri))
    world.perform(announce)
    before = world.stored()

    assert world.perform(announce).is_repeat
    assert world.stored() == before


# A channel elsewhere passes on what its members do (FEP-1b12).


def test_relayed_message_stands_in_the_channel(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")

    uri = world.relay(pond, world.created(yan, pond, "hello"))

    assert world.texts(pond) == ["hello"]
    assert world.message(uri).author_id == yan.id
    assert world.events() == ["message"]


def test_relayed_message_and_then_its_uri_are_one_message(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    uri = world.relay(pond, world.created(yan, pond, "hello"))

    world.perform(_announce(pond.actor, uri))

    assert world.texts(pond) == ["hello"]


def test_message_relayed_twice_is_one_message(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    create = world.created(world.actor("yan", "remote", host="lake.example"), pond, "hello")

    world.relay(pond, create)
    world.relay(pond, create)

    assert world.texts(pond) == ["hello"]


def test_bad_activity_inside_does_not_undo_what_else_is_done(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan, mallory = world.actor("yan", "remote", host="lake.example"), world.actor("mallory", "remote")
    good, forged = (
        world.created(yan, pond, "hello"),
        world.identified(build.create(actor=mallory.uri, object=world.note(yan, "x"))),
    )
    announce = _announce(pond.actor, good.document)

    world.perform(announce, relayed=[forged, good])

    assert world.texts(pond) == ["hello"]
    assert forged.id not in [row.uri for row in world.log()]


def test_relayed_activity_of_one_of_ours_is_refused(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    note = world.note(world.bob, "never said", to=[pond.uri, PUBLIC], id=f"{ORIGIN}/ap/messages/msg_1")
    forged = build.with_id(build.create(actor=world.bob.uri, object=note), f"{ORIGIN}/ap/activities/act_1")

    with world.refuses(NotFoundError):
        world.perform(_announce(pond.actor, forged.document), relayed=[forged])

    assert world.texts(pond) == []


def test_relay_by_who_is_no_channel_here_is_refused(world: World) -> None:
    mallory, yan = world.actor("mallory", "remote", type="Group"), world.actor("yan", "remote", host="lake.example")
    create = world.identified(build.create(actor=yan.uri, object=world.note(yan, "hello", to=[mallory.uri, PUBLIC])))

    with world.refuses(NotFoundError):
        world.perform(_announce(mallory, create.document), relayed=[create])


def test_channel_does_not_relay_into_another(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    den = world.channel("den", is_private=True)
    yan = world.actor("yan", "remote", host="lake.example")

    world.relay(pond, world.created(yan, den, "let me in"))

    assert (world.texts(den), world.texts(pond)) == ([], ["let me in"])


@pytest.mark.parametrize("why", ["it names the channel", "it answers in the channel", "alice blocks its author"])
@pytest.mark.parametrize("way", ["relayed", "fetched"])
def test_what_mentions_one_of_ours_stands_in_the_channel_it_was_said_in(world: World, why: str, way: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    first = world.relay(pond, world.created(yan, pond, "first"))
    fields: dict[str, Any] = {"mentions": {world.alice.uri: "@alice"}, "cc": [world.alice.uri]}
    if why == "it names the channel":
        fields |= {"audience": [pond.uri]}
    elif why == "it answers in the channel":
        fields |= {"in_reply_to": first}
    else:
        world.perform(build.block(actor=world.alice.uri, object=yan.uri))
    note = world.note(yan, "hello, alice", **fields)
    create = world.identified(build.create(actor=yan.uri, object=note))

    if way == "relayed":
        world.relay(pond, create)
    else:
        world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: note})

    assert world.texts(pond) == ["first", "hello, alice"]


# Microblog channels announce a note by its URI; a worker has fetched it.


def test_fetched_note_stands_in_the_channel_that_announces_it(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "hello")

    world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: note})

    assert world.texts(pond) == ["hello"]
    assert world.message(note["id"]).author_id == yan.id


@pytest.mark.parametrize("other", ["#again", "?page=1", "/activity"])
def test_known_note_that_is_announced_by_another_address_is_one_message(world: World, other: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    note = world.note(world.actor("yan", "remote", host="lake.example"), "hello")
    world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: note})
    world.forget()

    announce = world.identified(_announce(pond.actor, note["id"] + other))
    world.perform(announce, fetched={str(announce.object_id): note})

    assert world.texts(pond) == ["hello"]
    assert world.events() == []


@pytest.mark.parametrize("state", ["said to alice alone", "deleted"])
def test_another_address_shows_nobody_what_its_own_does_not(world: World, state: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "hello", mentions={world.alice.uri: "@alice"})
    world.perform(build.create(actor=yan.uri, object=note))
    if state == "deleted":
        world.perform(world.deleted(yan, note["id"]))
    world.forget()

    with world.refuses((ForbiddenError, NotFoundError)):
        world.perform(_announce(pond.actor, f"{note['id']}#again"), fetched={f"{note['id']}#again": note})


@pytest.mark.parametrize(
    "why", ["gone", "no message", "where an actor is", "by nobody we know", "by one of ours", "in anothers name"]
)
def test_what_a_channel_announces_must_be_a_message_of_its_author(world: World, why: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "hello")
    fetched: Mapping[str, Any] | None = {
        "gone": None,
        "no message": {"id": note["id"], "type": "Person"},
        "where an actor is": note | {"id": yan.uri},
        "by nobody we know": note | {"attributedTo": "https://lake.example/users/nobody"},
        "by one of ours": note | {"attributedTo": world.bob.uri, "id": f"{ORIGIN}/ap/messages/msg_1"},
        "in anothers name": note | {"attributedTo": "https://pond.example/users/pond"},
    }[why]

    with world.refuses((ForbiddenError, NotFoundError)):
        world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: fetched})


@pytest.mark.parametrize(("way", "told"), [("relayed", ["direct_message"]), ("fetched", [])])
def test_channel_does_not_show_its_members_what_was_said_to_somebody_else(
    world: World, way: str, told: list[str]
) -> None:
    """Its home shows us what it wrote to one of ours, whoever told us of it; they may read it, and nobody else."""
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "for alice alone", to=[world.alice.uri])
    create = world.identified(build.create(actor=yan.uri, object=note))

    if way == "relayed":
        world.perform(_announce(pond.actor, create.document), relayed=[create])
    else:
        with world.refuses(ForbiddenError):
            world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: note})

    assert world.texts(pond) == []
    assert world.events() == told


@pytest.mark.parametrize("way", ["relayed", "fetched"])
@pytest.mark.parametrize("part", ["", "/followers"])
def test_channel_passes_on_what_was_said_to_its_members(world: World, way: str, part: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "for us", to=[f"{pond.uri}{part}"])
    create = world.identified(build.create(actor=yan.uri, object=note))

    if way == "relayed":
        world.perform(_announce(pond.actor, create.document), relayed=[create])
    else:
        world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: note})

    assert world.texts(pond) == ["for us"]


def test_note_deleted_before_it_is_announced_never_appears(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "regret")
    world.perform(world.deleted(yan, note["id"]))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(_announce(pond.actor, note["id"]), fetched={note["id"]: note})


def test_channel_nobody_follows_says_nothing_here(world: World) -> None:
    group, yan = world.actor("pond", "remote", type="Group"), world.actor("yan", "remote", host="lake.example")
    note = world.note(yan, "hello")

    with world.refuses(NotFoundError):
        world.perform(_announce(group, note["id"]), fetched={note["id"]: note})


def _announce(actor: Actor, object_: str | Mapping[str, Any]) -> Activity:
    return build.announce(actor=actor.uri, object=object_, published=moment(), to=[PUBLIC])
