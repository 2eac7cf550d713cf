"""Deliveries: from the durable queue to many inboxes, all well or one of them dead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count

from tests.bench import names
from tests.bench.figures import NotMeasuredError, Sample
from tests.bench.plan import Plan
from tests.bench.sinks import DEAD, Tally
from tests.bench.site import Site, cpu_seconds
from tests.bench.tools import Tools, check_equal

DELIVER_SECONDS = 180.0
ROWS_A_MESSAGE = 2  # A channel announces the note's URI and the Create.
_POLL_SECONDS = 0.05
_ATTEMPTS = 3
_dead_numbers = count()


def host_names(plan: Plan) -> list[str]:
    """All remote hosts of a run, but for the peer."""
    healthy = [names.sink(f"s{number}") for number in range(max(plan.sinks))]
    return [*healthy, *(names.sink(f"{DEAD}{number}") for number in range(2 * plan.rounds * len(plan.sinks)))]


def measure_deliveries(site: Site, channels: dict[int, str], plan: Plan, tools: Tools) -> Iterator[Sample]:
    """`channels` maps a number of inboxes to the channel that as many hosts follow."""
    for sinks, channel_id in channels.items():
        yield from _measure(f"deliver.{sinks}", site, channel_id, plan.depth, tools)
        # A new one each time: how to treat the last one has been learned.
        dead = names.sink(f"{DEAD}{next(_dead_numbers)}")
        site.inside.ask("follow", channel_id=channel_id, hosts=[dead])
        yield from _measure(f"deliver.{sinks}.dead", site, channel_id, plan.depth, tools)
        site.inside.ask("unfollow", channel_id=channel_id, hosts=[dead])
        yield from _measure(f"deliver.{sinks}.one", site, channel_id, 1, tools)


def _measure(key: str, site: Site, channel_id: str, messages: int, tools: Tools) -> Iterator[Sample]:
    """Again where the sweep found most of the queue before it was full."""
    for _ in range(_ATTEMPTS):
        samples = list(_attempt(key, site, channel_id, messages, tools))
        if samples:
            yield from samples
            return
    raise NotMeasuredError(f"{key}: each time a sweep had delivered before the queue was full")


def _attempt(key: str, site: Site, channel_id: str, messages: int, tools: Tools) -> Iterator[Sample]:
    """Times what arrives after the queue is full."""
    tools.sinks.reset()
    expected = messages * ROWS_A_MESSAGE * _followers(site, channel_id)
    site.inside.ask("queue", channel_id=channel_id, author_id=site.people[0], messages=messages)
    before = cpu_seconds(site.worker())
    began_at, early = time.monotonic(), tools.sinks.tally()
    site.inside.ask("hint")
    tally = _wait_for(expected, tools)
    check_equal("deliveries, each once", tally.posts, expected)
    _wait_until_noted(site)
    counted = tally.distinct - early.distinct
    if counted > expected / 2:
        yield f"{key}.rate", counted / (tally.last_at - began_at)
        yield f"{key}.cpu", (cpu_seconds(site.worker()) - before) * 1000 / counted


def _followers(site: Site, channel_id: str) -> int:
    """Those that answer."""
    return int(
        site.scalar(
            "SELECT count(*) FROM follows JOIN actors ON actors.id = follows.actor_id"
            " WHERE target_id = :id AND host IS NOT NULL AND host NOT LIKE :dead",
            id=channel_id,
            dead=f"{DEAD}%",
        )
    )


def _wait_for(expected: int, tools: Tools) -> Tally:
    ends_at = time.monotonic() + DELIVER_SECONDS
    while (tally := tools.sinks.tally()).distinct < expected:
        if time.monotonic() > ends_at:
            raise NotMeasuredError(f"{tally.distinct} of {expected} deliveries in {DELIVER_SECONDS} s")
        time.sleep(_POLL_SECONDS)
    return tally


def _wait_until_noted(site: Site) -> None:
    """Until each row of a host that answers says that it was delivered."""
    ends_at = time.monotonic() + DELIVER_SECONDS
    query = "SELECT count(*) FROM deliveries WHERE state <> 'delivered' AND host NOT LIKE :dead"
    while left := site.scalar(query, dead=f"{DEAD}%"):
        if time.monotonic() > ends_at:
            raise NotMeasuredError(f"{left} deliveries arrived and were not noted as delivered")
        time.sleep(_POLL_SECONDS)
