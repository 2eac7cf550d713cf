"""Who is here, what they say they are doing, and who a dead process left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import event, insert, select, update

from app.actions import presence
from app.actions.presence import STALE, StatusChange
from app.actions.sweeps import sweep as sweep_all
from app.db import Database, database, reading, transaction
from app.errors import InvalidInputError
from app.ids import new_id
from app.models import Account, Actor, Presence

Came = list[StatusChange]


class Community:
    """Accounts, and the web processes they have sockets in."""

    def __init__(self) -> None:
        self.alice = self.add("alice")
        self.bob = self.add("bob")

    def arrive(self, *people: str, process: str = "near") -> Came:
        return presence.note(process, arrived=people, left=())

    def leave(self, *people: str, process: str = "near") -> Came:
        return presence.note(process, arrived=(), left=people)

    def status(self, person: str) -> str:
        with reading() as session:
            return session.scalars(select(Account.status).where(Account.actor_id == person)).one()

    def last_seen(self, person: str) -> datetime:
        with reading() as session:
            return session.scalars(select(Account.last_seen_at).where(Account.actor_id == person)).one()

    def present(self) -> set[tuple[str, str]]:
        with reading() as session:
            return {(row.process_id, row.actor_id) for row in session.scalars(select(Presence))}

    def age(self, process: str, by: timedelta) -> None:
        """As if the process had been silent for so long."""
        with transaction() as session:
            silent = update(Presence).where(Presence.process_id == process)
            session.execute(silent.values(seen_at=datetime.now(UTC) - by))

    def add(self, name: str) -> str:
        id_, now = new_id("user"), datetime.now(UTC)
        uri = f"https://chat.example/ap/users/{id_}"
        with transaction() as session:
            session.add(
                Actor(
                    id=id_, uri=uri, type="Person", local_name=name, preferred_username=name, name=name, summary="",
                    inbox=f"{uri}/inbox", manually_approves=False, discoverable=True, created_at=now, updated_at=now,
                )
            )  # fmt: skip
            session.flush()
            long_ago = now - timedelta(days=1)
            session.execute(
                insert(Account).values(
                    actor_id=id_, username=name, password_hash="", status="offline", last_seen_at=long_ago
                )
            )
        return id_


@pytest.fixture
def community(database: Database) -> Community:
    return Community()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("online", "online"), ("IDLE", "idle"), (" Dnd ", "dnd"), ("afk", "afk"), ("offline", "offline"),
        ("away", "afk"), ("AWAY", "afk"), ("inactive", "offline"), ("Invisible", "offline"),
    ],
)  # fmt: skip
def test_status_has_one_spelling_and_some_aliases(text: str, status: str) -> None:
    assert presence.normalise_status(text) == status


@pytest.mark.parametrize("text", ["bogus", "", "on line", "<b>", "dnd\n."])
def test_unknown_status_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        presence.normalise_status(text)

    assert refused.value.message == f"Unsupported status '{text}'. Supported values: online, idle, afk, dnd, offline"


def test_not_all_of_a_long_status_is_repeated() -> None:
    with pytest.raises(InvalidInputError) as refused:
        presence.normalise_status("x" * 60_000)

    assert len(refused.value.message) < 150


def test_chosen_status_is_kept_and_counts_as_being_seen(community: Community) -> None:
    change = presence.set_status(community.alice, "Away")

    assert change == StatusChange(community.alice, "afk")
    assert (community.status(community.alice), community.status(community.bob)) == ("afk", "offline")
    assert datetime.now(UTC) - community.last_seen(community.alice) < timedelta(minutes=1)


def test_refused_status_changes_nothing(community: Community) -> None:
    with pytest.raises(InvalidInputError):
        presence.set_status(community.alice, "bogus")

    assert community.status(community.alice) == "offline"


def test_whoever_comes_is_online_and_whoever_goes_is_not(community: Community) -> None:
    came = community.arrive(community.alice, community.bob)
    assert came == [StatusChange(community.alice, "online"), StatusChange(community.bob, "online")]
    assert community.status(community.alice) == "online"

    went = community.leave(community.alice)
    assert went == [StatusChange(community.alice, "offline")]
    assert (community.status(community.alice), community.status(community.bob)) == ("offline", "online")
    assert community.present() == {("near", community.bob)}
    assert datetime.now(UTC) - community.last_seen(community.alice) < timedelta(minutes=1)


@pytest.mark.parametrize(("chosen", "shown"), [("afk", "afk"), ("dnd", "dnd"), ("idle", "online")])
def test_who_is_away_or_not_to_be_disturbed_stays_so(community: Community, chosen: str, shown: str) -> None:
    presence.set_status(community.alice, chosen)

    came = community.arrive(community.alice)

    assert community.status(community.alice) == shown
    assert came == ([] if chosen == shown else [StatusChange(community.alice, shown)])


@pytest.mark.parametrize("chosen", ["online", "idle", "afk", "dnd"])
def test_who_is_gone_is_offline_whatever_they_chose(community: Community, chosen: str) -> None:
    community.arrive(community.alice)
    presence.set_status(community.alice, chosen)

    assert community.leave(community.alice) == [StatusChange(community.alice, "offline")]


def test_said_twice_is_said_once(community: Community) -> None:
    community.arrive(community.alice)
    assert community.arrive(community.alice) == []

    community.leave(community.alice)
    assert community.leave(community.alice) == []


def test_who_has_another_socket_in_another_process_is_still_here(community: Community) -> None:
    community.arrive(community.alice, process="near")

    assert community.arrive(community.alice, process="far") == []
    assert community.leave(community.alice, process="near") == []
    assert community.status(community.alice) == "online"
    assert community.leave(community.alice, process="far") == [StatusChange(community.alice, "offline")]


def test_who_hides_is_not_betrayed_by_another_socket(community: Community) -> None:
    community.arrive(community.alice, process="near")
    presence.set_status(community.alice, "invisible")

    assert community.arrive(community.alice, process="far") == []
    assert community.status(community.alice) == "offline"


def test_one_comes_and_another_goes_in_one_go(community: Community) -> None:
    community.arrive(community.alice)

    changes = presence.note("near", arrived=[community.bob], left=[community.alice])

    assert changes == [StatusChange(community.bob, "online"), StatusChange(community.alice, "offline")]


def test_who_has_no_account_is_nobody(community: Community) -> None:
    assert presence.note("near", arrived=["user_nobody"], left=["user_nobody"]) == []
    assert community.present() == set()


def test_process_that_lives_is_not_swept(community: Community) -> None:
    community.arrive(community.alice)
    community.age("near", STALE * 2)

    assert presence.keep("near") == {community.alice}
    assert presence.sweep(datetime.now(UTC) - STALE) == []
    assert community.status(community.alice) == "online"


def test_who_a_dead_process_left_behind_goes_offline(community: Community) -> None:
    community.arrive(community.alice, community.bob, process="dead")
    community.arrive(community.bob, process="near")
    presence.set_status(community.alice, "dnd")
    community.age("dead", STALE * 2)

    assert presence.sweep(datetime.now(UTC) - STALE) == [StatusChange(community.alice, "offline")]
    assert community.status(community.bob) == "online"
    assert community.present() == {("near", community.bob)}
    assert presence.keep("dead") == set()


def test_who_was_last_heard_of_before_the_clock_was_put_back_goes_offline(community: Community) -> None:
    community.arrive(community.alice)
    community.age("near", timedelta(hours=-1))

    assert presence.sweep(datetime.now(UTC) - STALE) == [StatusChange(community.alice, "offline")]


def test_status_without_any_socket_is_not_swept(community: Community) -> None:
    presence.set_status(community.alice, "online")

    assert presence.sweep(datetime.now(UTC) + timedelta(days=1)) == []
    assert community.status(community.alice) == "online"


@pytest.mark.parametrize(("silent", "status"), [(timedelta(minutes=2), "online"), (timedelta(minutes=4), "offline")])
def test_workers_sweep_when_no_web_process_did(community: Community, silent: timedelta, status: str) -> None:
    community.arrive(community.alice, process="dead")
    community.age("dead", silent)

    sweep_all(lambda _kind, _key: None)

    assert community.status(community.alice) == status


def test_coming_in_one_process_and_going_in_another_at_once_ends_online(community: Community) -> None:
    people = [community.alice, community.bob]
    for turn in range(10):
        here, there = ("near", "far") if turn % 2 else ("far", "near")
        community.arrive(*people, process=here)
        _at_once(
            partial(community.leave, *people, process=here),
            partial(community.arrive, *reversed(people), process=there),
        )

        assert [community.status(person) for person in people] == ["online", "online"]
        community.leave(*people, process=there)
        assert [community.status(person) for person in people] == ["offline", "offline"]


def _at_once(*calls: Callable[[], object]) -> None:
    failed: list[BaseException] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        start.wait()
        try:
            call()
        except BaseException as error:  # noqa: BLE001  It is raised again, in the test's own thread.
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in failed:
        raise error


def test_statements_do_not_grow_with_the_people(community: Community) -> None:
    statements: list[str] = []

    def count(*about: object) -> None:
        statements.append(str(about[2]))

    more = [community.add(f"person{number}") for number in range(200)]
    event.listen(database().engine, "before_cursor_execute", count)
    community.arrive(*more)
    arriving, statements[:] = len(statements), []
    community.leave(*more)

    assert arriving <= 4
    assert len(statements) <= 4
