"""Update a Note: the author edits, and nothing but the text changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from activitypub import build
from activitypub.attachments import Attachment
from activitypub.documents import Activity, parse_activity
from activitypub.times import write_time
from activitypub.vocabulary import PUBLIC
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor
from app.pipeline import compose
from tests.founding import ORIGIN
from tests.world import Sent, World, moment

ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


@ORIGINS
def test_edit_changes_what_the_message_says(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "frist")
    world.forget()

    outcome = world.perform(world.edited(zoe, uri, "first"))

    assert world.texts(lobby) == ["first"]
    assert world.message(uri).edited_at is not None
    assert world.events() == ["message_edited"]
    assert outcome.found["message_id"] == world.message(uri).id


def test_edit_of_ours_keeps_what_is_attached(world: World) -> None:
    lobby = world.channel("lobby")
    url = "https://chat.example/photo.png"
    photo = {"type": "Document", "url": url, "mediaType": "image/png", "size": 9045}
    said = compose.channel_message(world.viewer(world.bob), lobby.id, "frist").document
    note = said["object"] | {"attachment": [photo]}
    world.perform(parse_activity({**said, "object": note}))

    outcome = world.perform(world.edited(world.bob, note["id"], "first"))

    assert world.texts(lobby) == ["first"]
    assert world.attachments(note["id"]) == (Attachment(url, "image/png", size=9045),)
    assert world.json(outcome.uri)["object"]["attachment"] == [photo]


def test_edit_from_elsewhere_says_what_is_attached_from_now_on(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    frist, second = Attachment("https://pond.example/1.png"), Attachment("https://pond.example/2.png", width=5)
    uri = world.say(zoe, lobby, "see", attachments=[frist])

    world.perform(world.edited(zoe, uri, "see", attachments=[frist, second]))

    assert world.attachments(uri) == (frist, second)


def test_edit_is_announced_and_sent_to_those_who_make_nothing_of_that(world: World) -> None:
    lobby = world.channel("lobby", members=[world.actor("zoe", "remote")])
    uri = world.say(world.bob, lobby, "frist")
    world.forget()

    world.perform(world.edited(world.bob, uri, "first"))

    inbox = "https://pond.example/inbox"
    assert world.deliveries() == [Sent("Update", world.bob.uri, inbox), Sent("Announce", lobby.uri, inbox)]


def test_edit_from_elsewhere_is_announced(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby", members=[zoe])
    uri = world.say(zoe, lobby, "frist")
    world.forget()

    world.perform(world.edited(zoe, uri, "first"))

    assert [(sent.type, sent.sender) for sent in world.deliveries()] == [("Announce", lobby.uri)]


def test_edit_of_a_direct_message_goes_to_peoples_own_inboxes_alone(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.tell(world.bob, [zoe], "psst")
    world.forget()

    update = world.edited(world.bob, uri, "pssst")
    world.perform(update)

    assert world.deliveries() == [Sent("Update", world.bob.uri, zoe.inbox)]
    assert (update.document["to"], update.document["cc"]) == ([zoe.uri], [])


def test_edit_in_another_servers_channel_goes_to_its_home(world: World) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    uri = world.say(world.bob, pond, "frist")
    world.forget()

    world.perform(world.edited(world.bob, uri, "first"))

    assert world.texts(pond) == ["first"]
    assert world.deliveries() == [Sent("Update", world.bob.uri, "https://pond.example/inbox")]


def test_edit_in_a_private_channel_is_not_told_to_former_members(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    den = world.channel("den", is_private=True, members=[zoe, yan])
    uri = world.say(world.alice, den, "frist")
    world.perform(compose.expulsion(world.viewer(world.alice), den.id, yan))
    world.forget()

    update = world.edited(world.alice, uri, "first")
    world.perform(update)

    assert world.deliveries() == [Sent("Update", world.alice.uri, "https://pond.example/inbox")]
    assert yan.uri not in str(update.document)


@pytest.mark.parametrize("who", ["its own people", "somebody it relays"])
def test_edit_in_another_servers_channel_is_believed(world: World, who: str) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    host = "pond.example" if who == "its own people" else "lake.example"
    zoe = world.actor("zoe", "remote", host=host)
    uri = world.relay(pond, world.created(zoe, pond, "frist"))

    world.relay(pond, world.identified(world.edited(zoe, uri, "first", to=[pond.uri, PUBLIC])))

    assert world.texts(pond) == ["first"]


@ORIGINS
@pytest.mark.parametrize("victim", ["local", "remote"])
def test_nobody_edits_anothers_message(world: World, origin: str, victim: str) -> None:
    mallory, zoe = world.actor("mallory", origin), world.actor("zoe", victim, host="lake.example")
    uri = world.say(zoe, world.channel("lobby"), "mine")

    with world.refuses(ForbiddenError):
        world.perform(_update(world, mallory, uri, as_=mallory))
    with world.refuses(ForbiddenError):
        world.perform(_update(world, mallory, uri, as_=zoe))


@ORIGINS
def test_banned_author_may_not_edit(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    uri = world.say(mallory, world.channel("lobby"), "fine")
    update = world.edited(mallory, uri, "foul")
    world.perform(build.block(actor=world.alice.uri, object=mallory.uri, target=world.home.uri))
    world.forget()

    with world.refuses(ForbiddenError, "banned"):
        world.perform(update)


def test_account_that_is_timed_out_may_not_edit(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "fine")
    world.change_account(world.bob, timed_out_until=moment(hours=1))
    world.forget()

    with world.refuses(ForbiddenError, "timed out until"):
        world.perform(world.edited(world.bob, uri, "foul"))


@ORIGINS
def test_author_who_was_put_out_may_not_edit(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)
    den = world.channel("den", is_private=True, members=[mallory])
    uri = world.say(mallory, den, "fine", **({} if origin == "local" else {"is_public": False}))
    update = world.edited(mallory, uri, "foul")
    world.perform(compose.expulsion(world.viewer(world.alice), den.id, mallory))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(update)


def test_deleted_message_is_not_edited(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    uri = world.say(zoe, world.channel("lobby"), "gone")
    world.perform(world.deleted(zoe, uri))
    world.forget()

    with world.refuses(NotFoundError):
        world.perform(world.edited(zoe, uri, "back"))


@ORIGINS
def test_message_is_not_edited_into_nothing(world: World, origin: str) -> None:
    zoe = world.actor("zoe", origin)
    uri = world.say(zoe, world.channel("lobby"), "hello")
    update = _update(world, zoe, uri, as_=zoe, content="")

    with world.refuses(InvalidInputError):
        world.perform(update)


def test_edit_of_ours_may_not_be_too_long(world: World) -> None:
    uri = world.say(world.bob, world.channel("lobby"), "hello")
    world.forget()

    with world.refuses(InvalidInputError, "too long"):
        world.perform(world.edited(world.bob, uri, "x" * 50_001))


def test_edit_does_not_widen_the_audience(world: World) -> None:
    """Hostile case ORI-17; Takahe's client API makes a direct message public by editing it (contracts/peers.md, 4)."""
    zoe = world.actor("zoe", "remote")
    uri = world.tell(zoe, [world.bob], "psst")

    world.perform(world.edited(zoe, uri, "pssst", to=[PUBLIC]))

    assert (world.text(uri), world.message(uri).audience) == ("pssst", "direct")
    assert world.logged(world.log()[-1].uri).audience == "direct"


def test_stale_edit_changes_nothing(world: World) -> None:
    """Hostile case ORI-22."""
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "first")
    now = moment()
    world.perform(world.edited(zoe, uri, "third", updated=now))
    world.forget()

    world.perform(world.edited(zoe, uri, "second", updated=now - timedelta(hours=0.01)))

    assert world.texts(lobby) == ["third"]
    assert (world.events(), world.deliveries()) == ([], [])


def test_edit_counts_though_the_authors_clock_is_ahead(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "frist", published=moment(hours=0.05))

    world.perform(world.edited(zoe, uri, "first", updated=moment()))

    assert world.texts(lobby) == ["first"]


# An Update that overtook its Create (fault F26).


def test_edit_counts_though_the_authors_clock_was_put_back(world: World) -> None:
    """What was edited under a clock that was an hour ahead is edited again under one that is right (fault F17)."""
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri = world.say(zoe, lobby, "frist")

    world.perform(world.edited(zoe, uri, "first", updated=moment(hours=1)), signed_at=moment(hours=1))
    world.perform(world.edited(zoe, uri, "First", updated=moment(seconds=2)), signed_at=moment(seconds=2))

    assert world.texts(lobby) == ["First"]


def test_our_own_edit_counts_though_our_clock_was_put_back(world: World) -> None:
    lobby = world.channel("lobby")
    uri = world.say(world.bob, lobby, "frist")
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        world.perform(world.edited(world.bob, uri, "first"))
    first = world.message(uri).edited_at

    update = world.edited(world.bob, uri, "First")
    world.perform(update)

    assert world.texts(lobby) == ["First"]
    assert first is not None
    assert update.document["object"]["updated"] > write_time(first)


def test_update_before_its_create_ends_as_in_order(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    create = world.created(zoe, lobby, "frist")
    world.perform(world.edited(zoe, str(create.object_id), "first", to=[lobby.uri, PUBLIC]))

    with world.refuses(ConflictError):
        world.perform(create)

    assert world.texts(lobby) == ["first"]
    assert world.message(str(create.object_id)).edited_at is not None
    assert world.events() == ["message"]


def test_update_that_overtook_a_later_one_too_is_stale(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    uri, now = f"{zoe.uri}/1", moment()
    world.perform(world.edited(zoe, uri, "third", to=[lobby.uri, PUBLIC], updated=now))

    world.perform(world.edited(zoe, uri, "second", to=[lobby.uri, PUBLIC], updated=now - timedelta(hours=0.01)))

    assert world.texts(lobby) == ["third"]


def test_update_of_an_old_message_that_never_came_is_of_no_interest(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    published = moment(hours=-25)

    with world.refuses(NotFoundError):
        world.perform(world.edited(zoe, f"{zoe.uri}/1", "old", to=[lobby.uri, PUBLIC], published=published))


def test_update_of_a_message_deleted_before_it_came_is_refused(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    world.perform(world.deleted(zoe, f"{zoe.uri}/1"))

    with world.refuses(ConflictError):
        world.perform(world.edited(zoe, f"{zoe.uri}/1", "late", to=[lobby.uri, PUBLIC]))


def test_early_update_needs_the_right_to_write(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    den = world.channel("den", is_private=True)

    with world.refuses(NotFoundError):
        world.perform(world.edited(mallory, f"{mallory.uri}/1", "let me in", to=[den.uri]))


def test_early_update_does_not_make_messages_of_ours(world: World) -> None:
    mallory = world.actor("mallory", "remote")
    lobby = world.channel("lobby")

    with world.refuses(ForbiddenError):
        world.perform(world.edited(mallory, f"{ORIGIN}/ap/messages/msg_1", "forged", to=[lobby.uri, PUBLIC]))


def _update(world: World, actor: Actor, uri: str, *, as_: Actor, content: str = "yours") -> Activity:
    note = world.note(as_, content, id=uri) | {"content": content}
    return build.update(actor=actor.uri, object=note, to=[PUBLIC])


@ORIGINS
@pytest.mark.parametrize("deed", ["edit", "reaction"])
def test_who_was_blocked_says_nothing_more_in_the_conversation(world: World, origin: str, deed: str) -> None:
    mallory = world.actor("mallory", origin)
    uri = world.tell(mallory, [world.bob], "hello")
    world.perform(build.block(actor=world.bob.uri, object=mallory.uri))
    world.forget()
    again = (
        world.edited(mallory, uri, "and one more thing", to=[world.bob.uri])
        if deed == "edit"
        else build.like(actor=mallory.uri, object=uri, to=[world.bob.uri], content="x")
    )

    with world.refuses(ForbiddenError, "blocked"):
        world.perform(again)

    world.perform(world.deleted(mallory, uri))
    assert world.message(uri).deleted_at is not None
