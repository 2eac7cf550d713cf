"""Gather: what is missing is fetched before the transaction, and nothing else is fetched at all."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub import build
from activitypub.documents import Activity
from activitypub.errors import BlockedAddressError, FetchError, GoneError, MalformedDocumentError
from activitypub.fetch import FetchBudget, Reason, UnreachableError
from activitypub.vocabulary import PUBLIC
from app.act import Gathered
from app.actions.inbox.gather import gather
from app.actions.inbox.prove import Proved
from app.models import Actor
from tests.actions.wire import Wire
from tests.founding import URIS, person
from tests.world import World, moment

TIMEOUT = UnreachableError("no answer", reason=Reason.TIMEOUT)


def gathered(activity: Activity, *relayed: Activity, is_last_attempt: bool = False) -> Gathered:
    return gather(Proved(activity, relayed), FetchBudget(20), set(), is_last_attempt=is_last_attempt)


def stranger(name: str, *, host: str = "lake.example", **described: Any) -> dict[str, Any]:
    """An actor document of somebody this server does not know."""
    uri = f"https://{host}/users/{name}"
    return person(uri, name, **({"shared_inbox": f"https://{host}/inbox"} | described))


def is_known(world: World, uri: str) -> bool:
    return any(uri in row for row in world.stored()["actors"])


def private_note(world: World, zoe: Actor, *uris: str) -> Activity:
    note = world.note(zoe, "psst", to=[world.bob.uri, *uris], mentions=dict.fromkeys((world.bob.uri, *uris), "@x"))
    return world.identified(build.create(actor=zoe.uri, object=note))


def test_unknown_actor_is_fetched_and_kept(world: World, wire: Wire) -> None:
    yan = stranger("yan")
    wire.serve(yan["id"], yan)
    follow = world.identified(build.follow(actor=yan["id"], object=world.bob.uri))

    gathered(follow)

    assert is_known(world, yan["id"])
    assert wire.asked == [yan["id"]]


def test_known_actor_is_not_asked_for(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")

    gathered(world.identified(build.follow(actor=zoe.uri, object=world.bob.uri)))

    assert wire.asked == []


def test_actor_that_was_deleted_is_not_asked_for(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")
    tombstone = build.tombstone(id=zoe.uri, former_type="Person", deleted=moment())
    world.perform(build.delete(actor=zoe.uri, object=tombstone, to=[]))
    wire.serve(zoe.uri, stranger("zoe", host="pond.example"))

    with pytest.raises(GoneError):
        gathered(world.identified(build.follow(actor=zoe.uri, object=world.bob.uri)))

    assert wire.asked == []


def test_author_of_what_is_relayed_is_fetched(world: World, wire: Wire) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = stranger("yan")
    wire.serve(yan["id"], yan)
    note = {"id": f"{yan['id']}/1", "type": "Note", "attributedTo": yan["id"], "content": "x", "to": [PUBLIC]}
    create = world.identified(build.create(actor=yan["id"], object=note))
    announce = build.announce(actor=pond.uri, object=create.document, published=moment(), to=[PUBLIC])

    assert gathered(world.identified(announce), create) == Gathered()
    assert is_known(world, yan["id"])


# A conversation has all its people.


def test_people_of_a_private_note_are_fetched(world: World, wire: Wire) -> None:
    zoe, yan = world.actor("zoe", "remote"), stranger("yan")
    wire.serve(yan["id"], yan)

    gathered(private_note(world, zoe, yan["id"]))

    assert is_known(world, yan["id"])


def test_people_of_a_public_note_are_not(world: World, wire: Wire) -> None:
    zoe, yan = world.actor("zoe", "remote"), stranger("yan")
    note = world.note(zoe, "hi", to=[PUBLIC], mentions={yan["id"]: "@yan"})

    gathered(world.identified(build.create(actor=zoe.uri, object=note)))

    assert wire.asked == []


@pytest.mark.parametrize("who", ["nobody of ours", "one that never was", "a channel"])
def test_people_of_a_private_note_to_none_of_our_people_are_not(world: World, wire: Wire, who: str) -> None:
    zoe, yan, den = world.actor("zoe", "remote"), stranger("yan"), world.channel("den", is_private=True)
    ours = {"nobody of ours": [], "one that never was": [URIS.user("user_nobody")], "a channel": [den.uri]}[who]
    note = world.note(zoe, "psst", to=[yan["id"], *ours], mentions=dict.fromkeys((yan["id"], *ours), "@x"))
    wire.serve(yan["id"], yan)

    gathered(world.identified(build.create(actor=zoe.uri, object=note)))

    assert wire.asked == []
    assert not is_known(world, yan["id"])


def test_whoever_is_addressed_without_being_mentioned_is_not_fetched(world: World, wire: Wire) -> None:
    """A followers collection, for one."""
    zoe = world.actor("zoe", "remote")
    note = world.note(zoe, "hi", to=[world.bob.uri, f"{zoe.uri}/followers"])

    gathered(world.identified(build.create(actor=zoe.uri, object=note)))

    assert wire.asked == []


@pytest.mark.parametrize("answer", [404, 410, {"id": "https://lake.example/users/yan", "type": "Note"}])
def test_who_cannot_be_found_is_left_out(world: World, wire: Wire, answer: Any) -> None:
    zoe, yan, xan = world.actor("zoe", "remote"), stranger("yan"), stranger("xan")
    wire.serve(yan["id"], answer)
    wire.serve(xan["id"], xan)

    gathered(private_note(world, zoe, "http://old.example/users/yves", yan["id"], xan["id"]))

    assert (is_known(world, yan["id"]), is_known(world, xan["id"])) == (False, True)


def test_who_cannot_be_found_just_now_is_waited_for(world: World, wire: Wire) -> None:
    zoe, yan = world.actor("zoe", "remote"), stranger("yan")
    wire.serve(yan["id"], TIMEOUT)

    with pytest.raises(FetchError):
        gathered(private_note(world, zoe, yan["id"]))


def test_who_cannot_be_found_until_the_last_attempt_is_left_out_with_their_server(world: World, wire: Wire) -> None:
    """Others of that server are not waited for as well."""
    zoe, yan, yves = world.actor("zoe", "remote"), stranger("yan"), stranger("yves")
    xan = stranger("xan", host="moor.example")
    wire.serve(yan["id"], TIMEOUT)
    wire.serve(xan["id"], xan)

    gathered(private_note(world, zoe, yan["id"], yves["id"], xan["id"]), is_last_attempt=True)

    assert wire.asked == [yan["id"], xan["id"]]
    assert (is_known(world, yan["id"]), is_known(world, xan["id"])) == (False, True)


def test_only_so_many_strangers_are_fetched(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")

    gathered(private_note(world, zoe, *(f"https://lake.example/users/{number}" for number in range(50))))

    assert len(wire.asked) == 10


def test_nobody_of_ours_is_fetched(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")

    gathered(private_note(world, zoe, URIS.user("user_nobody")))

    assert wire.asked == []


# Announced notes.


def test_note_a_followed_channel_announces_is_fetched_with_its_author(world: World, wire: Wire) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = stranger("yan")
    note = {"id": f"{yan['id']}/1", "type": "Note", "attributedTo": yan["id"], "content": "x", "to": PUBLIC}
    wire.serve(note["id"], note)
    wire.serve(yan["id"], yan)
    announce = build.announce(actor=pond.uri, object=note["id"], published=moment(), to=[PUBLIC])

    assert gathered(world.identified(announce)).documents == {note["id"]: note}
    assert is_known(world, yan["id"])


@pytest.mark.parametrize("why", ["nobody follows it", "a person shares it", "it is known", "it is ours"])
def test_announced_note_is_not_fetched_for_nothing(world: World, wire: Wire, why: str) -> None:
    pond = world.remote_channel("pond", members=[] if why == "nobody follows it" else [world.bob])
    zoe = world.actor("zoe", "remote")
    uri = f"{zoe.uri}/1"
    if why == "it is known":
        uri = world.say(zoe, pond, "hello")
    if why == "it is ours":
        uri = URIS.message("msg_1")
    by = zoe.uri if why == "a person shares it" else pond.uri

    announce = build.announce(actor=by, object=uri, published=moment(), to=[PUBLIC])

    assert gathered(world.identified(announce)) == Gathered()
    assert wire.asked == []


@pytest.mark.parametrize("leads_by", ["what it says", "a redirect"])
def test_announced_page_that_leads_to_one_of_ours_has_us_ask_nothing_of_ourselves(
    world: World, wire: Wire, leads_by: str
) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    ours, page = world.say(world.alice, world.channel("lobby"), "hello"), "https://pond.example/page"
    wire.serve(page, {"id": ours, "type": "Note", "attributedTo": world.alice.uri})
    if leads_by == "a redirect":
        wire.moved[page] = ours

    with pytest.raises(BlockedAddressError):
        gathered(world.identified(build.announce(actor=pond.uri, object=page, published=moment(), to=[PUBLIC])))

    assert wire.asked == [page]


@pytest.mark.parametrize("key", ["@id", "@type", "@graph", "as:attributedTo", "as:to"])
def test_announced_note_that_says_another_thing_to_other_readers_is_not_taken(
    world: World, wire: Wire, key: str
) -> None:
    pond, yan = world.remote_channel("pond", members=[world.bob]), stranger("yan")
    note = {"id": f"{yan['id']}/1", "type": "Note", "attributedTo": yan["id"], "content": "x", "to": PUBLIC}
    wire.serve(note["id"], note | {key: "https://good.example/users/victim"})

    with pytest.raises(MalformedDocumentError):
        gathered(world.identified(build.announce(actor=pond.uri, object=note["id"], published=moment(), to=[PUBLIC])))


def test_announced_document_that_is_no_note_is_handed_on_to_be_refused(world: World, wire: Wire) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    yan = stranger("yan")
    wire.serve(yan["id"], yan)
    announce = build.announce(actor=pond.uri, object=yan["id"], published=moment(), to=[PUBLIC])

    assert gathered(world.identified(announce)).documents == {yan["id"]: yan}
    assert not is_known(world, yan["id"])


# Profiles and memberships.


def test_actor_that_describes_itself_is_read_at_its_home(world: World, wire: Wire) -> None:
    zoe = world.actor("zoe", "remote")
    wire.serve(zoe.uri, person(zoe.uri, "zoe", summary="at home", shared_inbox="https://pond.example/new-inbox"))

    gathered(world.identified(build.update(actor=zoe.uri, object=person(zoe.uri, "zoe", summary="sent"), to=[])))

    after = world.reload(zoe.uri)
    assert (after.summary, after.shared_inbox) == ("at home", "https://pond.example/new-inbox")


def test_actor_that_nobody_here_has_met_is_not_read_because_a_neighbour_describes_it(world: World, wire: Wire) -> None:
    zoe, yan = world.actor("zoe", "remote"), stranger("yan", host="pond.example")
    wire.serve(yan["id"], yan)

    gathered(world.identified(build.update(actor=zoe.uri, object=yan, to=[])))

    assert wire.asked == []
    assert not is_known(world, yan["id"])


def test_channel_that_passes_on_how_it_is_described_is_read_at_its_home(world: World, wire: Wire) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    moderator = world.actor("moderator", "remote")
    sent, at_home = (person(pond.uri, "pond", type="Group", summary=summary) for summary in ("sent", "at home"))
    wire.serve(pond.uri, at_home)
    update = world.identified(build.update(actor=moderator.uri, object=sent, to=[]))
    announce = build.announce(actor=pond.uri, object=update.document, published=moment(), to=[PUBLIC])

    gathered(world.identified(announce), update)

    assert world.reload(pond.uri).summary == "at home"


@pytest.mark.parametrize("collection", ["followers", "featured"])
def test_channel_that_nobody_here_asked_into_is_not_fetched_for_an_add(
    world: World, wire: Wire, collection: str
) -> None:
    zoe = world.actor("zoe", "remote")
    target = f"https://pond.example/users/den/{collection}"

    gathered(world.identified(build.add(actor=zoe.uri, object=world.bob.uri, target=target, to=[world.bob.uri])))

    assert wire.asked == []
