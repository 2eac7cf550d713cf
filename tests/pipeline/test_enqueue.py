"""Enqueue: how long a delivery lives, when it is due, and for whom none is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from activitypub import build
from app.db import transaction
from app.models import Actor, Delivery, Host
from app.pipeline import compose
from app.queries.deliveries import DEAD, DORMANT, GONE, OPEN, UNREACHABLE, UP
from tests.world import World, moment

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


def message(world: World, zoe: Actor) -> None:
    world.say(world.bob, world.channel("lobby", members=[zoe]), "hello")


def edit(world: World, zoe: Actor) -> None:
    uri = world.tell(world.bob, [zoe], "frist")
    world.forget()
    world.perform(world.edited(world.bob, uri, "first"))


def deletion(world: World, zoe: Actor) -> None:
    uri = world.tell(world.bob, [zoe], "regret")
    world.forget()
    world.perform(world.deleted(world.bob, uri))


def reaction(world: World, zoe: Actor) -> None:
    uri = world.tell(zoe, [world.bob], "hi")
    world.perform(compose.reaction(world.viewer(world.bob), world.message(uri).id, None))


def follow(world: World, zoe: Actor) -> None:
    world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))


def answer(world: World, zoe: Actor) -> None:
    world.perform(build.follow(actor=zoe.uri, object=world.bob.uri))


def unfollow(world: World, zoe: Actor) -> None:
    follow(world, zoe)
    world.forget()
    world.perform(compose.unfollow(world.viewer(world.bob), zoe))


def admission(world: World, zoe: Actor) -> None:
    den = world.channel("den", is_private=True)
    world.perform(compose.admission(world.viewer(world.alice), den.id, zoe))


def note_state(host: str, state: str) -> None:
    with transaction() as session:
        session.execute(insert(Host).values(host=host, state=state, created_at=moment()))


def rows(world: World, act: Callable[[World, Actor], None]) -> list[Delivery]:
    act(world, world.actor("zoe", "remote"))
    return world.delivery_rows()


@pytest.mark.parametrize("act", [message, edit, reaction])
def test_what_is_said_lives_a_week(world: World, act: Callable[[World, Actor], None]) -> None:
    assert {row.expires_at - row.created_at for row in rows(world, act)} == {WEEK}


@pytest.mark.parametrize("act", [follow, answer, unfollow, deletion, admission])
def test_what_changes_who_may_see_what_lives_a_month(world: World, act: Callable[[World, Actor], None]) -> None:
    assert {row.expires_at - row.created_at for row in rows(world, act)} == {MONTH}


def test_answer_waits_until_the_request_it_answers_is_over(world: World) -> None:
    """Takahe loses an Accept that arrives while its own Follow is still open (contracts/peers.md, 10)."""
    (row,) = rows(world, answer)

    assert timedelta(seconds=1) <= row.next_attempt_at - row.created_at <= timedelta(seconds=2)


def test_what_is_said_after_an_answer_does_not_come_before_it(world: World) -> None:
    zoe, yan = world.actor("zoe", "remote"), world.actor("yan", "remote", host="lake.example")
    lobby = world.channel("lobby", members=[yan])
    world.perform(build.follow(actor=zoe.uri, object=lobby.uri))

    world.say(world.bob, lobby, "welcome")
    world.tell(world.bob, [zoe], "and from me")

    due = {
        (sent.type, sent.sender, sent.inbox): row
        for sent, row in zip(world.deliveries(), world.delivery_rows(), strict=True)
    }
    (answered,) = [row for (type_, *_), row in due.items() if type_ == "Accept"]
    for (type_, sender, inbox), row in due.items():
        is_held = sender == lobby.uri and inbox == "https://pond.example/inbox"
        assert row.next_attempt_at == (answered.next_attempt_at if is_held else row.created_at), type_


def test_an_answer_from_before_the_clock_was_put_back_holds_nothing_up(world: World) -> None:
    """It may wait for a server that is down, and what is said then would wait for the clock to come there again."""
    zoe = world.actor("zoe", "remote")
    lobby = world.channel("lobby")
    world.perform(build.follow(actor=zoe.uri, object=lobby.uri))
    with transaction() as session:
        ahead = {"created_at": moment(hours=9), "next_attempt_at": moment(hours=9, seconds=2)}
        session.execute(update(Delivery).values(ahead))

    world.say(world.bob, lobby, "welcome")

    _, *said = world.delivery_rows()
    assert said
    assert [row.next_attempt_at for row in said] == [row.created_at for row in said]


@pytest.mark.parametrize("act", [message, follow, deletion])
def test_everything_else_is_due_at_once(world: World, act: Callable[[World, Actor], None]) -> None:
    sent = rows(world, act)

    assert sent
    assert [row.next_attempt_at for row in sent] == [row.created_at for row in sent]


def test_row_says_what_goes_where_in_whose_name(world: World) -> None:
    zoe = world.actor("zoe", "remote")

    outcome = world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))

    (row,) = world.delivery_rows()
    assert (row.activity_id, row.sender_id, row.host, row.inbox, row.is_shared, row.state, row.attempts) == (
        outcome.id,
        world.bob.id,
        "pond.example",
        "https://pond.example/inbox",
        True,
        "queued",
        0,
    )
    assert outcome.found["inboxes"] == ["https://pond.example/inbox"]
    assert world.wakes == [("deliver", "pond.example")]


def test_host_with_a_port_is_another_host(world: World) -> None:
    zoe = world.actor("zoe", "remote", host="pond.example:8443")

    world.perform(build.follow(actor=world.bob.uri, object=zoe.uri))

    (row,) = world.delivery_rows()
    assert (row.host, row.inbox) == ("pond.example:8443", "https://pond.example:8443/inbox")


@pytest.mark.parametrize("state", [UP, OPEN])
@pytest.mark.parametrize("act", [message, follow])
def test_server_that_answers_badly_still_has_its_queue(
    world: World, act: Callable[[World, Actor], None], state: str
) -> None:
    note_state("pond.example", state)

    assert rows(world, act)


@pytest.mark.parametrize("state", [UNREACHABLE, DORMANT])
def test_server_that_is_away_is_kept_only_what_lasts(world: World, state: str) -> None:
    note_state("pond.example", state)

    assert rows(world, message) == []
    assert rows(world, follow)


@pytest.mark.parametrize("state", [DEAD, GONE])
@pytest.mark.parametrize("act", [message, follow])
def test_server_that_is_no_more_is_kept_nothing(world: World, act: Callable[[World, Actor], None], state: str) -> None:
    note_state("pond.example", state)

    assert rows(world, act) == []
    assert world.wakes in ([], [("events", "")])


def test_server_that_is_away_holds_up_nobody_else(world: World) -> None:
    note_state("lake.example", UNREACHABLE)
    people = [world.actor("zoe", "remote"), world.actor("xan", "remote", host="lake.example")]
    lobby = world.channel("lobby", members=people)

    world.say(world.bob, lobby, "hello")

    assert {row.host for row in world.delivery_rows()} == {"pond.example"}
