"""The inbox: signed requests accepted, and what was accepted applied."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import NotMeasuredError, Sample
from tests.bench.load import Expected, send_each
from tests.bench.plan import CLIENTS, Plan
from tests.bench.site import Site, cpu_seconds
from tests.bench.tools import Tools, check_equal

APPLY_SECONDS = 120.0
_POLL_SECONDS = 0.02
# While its own people ask for something, a busy server takes fewer deliveries (docs/decisions.md, 17); here they come
# when those of the measurement before have left.
_PEOPLE_LEAVE_SECONDS = 11.0


def measure_inbox(site: Site, channel_id: str, plan: Plan, tools: Tools) -> Iterator[Sample]:
    """Every request is signed beforehand and sent once; a worker applies them at the same time.

    `processed` is how fast the rest of the queue empties once nothing more comes in.
    """
    time.sleep(_PEOPLE_LEAVE_SECONDS)
    before_all, accepted, refused = site.message_count(channel_id), 0, 0
    worker_before = cpu_seconds(site.worker())
    for clients in CLIENTS:
        requests = tools.peer.requests(
            plan.inbox_requests, origin=site.server.origin, channel_uri=site.channel_uri(channel_id)
        )
        before = cpu_seconds(site.web())
        load = tools.generate(send_each, site.port, requests, Expected(202, b'"queued"'), clients=clients)
        cpu = cpu_seconds(site.web()) - before
        tools.check_all_expected(f"inbox by {clients}", load)
        check_equal("requests answered", load.count + load.shed, len(requests))
        accepted, refused = accepted + load.count, refused + load.shed
        yield f"inbox.{clients}.rate", load.rate
        yield f"inbox.{clients}.p50", load.percentile_ms(50)
        yield f"inbox.{clients}.p95", load.percentile_ms(95)
        yield f"inbox.{clients}.cpu", cpu * 1000 / load.count
        yield f"inbox.{clients}.shed", load.shed_percent
    waiting, began_at = _waiting(site), time.perf_counter()
    emptied_at = _wait_until_empty(site)
    applied = site.message_count(channel_id) - before_all
    if not accepted <= applied <= accepted + refused:
        raise NotMeasuredError(f"{applied} messages of {accepted} accepted and {refused} refused requests")
    if waiting:
        yield "inbox.processed.rate", waiting / (emptied_at - began_at)
    yield "inbox.processed.cpu", (cpu_seconds(site.worker()) - worker_before) * 1000 / applied


def _waiting(site: Site) -> int:
    return int(site.scalar("SELECT count(*) FROM inbox_items WHERE state = 'queued'"))


def _wait_until_empty(site: Site) -> float:
    ends_at = time.perf_counter() + APPLY_SECONDS
    while time.perf_counter() < ends_at:
        if _waiting(site) == 0:
            return time.perf_counter()
        time.sleep(_POLL_SECONDS)
    raise NotMeasuredError(f"{_waiting(site)} accepted requests were not applied in {APPLY_SECONDS} s")
