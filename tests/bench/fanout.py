"""Fan-out: from the request that sends a message to the sockets that hear it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from statistics import median

from tests.bench.figures import Sample
from tests.bench.listeners import Listeners, handshake
from tests.bench.load import Client
from tests.bench.plan import Plan
from tests.bench.sends import send_request
from tests.bench.site import Site, cpu_seconds
from tests.bench.tools import check_equal

SOCKETS_A_PERSON = 10
SOCKETS_AN_ADDRESS = 100


def people_for(sockets: int) -> int:
    return -(-sockets // SOCKETS_A_PERSON)


def measure_fanout(site: Site, channel_id: str, plan: Plan) -> Iterator[Sample]:
    """One message at a time, each when the last was heard by everybody."""
    tokens = site.tokens(people_for(plan.sockets) + 1)
    sender, listeners = tokens[0], tokens[1:] or tokens
    for sockets in (1, plan.sockets):
        openings = _openings(site, listeners, sockets)
        with Listeners(site.port, openings) as opened, closing(Client(site.port)) as client:
            opened.wait_until_open()
            before = cpu_seconds(site.web())
            pushes = [_push(site, channel_id, sender, client, opened) for _ in range(plan.pushes)]
            cpu = (cpu_seconds(site.web()) - before) * 1000 / plan.pushes
        yield f"push.{sockets}.first", median(times[0] for times in pushes) * 1000
        yield f"push.{sockets}.last", median(times[-1] for times in pushes) * 1000
        yield f"push.{sockets}.cpu", cpu


def _openings(site: Site, tokens: Sequence[str], sockets: int) -> list[bytes]:
    """No person and no address has more sockets than it may."""
    return [
        handshake(
            f"/ws?auth_token={tokens[number // SOCKETS_A_PERSON]}",
            host=site.host,
            client_ip=f"198.51.100.{1 + number // SOCKETS_AN_ADDRESS}",
        )
        for number in range(sockets)
    ]


def _push(site: Site, channel_id: str, token: str, client: Client, opened: Listeners) -> list[float]:
    """Seconds from the sending of the request to each socket's frame, the fastest first."""
    marker = f"push {secrets.token_hex(6)}"
    request = send_request(site, channel_id, token, marker)
    opened.expect(marker)
    began_at = time.monotonic()
    client.send(request)
    heard = opened.heard()
    status, _ = client.wait()
    check_equal("the status of a send", status, 201)
    return [heard_at - began_at for heard_at in heard.times]
