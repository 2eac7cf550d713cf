"""Turns: the order of the queue, the host's timer, the rows' own, the lease, and what is left after a crash."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import delete, event, update
from sqlalchemy.orm import Session

from activitypub.errors import BlockedAddressError
from app.actions.delivery import recipients
from app.db import Database, reading, transaction
from app.errors import UnavailableError
from app.models import ActivityDocument
from app.queries import hearers
from tests.actions.delivery.world import DOWN, HOST, INBOX, ORIGIN, World, respond


def test_a_queue_is_delivered_in_its_order(world: World) -> None:
    ids = world.queue_many(45)

    turn = world.deliver()

    assert world.wire.order == ids
    assert set(world.states()) == {"delivered"}
    assert (turn.delivered, turn.is_prompt, turn.due_in_seconds) == (45, True, None)


def test_what_was_delivered_says_so(world: World) -> None:
    world.queue()

    world.deliver()

    row = world.delivery()
    assert (row.attempts, row.last_status, row.last_error, row.finished_at) == (1, 202, None, world.clock.now)
    assert world.host().last_success_at == world.clock.now


def test_a_host_is_let_go_of_when_nothing_is_left(world: World) -> None:
    world.queue()

    world.deliver()

    assert world.host().delivery_lease is None


def test_nothing_due_is_no_request_and_no_host(world: World) -> None:
    turn = world.deliver("nobody.test")

    assert world.wire.sent == []
    assert (turn.is_prompt, turn.due_in_seconds) == (None, None)


def test_a_row_that_is_due_soon_says_when(world: World) -> None:
    world.queue(delay=timedelta(seconds=1.5))

    turn = world.deliver()

    assert world.wire.sent == []
    assert turn.due_in_seconds == pytest.approx(1.5)


def test_rows_that_come_during_a_turn_are_sent_in_it(world: World) -> None:
    first = world.queue()
    late: list[str] = []

    def answer() -> int:
        if not late:
            late.append(world.queue())
        return 202

    world.wire.answers[INBOX] = [answer]

    world.deliver()

    assert world.wire.order == [first, *late]


def test_a_failing_host_is_asked_once_and_keeps_its_queue(world: World) -> None:
    ids = world.queue_many(3)
    world.wire.answers[INBOX] = [DOWN]

    turn = world.deliver()

    assert world.wire.order == ids[:1]
    assert world.states() == ["queued"] * 3
    assert turn.is_prompt is False
    assert turn.due_in_seconds == pytest.approx(10, rel=0.21)


def test_nothing_is_sent_before_the_hosts_timer_ends(world: World) -> None:
    world.queue()
    world.wire.answers[INBOX] = [500]
    world.deliver()

    world.clock.pass_by(seconds=7)
    turn = world.deliver()
    world.clock.pass_by(seconds=6)
    world.deliver()

    assert len(world.wire.sent) == 2
    assert 0 < (turn.due_in_seconds or 0) <= 5


def test_an_outage_is_retried_on_the_schedule_and_then_all_goes_in_order(world: World) -> None:
    ids = world.queue_many(10)
    attempts = []
    world.wire.answers[INBOX] = [DOWN] * 8 + [202]
    while world.states()[-1] == "queued":
        began = world.clock.now
        if world.deliver().is_prompt is not None:
            attempts.append(began)
        world.clock.now = max(world.clock.now, world.host().probe_at or world.clock.now)

    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(attempts)][:8]
    assert waits == pytest.approx([10, 30, 120, 300, 900, 1800, 3600, 7200], rel=0.2)
    assert world.wire.order == [ids[0]] * 8 + ids


def test_five_failures_open_the_breaker_and_then_only_the_oldest_row_goes(world: World) -> None:
    ids = world.queue_many(3)
    world.wire.answers[INBOX] = [503]
    for _ in range(7):
        world.deliver()
        world.clock.now = world.host().probe_at or world.clock.now

    host = world.host()

    assert (host.state, host.failures) == ("open", 7)
    assert world.wire.order == ids[:1] * 7


def test_a_host_that_comes_back_is_not_flooded(world: World) -> None:
    world.queue_many(80)
    world.wire.answers[INBOX] = [DOWN] * 5 + [202]
    for _ in range(5):
        world.deliver()
        world.clock.now = world.host().probe_at or world.clock.now

    while world.deliver().due_in_seconds == 0:
        pass

    assert set(world.states()) == {"delivered"}
    assert world.clock.pauses == [0.2] * 50 + [0.1] * 29
    assert world.host().drain_since is None


def test_a_busy_host_is_left_alone_as_long_as_it_asks(world: World) -> None:
    world.queue()
    world.wire.answers[INBOX] = [respond(429, retry_after="90"), 202]
    world.deliver()

    world.clock.pass_by(seconds=89)
    world.deliver()
    assert len(world.wire.sent) == 1
    world.clock.pass_by(seconds=1)
    world.deliver()

    assert world.states() == ["delivered"]
    assert world.host().failures == 0


def test_a_refused_row_waits_by_itself_and_lets_the_others_pass(world: World) -> None:
    stranger = f"https://{HOST}/users/strict/inbox"
    refused = world.queue(stranger)
    others = world.queue_many(2)
    world.wire.answers[stranger] = [401, 401, 202]

    turn = world.deliver()

    assert world.states() == ["queued", "delivered", "delivered"]
    assert turn.due_in_seconds == 10
    world.clock.pass_by(seconds=10)
    world.deliver()
    assert world.wire.order == [refused, refused, *others, refused]
    assert set(world.states()) == {"delivered"}


def test_a_refused_row_is_given_up_after_a_day_and_its_host_is_not_blamed(world: World) -> None:
    world.queue()
    world.wire.answers[INBOX] = [403]
    began = world.clock.now
    while world.states() == ["queued"]:
        world.deliver()
        world.clock.now = max(world.clock.now, world.delivery().next_attempt_at)

    row = world.delivery()
    assert (row.state, row.attempts, row.last_status) == ("failed", 12, 403)
    assert timedelta(hours=23) < (row.finished_at or began) - began <= timedelta(hours=24)
    assert world.host().failures == 0


def test_a_refusal_keeps_a_sample_of_what_the_host_said(world: World) -> None:
    world.queue()
    world.wire.answers[INBOX] = [respond(422, body=b"no\x00such\n" + "grün ".encode() + b"\xff" + b"x" * 999)]

    world.deliver()

    row = world.delivery()
    assert (row.state, row.last_status) == ("failed", 422)
    assert row.last_error is not None
    assert row.last_error.startswith("422 no such grün \ufffdxxx")
    assert len(row.last_error) == 200


def test_a_row_past_its_time_is_not_sent(world: World) -> None:
    world.queue(life=timedelta(days=7))
    kept = world.queue(life=timedelta(days=30))
    world.clock.pass_by(days=8)

    world.deliver()

    assert world.wire.order == [kept]
    assert world.states() == ["expired", "delivered"]


def test_a_message_deleted_meanwhile_is_not_sent(world: World) -> None:
    deleted, kept = world.queue_many(2)
    with transaction() as session:
        session.execute(delete(ActivityDocument).where(ActivityDocument.activity_id == deleted))

    world.deliver()

    assert world.wire.order == [kept]
    assert world.states() == ["dropped", "delivered"]


def test_an_address_we_never_connect_to_ends_the_row_alone(world: World) -> None:
    inside = "https://inside.test/inbox"
    world.queue(inside)
    world.queue()
    world.wire.answers[inside] = [BlockedAddressError("10.0.0.1 is not a public address")]

    world.deliver()

    assert world.states() == ["failed", "delivered"]
    assert world.host().failures == 0


def test_a_row_that_cannot_be_sent_does_not_stop_those_behind_it(world: World) -> None:
    poisoned, kept = world.queue_many(2)
    with transaction() as session:
        session.execute(
            update(ActivityDocument).where(ActivityDocument.activity_id == poisoned).values(sealed=b"x" * 40)
        )

    for _ in range(4):
        world.deliver()
        world.clock.pass_by(hours=7)

    assert world.wire.order == [kept]
    assert world.states() == ["failed", "delivered"]
    assert "WrongKeyError" in (world.deliveries()[0].last_error or "")


def test_a_turn_ends_after_seconds_and_says_that_there_is_more(world: World) -> None:
    world.queue_many(30)
    world.wire.exchange_seconds = 0.5

    turn = world.deliver()

    assert 10 <= turn.delivered <= 14
    assert turn.due_in_seconds == 0
    assert world.host().delivery_lease is None


def test_a_slow_host_is_not_prompt(world: World) -> None:
    world.queue()
    world.wire.exchange_seconds = 4

    assert world.deliver().is_prompt is False


def test_a_stop_is_heard_between_two_requests(world: World) -> None:
    world.queue_many(5)

    world.deliver(should_stop=lambda: len(world.wire.sent) >= 2)

    assert world.states() == ["delivered"] * 2 + ["queued"] * 3
    assert world.host().delivery_lease is None


def test_outcomes_are_noted_although_the_database_was_away_for_a_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.queue_many(3)
    whole = Database.transaction
    failures: list[int] = []

    def failing(self: Database, **given: bool) -> AbstractContextManager[Session]:
        if len(world.wire.sent) == 3 and len(failures) < 2:
            failures.append(1)
            raise UnavailableError
        return whole(self, **given)

    monkeypatch.setattr(Database, "transaction", failing)

    world.deliver()

    assert world.states() == ["delivered"] * 3
    assert world.clock.pauses == [1.0, 3.0]


def test_a_shared_inbox_that_is_gone_is_replaced_by_its_peoples_own(world: World) -> None:
    shared = f"https://{HOST}/shared"
    followers = f"{ORIGIN}/ap/users/{world.alice}/followers"
    fan = world.remote_actor("fan", shared_inbox=shared)
    world.follow(fan, world.alice)
    world.follow(world.remote_actor("waiting", shared_inbox=shared), world.alice, state="pending")
    world.remote_actor("named", shared_inbox=shared)
    world.remote_actor("stranger", shared_inbox=shared)
    world.follow(world.remote_actor("elsewhere", host="other.test"), world.alice)
    world.queue(shared, is_shared=True, to=[followers, f"https://{HOST}/users/named"])
    world.wire.answers[shared] = [404]

    world.deliver()

    own = [f"https://{HOST}/users/{name}/inbox" for name in ("fan", "named")]
    assert sorted(sent.url for sent in world.wire.sent) == [shared, *own]
    assert world.states() == ["failed", "delivered", "delivered"]
    assert len({sent.activity_id for sent in world.wire.sent}) == 1


def test_who_has_no_shared_inbox_any_more_is_told_at_their_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = f"https://{HOST}/shared"
    fan, other = (world.remote_actor(name, shared_inbox=shared) for name in ("fan", "other"))
    for follower in (fan, other, world.remote_actor("elsewhere", host="other.test")):
        world.follow(follower, world.alice)
    world.queue(shared, is_shared=True)
    world.wire.answers[shared] = [404]

    world.deliver()

    for few in (hearers.FEW_FOLLOWERS, 0):
        monkeypatch.setattr(hearers, "FEW_FOLLOWERS", few)
        with reading() as session:
            told = {inbox.uri for inbox in hearers.list_follower_inboxes(session, world.alice)}
        own = {f"https://{HOST}/users/{name}/inbox" for name in ("fan", "other")}
        assert told == {*own, "https://other.test/users/elsewhere/inbox"}


def test_a_shared_inbox_is_not_replaced_by_very_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "MOST_INBOXES_OF_DOMAIN", 2)
    shared = f"https://{HOST}/shared"
    for name in ("one", "two", "three", "four"):
        world.follow(world.remote_actor(name, shared_inbox=shared), world.alice)
    world.queue(shared, is_shared=True, to=[f"{ORIGIN}/ap/users/{world.alice}/followers"])
    world.wire.answers[shared] = [410]

    world.deliver()

    assert world.states() == ["failed", "delivered", "delivered"]


def test_a_gone_inbox_ends_the_follow_and_nothing_else(world: World) -> None:
    bob = world.local_actor("bob")
    gone, staying = world.remote_actor("gone"), world.remote_actor("staying")
    for follower, target in ((gone, world.alice), (gone, bob), (staying, world.alice)):
        world.follow(follower, target)
    inbox = f"https://{HOST}/users/gone/inbox"
    world.queue(inbox)
    world.wire.answers[inbox] = [410]

    world.deliver()

    assert world.states() == ["failed"]
    assert sorted(world.follows()) == sorted([(gone, bob), (staying, world.alice)])
    assert world.host().failures == 0


def test_a_delivery_takes_few_statements(world: World, database: Database) -> None:
    world.queue()
    world.deliver()
    world.queue()
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    world.deliver()

    asked = [statement for statement in statements if not statement.startswith("BEGIN")]
    assert [statement.split()[0] for statement in asked] == ["UPDATE", "SELECT", "UPDATE", "UPDATE", "SELECT"]


def test_no_transaction_is_open_while_a_request_is(world: World, database: Database) -> None:
    world.queue_many(2)
    open_connections = []

    def look() -> int:
        open_connections.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]  # A QueuePool has it.
        return 202

    world.wire.answers[INBOX] = [look]

    world.deliver()

    assert open_connections == [0, 0]
