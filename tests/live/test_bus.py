"""The bus reaches the other processes while Redis is there, and costs nothing while it is not."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import insert

from app.db import Database, transaction, wake
from app.models import Setting
from app.projections.server_settings import put
from app.services import bus as module
from app.services.bus import EPHEMERAL, EVENTS, SETTINGS, Bus, hint_commits
from tests.e2e.processes import free_port
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually


class Process:
    """A bus and what its process heard."""

    def __init__(self, url: str | None, installation: str = "a.test") -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.reconnects = 0
        self.bus = Bus(url, installation=installation)
        for topic in (EVENTS, SETTINGS, EPHEMERAL):
            self.bus.listen(topic, lambda topic, payload: self.heard.append((topic, payload)))
        self.bus.on_reconnect(self._count)

    def _count(self) -> None:
        self.reconnects += 1

    def subscribe(self) -> None:
        before = self.reconnects
        self.bus.subscribe()
        eventually(lambda: self.reconnects > before, what="the subscription stands")

    def wait_for(self, *heard: tuple[str, bytes]) -> None:
        eventually(lambda: self.heard == list(heard), timeout_seconds=10, what=f"{heard} are heard")


@pytest.fixture
def start(valkey: ValkeyServer) -> Iterator[Callable[..., Process]]:
    processes: list[Process] = []

    def start(installation: str = "a.test") -> Process:
        processes.append(Process(valkey.url, installation))
        return processes[-1]

    yield start
    for process in processes:
        process.bus.close()


def test_message_is_heard_once_in_every_process_and_in_order(start: Callable[..., Process]) -> None:
    here, there = start(), start()
    here.subscribe()
    there.subscribe()

    for text in ("one", "two", "three"):
        here.bus.publish(EPHEMERAL, text)

    there.wait_for((EPHEMERAL, b"one"), (EPHEMERAL, b"two"), (EPHEMERAL, b"three"))
    there.bus.publish(EVENTS)
    here.wait_for((EPHEMERAL, b"one"), (EPHEMERAL, b"two"), (EPHEMERAL, b"three"), (EVENTS, b""))


def test_payload_of_any_bytes_arrives_as_it_was(start: Callable[..., Process]) -> None:
    here, there = start(), start()
    there.subscribe()

    here.bus.publish(EPHEMERAL, b" \r\n\0\xff ")

    there.wait_for((EPHEMERAL, b" \r\n\0\xff "))


def test_installations_on_one_redis_do_not_hear_each_other(start: Callable[..., Process]) -> None:
    stranger, here, there = start("b.test"), start(), start()
    stranger.subscribe()
    there.subscribe()

    here.bus.publish(EPHEMERAL, "for us")

    there.wait_for((EPHEMERAL, b"for us"))
    assert stranger.heard == []


def test_hints_that_wait_are_sent_as_one(start: Callable[..., Process], valkey: ValkeyServer) -> None:
    here, there = start(), start()
    there.subscribe()
    stopped = valkey.process.family()[0]
    stopped.suspend()

    for _ in range(1000):
        here.bus.publish(EVENTS)
    stopped.resume()
    eventually(lambda: there.heard)
    here.bus.publish(EPHEMERAL, "last")
    eventually(lambda: there.heard[-1] == (EPHEMERAL, b"last"))

    assert len(there.heard) < 10


def test_listener_that_fails_is_logged_and_harms_nobody(
    start: Callable[..., Process], caplog: pytest.LogCaptureFixture
) -> None:
    here = start()

    def fail(_topic: str, _payload: bytes) -> None:
        raise ValueError("a bug")

    here.bus.listen("odd", fail)
    here.bus.listen("odd", lambda topic, payload: here.heard.append((topic, payload)))
    here.bus.publish("odd")

    assert here.heard == [("odd", b"")]
    assert "a listener of the bus failed" in caplog.text


def test_subscription_stands_again_after_redis_was_killed(valkey: ValkeyServer, start: Callable[..., Process]) -> None:
    here, there = start(), start()
    there.subscribe()

    valkey.process.kill()
    here.bus.publish(EPHEMERAL, "lost")
    valkey.start()
    eventually(lambda: there.reconnects == 2, what="the subscription stands again")

    eventually(lambda: _publish_until_heard(here, there), what="a message arrives again")
    assert (EPHEMERAL, b"lost") not in there.heard


def test_redis_that_hangs_is_noticed_and_left(
    valkey: ValkeyServer, start: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PING_SECONDS", 0.2)
    here, there = start(), start()
    there.subscribe()
    stopped = valkey.process.family()[0]
    stopped.suspend()

    began = time.monotonic()
    for number in range(1000):
        here.bus.publish(EPHEMERAL, str(number))
    assert time.monotonic() - began < 0.2, "publish waited for Redis"
    eventually(lambda: there.bus._subscriber is not None and there.bus._subscriber._failures > 0)
    stopped.resume()

    eventually(lambda: there.reconnects >= 2)
    eventually(lambda: _publish_until_heard(here, there), what="a message arrives again")


def test_without_a_server_nothing_waits_and_this_process_still_hears() -> None:
    process = Process(f"redis://127.0.0.1:{free_port()}/0")
    process.bus.subscribe()

    began = time.monotonic()
    for _ in range(100):
        process.bus.publish(EPHEMERAL, "typing")
    seconds = time.monotonic() - began
    process.bus.close()

    assert seconds < 0.2
    assert process.heard == [(EPHEMERAL, b"typing")] * 100


def test_bus_without_redis_is_this_process() -> None:
    process = Process(None)

    process.bus.subscribe()
    process.bus.publish(EVENTS)
    process.bus.close()

    assert process.heard == [(EVENTS, b"")]


def test_commit_that_added_events_is_hinted_and_no_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db._wake_listeners", [])
    monkeypatch.setattr(module, "_hinted", None)
    process, other = Process(None), Process(None)
    hint_commits(other.bus)
    hint_commits(process.bus)

    with transaction() as session:
        session.execute(insert(Setting).values(name="one", value=1))
        wake(session, "deliver", "b.test")
    assert process.heard == []

    with transaction() as session:
        session.execute(insert(Setting).values(name="two", value=2))
        wake(session, "events")
        assert process.heard == []
    assert process.heard == [(EVENTS, b"")]
    assert other.heard == []


def test_change_of_settings_is_hinted_as_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db._wake_listeners", [])
    monkeypatch.setattr(module, "_hinted", None)
    process = Process(None)
    hint_commits(process.bus)

    with transaction() as session:
        put(session, {"is_private": True})

    assert process.heard == [(SETTINGS, b"")]


def test_bus_made_before_a_fork_works_after_it(valkey: ValkeyServer, start: Callable[..., Process]) -> None:
    here, there = start(), start()
    there.subscribe()

    child = os.fork()
    if child == 0:
        try:
            here.bus.publish(EPHEMERAL, "from the child")
            here.bus.publish(EPHEMERAL, "again")
            eventually(lambda: not (here.bus._publisher and here.bus._publisher._outgoing))
            time.sleep(0.2)  # The last one is on its way.
        finally:
            os._exit(0)
    try:
        there.wait_for((EPHEMERAL, b"from the child"), (EPHEMERAL, b"again"))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _publish_until_heard(here: Process, there: Process) -> bool:
    here.bus.publish(EPHEMERAL, "again")
    return there.heard[-1:] == [(EPHEMERAL, b"again")]
