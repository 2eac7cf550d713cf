"""The sweep finds whatever waits, and prunes what has served."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from app.actions import pruning
from app.actions.sweeps import is_overdue, sweep
from app.db import Database, reading, transaction
from app.models import (
    Account,
    ActivityDocument,
    BrowserSession,
    Delivery,
    Event,
    Host,
    InboxItem,
    LoginSession,
    NodeChallenge,
    NodeSession,
    OAuthClient,
    OAuthCode,
    OAuthDeviceCode,
    OAuthSession,
    RefreshToken,
)
from tests.actions.delivery.world import HOST, INBOX, World, respond

OTHER = "other.test"


@pytest.fixture
def world(database: Database) -> World:
    return World()


def hints(world: World) -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []
    sweep(lambda kind, key: heard.append((kind, key)), world.clock.now)
    return sorted(heard)


def inbox_item(world: World, host: str, *, state: str = "queued", received_at: datetime | None = None) -> None:
    at = received_at or world.clock.now
    with transaction() as session:
        session.execute(
            insert(InboxItem).values(
                seen_key=f"https://{host}/activities/{at.timestamp()}",
                host=host,
                activity_uri=f"https://{host}/activities/1",
                signer_uri=f"https://{host}/users/x",
                key_id=f"https://{host}/users/x#main-key",
                state=state,
                attempts=0,
                next_attempt_at=at,
                signed_at=at,
                received_at=at,
            )
        )


def count(table: type[Any]) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_every_host_with_something_due_is_hinted_at_once(world: World) -> None:
    world.queue_many(3)
    world.queue(f"https://{OTHER}/inbox", host=OTHER)
    world.queue("https://later.test/inbox", host="later.test", delay=timedelta(hours=1))

    assert hints(world) == [("deliver", OTHER), ("deliver", HOST)]


def test_what_was_delivered_is_not_hinted_at(world: World) -> None:
    world.queue()
    world.deliver()

    assert hints(world) == []


def test_a_host_whose_timer_runs_is_left_alone_until_it_ends(world: World) -> None:
    world.queue()
    world.wire.answers[INBOX] = [respond(503)]
    world.deliver()

    assert hints(world) == []
    world.clock.pass_by(seconds=13)
    assert hints(world) == [("deliver", HOST)]


def test_a_host_that_an_admin_declared_gone_is_left_alone(world: World) -> None:
    world.queue()
    world.deliver()
    world.queue()
    world.change_host(state="gone")

    assert hints(world) == []


def test_a_host_that_is_away_is_probed_when_its_timer_ends_although_nothing_waits_for_it(world: World) -> None:
    world.queue()
    world.deliver()
    world.change_host(state="unreachable", failing_days=7, probe_at=world.clock.now + timedelta(hours=3))

    assert hints(world) == []
    world.clock.pass_by(hours=3)
    assert hints(world) == [("deliver", HOST)]


def test_inbox_items_that_wait_are_hinted_at_unless_a_worker_is_at_them(world: World) -> None:
    inbox_item(world, HOST)
    inbox_item(world, OTHER)
    inbox_item(world, "done.test", state="done")
    with transaction() as session:
        session.execute(
            insert(Host).values(
                host=OTHER,
                inbox_lease="worker",
                inbox_lease_until=world.clock.now + timedelta(seconds=30),
                created_at=world.clock.now,
            )
        )

    assert hints(world) == [("inbox", HOST)]


def test_actors_of_ours_without_a_key_are_hinted_at(world: World) -> None:
    keyless = world.local_actor("new", has_key=False)
    world.remote_actor("elsewhere")

    assert hints(world) == [("keys", keyless)]


def test_a_sweep_leaves_its_time_behind(world: World) -> None:
    assert is_overdue(world.clock.now)

    hints(world)

    assert not is_overdue(world.clock.now + timedelta(seconds=29))
    assert is_overdue(world.clock.now + timedelta(seconds=31))


def test_a_sweep_of_the_future_is_overdue_because_the_clock_was_put_back(world: World) -> None:
    hints(world)

    assert is_overdue(world.clock.now - timedelta(hours=2))


def test_after_the_clock_was_put_back_nothing_waits_for_what_it_said(world: World) -> None:
    """Fault F17: timers of hosts and of rows, both ways, set by a clock that was an hour ahead."""
    world.queue()
    world.wire.answers[INBOX] = [respond(503)]
    inbox_item(world, OTHER)
    world.clock.pass_by(hours=1)
    world.deliver()
    hints(world)
    with transaction() as session:
        later = world.clock.now + timedelta(seconds=10)
        session.execute(update(InboxItem).values(attempts=1, next_attempt_at=later))
        session.execute(update(Host).values(key_retry_at=later))

    world.clock.pass_by(hours=-1)

    assert hints(world) == [("deliver", HOST), ("inbox", OTHER)]
    assert world.host().key_retry_at == world.clock.now


def test_what_was_not_tried_is_due_and_not_written_to_when_the_clock_was_put_back(world: World) -> None:
    """There may be more of it than PostgreSQL writes to in the time of a statement."""
    world.clock.pass_by(hours=1)
    made_at = world.clock.now
    world.queue()
    inbox_item(world, OTHER)
    hints(world)

    world.clock.pass_by(hours=-1)

    assert hints(world) == [("deliver", HOST), ("inbox", OTHER)]
    with reading() as session:
        times = {
            *session.scalars(select(Delivery.next_attempt_at)),
            *session.scalars(select(InboxItem.next_attempt_at)),
        }
    assert times == {made_at}


def test_a_clock_that_goes_a_little_ahead_ends_no_wait(world: World) -> None:
    """As another machine's of the same installation may."""
    world.queue()
    world.wire.answers[INBOX] = [respond(503)]
    world.deliver()
    hints(world)

    world.clock.pass_by(seconds=-30)

    assert hints(world) == []


def test_deliveries_past_their_time_are_ended_without_their_host(world: World) -> None:
    world.queue(life=timedelta(days=7))
    world.queue(life=timedelta(days=30))
    world.clock.pass_by(days=7)

    pruning.prune(world.clock.now)

    assert world.states() == ["expired", "queued"]


def test_finished_deliveries_are_forgotten_after_a_month(world: World) -> None:
    world.queue_many(2)
    world.deliver()
    world.clock.pass_by(days=29)
    kept = world.queue()
    world.deliver()
    world.clock.pass_by(days=2)

    pruning.prune(world.clock.now)

    assert [delivery.activity_id for delivery in world.deliveries()] == [kept]


def test_the_memory_of_an_inbox_lasts_ninety_days_and_waiting_items_are_kept(world: World) -> None:
    inbox_item(world, HOST, state="done", received_at=world.clock.now - timedelta(days=91))
    inbox_item(world, HOST, state="done", received_at=world.clock.now - timedelta(days=89))
    inbox_item(world, OTHER, received_at=world.clock.now - timedelta(days=92))

    pruning.prune(world.clock.now)

    assert count(InboxItem) == 2


def test_events_last_a_week(world: World) -> None:
    with transaction() as session:
        for days in (8, 6):
            at = world.clock.now - timedelta(days=days)
            session.execute(insert(Event).values(type="message", data={}, created_at=at))

    pruning.prune(world.clock.now)

    assert count(Event) == 1


def test_what_a_clock_that_was_put_back_left_keeps_nothing_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_BATCH", 2)
    for ahead in (True, False):
        world.clock.pass_by(days=365 if ahead else -400)
        for number in range(3):
            world.queue()
            at = world.clock.now + timedelta(seconds=number)
            inbox_item(world, HOST, state="done", received_at=at)
            with transaction() as session:
                session.execute(insert(Event).values(type="message", data={}, created_at=at))
        world.deliver()
    world.clock.pass_by(days=100)

    pruning.prune(world.clock.now)

    assert (count(Delivery), count(InboxItem), count(Event)) == (3, 3, 3)


def sign_up(world: World) -> None:
    with transaction() as session:
        account = {"username": "alice", "password_hash": "", "status": "offline", "last_seen_at": world.clock.now}
        session.execute(insert(Account).values(actor_id=world.alice, **account))


def test_refresh_tokens_end_with_their_time(world: World) -> None:
    now = world.clock.now
    sign_up(world)
    with transaction() as session:
        session.execute(insert(LoginSession).values(id="session_1", actor_id=world.alice, created_at=now))
        for name, hours in (("old", -1), ("new", 1)):
            session.execute(
                insert(RefreshToken).values(
                    id=f"token_{name}", session_id="session_1", digest=name, expires_at=now + timedelta(hours=hours)
                )
            )

    pruning.prune(now)

    with reading() as session:
        assert list(session.scalars(select(RefreshToken.digest))) == ["new"]


def test_what_oauth_leaves_ends_with_its_time(world: World) -> None:
    now = world.clock.now
    client = {"name": "Gills", "auth_method": "none", "redirect_uris": [], "grant_types": [], "scopes": []}
    with transaction() as session:
        session.execute(insert(OAuthClient).values(id="client_1", created_at=now, **client))
        for name, hours in (("new", 1), ("old", -1)):
            ends = {"digest": name, "expires_at": now + timedelta(hours=hours)}
            session.execute(insert(LoginSession).values(id=f"session_{name}", actor_id=world.alice, created_at=now))
            session.execute(insert(BrowserSession).values(session_id=f"session_{name}", **ends))
            asked = {"client_id": "client_1", "scopes": [], **ends}
            code = {"session_id": "session_new", "redirect_uri": "https://app.test/cb"}
            session.execute(insert(OAuthCode).values(**asked, **code))
            session.execute(insert(OAuthDeviceCode).values(**asked, user_code=name, interval=5))

    pruning.prune_tokens(now)

    with reading() as session:
        for table in (BrowserSession, OAuthCode, OAuthDeviceCode):
            assert list(session.scalars(select(table.digest))) == ["new"]


def test_sessions_end_with_what_they_go_on_by(world: World) -> None:
    """A day after they began: an access token may be all that one has. A bot asks for those again and again."""
    now = world.clock.now
    sign_up(world)
    with transaction() as session:
        for name in ("token", "cookie", "bot", "old", "old-bot", "new"):
            began = {"created_at": now - timedelta(days=0 if name == "new" else 40), "actor_id": world.alice}
            ended_at = now if name == "old-bot" else None
            session.execute(insert(LoginSession).values(id=f"session_{name}", revoked_at=ended_at, **began))
        ends = {"digest": "x", "expires_at": now + timedelta(days=1)}
        session.execute(insert(RefreshToken).values(id="token_1", session_id="session_token", **ends))
        session.execute(insert(BrowserSession).values(session_id="session_cookie", **ends))
        bot = {"auth_method": "client_secret_basic", "redirect_uris": [], "grant_types": [], "scopes": []}
        made = {"id": "client_1", "name": "Bot", "account_id": world.alice, "created_at": now}
        session.execute(insert(OAuthClient).values(**made, **bot))
        for name in ("bot", "old-bot"):
            limited = {"session_id": f"session_{name}", "client_id": "client_1", "scopes": []}
            session.execute(insert(OAuthSession).values(**limited))

    pruning.prune_tokens(now)

    with reading() as session:
        left = session.scalars(select(LoginSession.id).order_by(LoginSession.id)).all()
    assert left == ["session_bot", "session_cookie", "session_new", "session_token"]


def test_what_nodes_leave_ends_with_its_time(world: World) -> None:
    now = world.clock.now
    sign_up(world)
    with transaction() as session:
        for name, hours in (("new", 1), ("late", -0.5), ("old", -2)):
            given = {"account_id": world.alice, "node_id": "laptop", "expires_at": now + timedelta(hours=hours)}
            session.execute(insert(NodeChallenge).values(id=f"challenge_{name}", nonce="", **given))
            proved = {"public_key": "", "digest": name, "scopes": [], "created_at": now}
            session.execute(insert(NodeSession).values(id=f"node_{name}", **proved, **given))
        session.execute(update(NodeSession).where(NodeSession.digest == "late").values(revoked_at=now))

    pruning.prune_tokens(now)

    with reading() as session:
        assert set(session.scalars(select(NodeChallenge.id))) == {"challenge_late", "challenge_new"}
        assert list(session.scalars(select(NodeSession.digest))) == ["new"]


def test_hosts_that_nobody_follows_across_are_forgotten_in_a_week(world: World) -> None:
    world.follow(world.remote_actor("fan"), world.alice)
    for host in (HOST, OTHER):
        world.queue(f"https://{host}/inbox", host=host)
        world.deliver(host)
    world.clock.pass_by(days=8)

    pruning.prune(world.clock.now)

    with reading() as session:
        assert list(session.scalars(select(Host.host))) == [HOST]


def test_a_queue_past_its_limit_loses_its_oldest_public_messages_and_says_how_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "QUEUE_MAX", 3)
    ids = world.queue_many(6)
    world.wire.answers[INBOX] = [503]
    world.deliver()
    with transaction() as session:
        session.execute(update(Delivery).values(expires_at=datetime.max.replace(tzinfo=UTC)))

    pruning.prune(world.clock.now)

    assert [row.state for row in world.deliveries()] == ["dropped"] * 3 + ["queued"] * 3
    assert [row.activity_id for row in world.deliveries()][:3] == ids[:3]
    assert world.host().dropped == 3


def test_a_queue_past_its_limit_in_bytes_loses_as_many_as_make_it_fit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.queue_many(6)
    world.wire.answers[INBOX] = [503]
    world.deliver()
    with reading() as session:
        sizes = session.scalars(select(func.length(ActivityDocument.sealed))).all()
    monkeypatch.setattr(pruning, "_DOCUMENT_BYTES_MAX", max(sizes))
    monkeypatch.setattr(pruning, "QUEUE_BYTES_MAX", 4 * max(sizes) + 5)

    pruning.prune(world.clock.now)

    assert [row.state for row in world.deliveries()] == ["dropped"] * 2 + ["queued"] * 4
    assert world.host().dropped == 2


def test_a_full_queue_is_measured_only_where_it_could_be_too_large(world: World) -> None:
    world.queue_many(6)

    pruning.prune(world.clock.now)

    assert {row.state for row in world.deliveries()} == {"queued"}
