"""A worker's turn: what was accepted is applied in order, once, and nothing holds up the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from activitypub import build
from activitypub.documents import parse_activity
from activitypub.errors import FetchError
from app.actions.inbox import process, queue, work
from app.actions.inbox.queue import MAX_ATTEMPTS, RETRY_SECONDS, QueuedItem, claim
from app.db import reading
from app.queries.queues import list_inbox_hosts
from tests.actions.inbox.arrivals import (
    HOST,
    TIMEOUT,
    Clock,
    arrive,
    items,
    lease_of,
    say,
    say_with_strangers,
    states,
    texts,
)
from tests.actions.wire import Wire
from tests.facades.pufferblow.ears import statements
from tests.world import World, moment


def test_items_are_applied_in_the_order_they_came(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    for number in range(5):
        say(world, zoe, f"message {number}")

    turn = process(HOST)

    assert (turn.processed, turn.has_more) == (5, False)
    assert texts(world) == [f"message {number}" for number in range(5)]
    assert states() == ["done"] * 5
    assert all(item.sealed is None for item in items())


def test_an_item_costs_as_many_statements_as_any_other(world: World) -> None:
    """What a turn costs besides its items is paid once."""
    zoe = world.actor("zoe", "remote")
    say(world, zoe, "the first one makes the conversation and its key")
    process(HOST)

    costs = []
    for count in (1, 4):
        for number in range(count):
            say(world, zoe, f"message {number} of {count}")
        with statements() as executed:
            process(HOST)
        costs.append(len([statement for statement in executed if not statement.startswith("BEGIN")]))

    one, four = costs
    assert one <= 24
    assert four - one <= 3 * 17


def test_nothing_to_do_is_no_work(world: World) -> None:
    turn = process(HOST)

    assert (turn.processed, turn.has_more) == (0, False)


def test_a_turn_says_whether_some_item_took_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    zoe = world.actor("zoe", "remote")
    turns = []
    for longest in (60.0, 0.0):
        monkeypatch.setattr(work, "_PROMPT_SECONDS", longest)
        say(world, zoe, "a message")
        turns += [process(HOST), process(HOST)]

    assert [turn.is_prompt for turn in turns] == [True, None, False, None]


def test_a_turn_that_is_to_stop_leaves_the_rest_to_another(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    for number in range(3):
        say(world, zoe, f"message {number}")

    turn = process(HOST, should_stop=lambda: "done" in states())

    assert (turn.processed, states()) == (1, ["done", "queued", "queued"])
    assert process(HOST).processed == 2  # At once: the lease was given back.


def test_hosts_have_queues_of_their_own(world: World) -> None:
    say(world, world.actor("zoe", "remote"), "from the pond")
    say(world, world.actor("yan", "remote", host="lake.example"), "from the lake")

    process(HOST)

    assert sorted(states()) == ["done", "queued"]
    assert texts(world) == ["from the pond"]


def test_time_of_the_signature_is_the_time_of_the_act(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    activity = say(world, zoe, "hello")

    process(HOST)

    (item,) = items()
    assert world.logged(str(activity.id)).signed_at == item.signed_at


def test_refused_item_is_dropped_with_the_reason_and_nothing_else(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    arrive(world, build.like(actor=zoe.uri, object="https://chat.example/ap/messages/none", to=[]))
    say(world, zoe, "next")

    process(HOST)

    assert states() == ["dropped", "done"]
    assert "does not exist" in (items()[0].outcome or "")
    assert items()[0].sealed is None
    assert [row.type for row in world.log()].count("Like") == 0


def test_forged_item_is_dropped(world: World) -> None:
    zoe, mallory = world.actor("zoe", "remote"), world.actor("mallory", "remote", host="evil.example")
    note = world.note(zoe, "forged", to=[world.bob.uri])
    arrive(world, build.create(actor=mallory.uri, object=note))

    process("evil.example")

    assert states() == ["dropped"]
    assert texts(world) == []


def test_repeat_is_done_and_says_so(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    activity = say(world, zoe, "hello")
    world.perform(parse_activity(activity.document))

    process(HOST)

    assert [(item.state, item.outcome) for item in items()] == [("done", "repeat")]
    assert texts(world) == ["hello"]


# What could not be fetched is asked for again.


def test_temporary_failure_waits_and_the_queue_behind_it_moves(world: World, wire: Wire, clock: Clock) -> None:
    zoe, yves = world.actor("zoe", "remote"), world.actor("yves", "remote")
    wire.serve("https://lake.example/users/yan", TIMEOUT)
    say_with_strangers(world, zoe, "first")
    say(world, yves, "second")

    process(HOST, now=clock)

    assert states() == ["queued", "done"]
    assert texts(world) == ["second"]
    (first, _) = items()
    assert (first.attempts, first.outcome) == (1, "no answer")
    assert first.next_attempt_at == clock.now + timedelta(seconds=RETRY_SECONDS[0])
    assert first.sealed is not None


def test_what_an_author_says_later_waits_for_what_was_said_before(world: World, wire: Wire, clock: Clock) -> None:
    """Invariant I5; found by `make faults SEED=600909`."""
    zoe = world.actor("zoe", "remote")
    wire.serve("https://lake.example/users/yan", TIMEOUT, TIMEOUT, 404)
    say_with_strangers(world, zoe, "first")
    say(world, zoe, "second")

    process(HOST, now=clock)
    say(world, zoe, "third")
    process(HOST, now=clock)
    assert texts(world) == []
    for seconds in RETRY_SECONDS[:2]:
        clock.pass_by(seconds + 1)
        process(HOST, now=clock)

    assert texts(world) == ["first", "second", "third"]


def test_what_keeps_failing_holds_nothing_up_for_long(world: World, wire: Wire, clock: Clock) -> None:
    zoe = world.actor("zoe", "remote")
    wire.serve("https://lake.example/users/yan", *[TIMEOUT] * 9)
    say_with_strangers(world, zoe, "first")
    say(world, zoe, "second")

    for seconds in (0, *RETRY_SECONDS[:2]):
        clock.pass_by(seconds + 1)
        process(HOST, now=clock)

    assert (states(), texts(world)) == (["queued", "done"], ["second"])


def test_a_lease_from_before_the_clock_was_put_back_is_nobodys_for_the_sweep(world: World, clock: Clock) -> None:
    """Fault F17."""
    say(world, world.actor("zoe", "remote"), "first")
    clock.pass_by(7200)
    assert claim(HOST, clock.now)
    clock.pass_by(-7200)

    with reading() as session:
        assert list(list_inbox_hosts(session, clock.now + timedelta(seconds=120))) == [HOST]


def test_item_is_tried_again_when_its_time_has_come(world: World, wire: Wire, clock: Clock) -> None:
    zoe = world.actor("zoe", "remote")
    wire.serve("https://lake.example/users/yan", TIMEOUT, 404)
    say_with_strangers(world, zoe, "first")
    process(HOST, now=clock)

    clock.pass_by(RETRY_SECONDS[0] - 1)
    assert process(HOST, now=clock).processed == 0
    clock.pass_by(2)
    assert process(HOST, now=clock).processed == 1

    assert states() == ["done"]
    assert texts(world) == ["first"]


def test_item_is_given_up_in_the_end(world: World, wire: Wire, clock: Clock) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    uri = "https://lake.example/notes/1"
    wire.serve(uri, TIMEOUT)
    arrive(world, build.announce(actor=pond.uri, object=uri, published=moment(), to=[]))
    waits = []

    for _ in range(MAX_ATTEMPTS):
        process(HOST, now=clock)
        (item,) = items()
        waits.append(round((item.next_attempt_at - clock.now).total_seconds()))
        clock.pass_by(RETRY_SECONDS[-1] + 1)

    assert states() == ["dropped"]
    assert waits[:-1] == list(RETRY_SECONDS)
    assert items()[0].sealed is None
    assert texts(world) == []


def test_message_to_one_of_ours_does_not_share_the_fate_of_anothers_server(
    world: World, wire: Wire, clock: Clock
) -> None:
    zoe = world.actor("zoe", "remote")
    wire.serve("https://lake.example/users/yan", TIMEOUT)
    say_with_strangers(world, zoe, "for bob and yan")

    for seconds in (0, *RETRY_SECONDS):
        assert texts(world) == []
        clock.pass_by(seconds + 1)
        process(HOST, now=clock)

    assert states() == ["done"]
    assert texts(world) == ["for bob and yan"]


def test_what_can_never_be_fetched_is_dropped_at_once(world: World, wire: Wire) -> None:
    pond = world.remote_channel("pond", members=[world.bob])
    uri = "https://lake.example/notes/1"
    wire.serve(uri, 410)
    arrive(world, build.announce(actor=pond.uri, object=uri, published=moment(), to=[]))

    process(HOST)

    assert states() == ["dropped"]


def test_clock_that_was_put_back_holds_nothing_up(world: World, wire: Wire, clock: Clock) -> None:
    """Fault F17."""
    zoe = world.actor("zoe", "remote")
    wire.serve("https://lake.example/users/yan", TIMEOUT, 404)
    say_with_strangers(world, zoe, "first")
    clock.pass_by(6 * 3600)
    process(HOST, now=clock)
    assert states() == ["queued"]

    clock.pass_by(-12 * 3600)
    say(world, zoe, "second")
    process(HOST, now=clock)

    assert states() == ["done", "done"]


# A turn ends.


def test_turn_ends_after_some_seconds_and_asks_for_another(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = world.actor("zoe", "remote")
    for number in range(3):
        say(world, zoe, f"message {number}")
    apply = work._apply

    def apply_slowly(item: QueuedItem, met: set[str]) -> None:
        apply(item, met)
        clock.pass_by(15)

    monkeypatch.setattr(work, "_apply", apply_slowly)

    turn = process(HOST, now=clock)

    assert (turn.processed, turn.has_more) == (2, True)
    assert lease_of() == (None, None)
    assert states() == ["done", "done", "queued"]


@pytest.mark.parametrize("outage", [[TIMEOUT, 404], [TIMEOUT]])
def test_turn_ends_though_what_it_put_off_is_due_again(
    world: World, wire: Wire, clock: Clock, monkeypatch: pytest.MonkeyPatch, outage: list[FetchError | int]
) -> None:
    """By then yves' message has taken so long that the time to try zoe's again has come."""
    zoe, yves = world.actor("zoe", "remote"), world.actor("yves", "remote")
    wire.serve("https://lake.example/users/yan", *outage)
    say_with_strangers(world, zoe, "put off")
    say(world, yves, "takes long")
    apply, list_due, looks = work._apply, queue.list_due, iter(range(100))

    def apply_slowly(item: QueuedItem, met: set[str]) -> None:
        clock.pass_by(RETRY_SECONDS[0] + 1 if item.author_uri == yves.uri else 0)
        apply(item, met)

    def look(host: str, now: datetime) -> list[QueuedItem]:
        next(looks)  # Whoever looks for ever comes to the end of them.
        clock.pass_by(0.01)
        return list_due(host, now)

    monkeypatch.setattr(work, "_apply", apply_slowly)
    monkeypatch.setattr(queue, "list_due", look)

    assert process(HOST, now=clock).processed == 3
    assert states() == ["done" if 404 in outage else "queued", "done"]
    assert lease_of() == (None, None)


def test_what_came_during_the_last_look_asks_for_another_turn(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = world.actor("zoe", "remote")
    release = queue.release

    def release_late(host: str, token: str) -> None:
        say(world, zoe, "just in time")
        clock.pass_by(1)
        release(host, token)

    monkeypatch.setattr(queue, "release", release_late)

    assert process(HOST, now=clock).has_more


def test_more_than_a_batch_is_done_in_one_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "BATCH", 2)
    zoe = world.actor("zoe", "remote")
    for number in range(5):
        say(world, zoe, f"message {number}")

    assert process(HOST).processed == 5


def test_refused_follow_is_dropped_and_its_sender_told_once(world: World) -> None:
    zoe = world.actor("zoe", "remote")
    world.perform(build.block(actor=world.bob.uri, object=zoe.uri))
    arrive(world, build.follow(actor=zoe.uri, object=world.bob.uri))

    process(HOST)
    process(HOST)

    assert [(item.state, item.outcome) for item in items()] == [("dropped", "you are blocked by this actor")]
    assert [sent.type for sent in world.deliveries()] == ["Reject"]
