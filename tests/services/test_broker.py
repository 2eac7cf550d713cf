"""Hints reach the broker as Celery messages, and nothing about them is ever felt by who gives them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.services.broker import _SPACING_SECONDS, QUEUE, HintSender, messages
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually

Message = tuple[str, list[str]]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def sender(valkey: ValkeyServer) -> Iterator[HintSender]:
    sender = HintSender(valkey.url)
    yield sender
    sender.close()


def received(valkey: ValkeyServer) -> list[Message]:
    """(task, arguments) of what lies in the workers' queue, oldest first."""
    with redis.Redis.from_url(valkey.url) as client:
        entries = [json.loads(entry) for entry in reversed(client.lrange(QUEUE, 0, -1))]
    return [(entry["headers"]["task"], json.loads(base64.b64decode(entry["body"]))[0]) for entry in entries]


def wait_for(valkey: ValkeyServer, count: int) -> list[Message]:
    return eventually(lambda: found if len(found := received(valkey)) >= count else [])


def test_each_kind_starts_its_task(sender: HintSender, valkey: ValkeyServer) -> None:
    sender.hint("deliver", "a.test")
    sender.hint("inbox", "b.test")
    sender.hint("keys", "user_1")

    assert sorted(wait_for(valkey, 3)) == [
        ("tasks.delivery.deliver", ["a.test"]),
        ("tasks.inbox.process", ["b.test"]),
        ("tasks.keys.make", ["user_1"]),
    ]


def test_events_are_not_for_workers(sender: HintSender, valkey: ValkeyServer) -> None:
    sender.hint("events", "")
    sender.hint("keys", "user_1")

    assert wait_for(valkey, 1) == [("tasks.keys.make", ["user_1"])]


def test_equal_hints_of_a_moment_are_one_message(sender: HintSender, valkey: ValkeyServer) -> None:
    for _ in range(500):
        sender.hint("inbox", "a.test")
    time.sleep(2 * _SPACING_SECONDS)
    sender.hint("keys", "last")

    found = eventually(lambda: found if (found := received(valkey)) and found[-1][1] == ["last"] else [])

    assert found.count(("tasks.inbox.process", ["a.test"])) < 5


def test_steady_hints_are_few_messages_and_the_last_one_is_heard(sender: HintSender, valkey: ValkeyServer) -> None:
    began = time.monotonic()
    for _ in range(100):
        sender.hint("inbox", "a.test")
        time.sleep(0.005)
    spacings = (time.monotonic() - began) / _SPACING_SECONDS
    before = len(received(valkey))
    sender.hint("inbox", "a.test")

    after = wait_for(valkey, before + 1)

    assert len(after) <= spacings + 3


def test_lone_hint_is_sent_at_once(sender: HintSender, valkey: ValkeyServer) -> None:
    sender.hint("inbox", "a.test")
    wait_for(valkey, 1)
    time.sleep(2 * _SPACING_SECONDS)

    sender.hint("inbox", "a.test")

    assert not sender._held
    assert len(wait_for(valkey, 2)) == 2


def test_many_hosts_travel_together() -> None:
    hosts = [f"host{number}.test" for number in range(25)]

    found = list(messages([("deliver", host) for host in hosts]))

    assert [len(arguments) for _, arguments in found] == [10, 10, 5]
    assert [host for _, arguments in found for host in arguments] == hosts


def test_a_flushed_broker_takes_the_next_hint(sender: HintSender, valkey: ValkeyServer) -> None:
    sender.hint("keys", "before")
    wait_for(valkey, 1)
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()

    sender.hint("keys", "after")

    assert wait_for(valkey, 1) == [("tasks.keys.make", ["after"])]


def test_a_broker_that_is_away_costs_nobody_anything_and_is_used_when_it_is_back(
    sender: HintSender, valkey: ValkeyServer
) -> None:
    valkey.process.kill()
    began = time.monotonic()
    for number in range(2000):
        sender.hint("deliver", f"host{number}.test")
    assert time.monotonic() - began < 1

    valkey.start()

    def hint_again() -> list[Message]:
        sender.hint("keys", "back")
        return [message for message in received(valkey) if message[1] == ["back"]]

    assert eventually(hint_again, timeout_seconds=30)


def test_a_sender_that_is_closed_sends_what_it_was_given(valkey: ValkeyServer) -> None:
    sender = HintSender(valkey.url)
    sender.hint("keys", "last words")
    wait_for(valkey, 1)
    sender.hint("keys", "last words")

    sender.close()
    sender.hint("keys", "too late")

    assert received(valkey) == [("tasks.keys.make", ["last words"])] * 2
