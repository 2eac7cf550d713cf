"""Durable sends, and reading them back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from tests.bench.figures import NotMeasuredError, Sample
from tests.bench.load import Expected, repeat, request_bytes, spread
from tests.bench.plan import CLIENTS, PAGE, Plan
from tests.bench.site import Site, cpu_seconds
from tests.bench.tools import Tools

READERS = 8


def send_request(site: Site, channel_id: str, token: str, text: str) -> bytes:
    """As PufferBlow's clients send it: a form, the token in it."""
    body = urlencode({"auth_token": token, "message": text}).encode()
    return request_bytes(
        "POST",
        f"/api/v1/channels/{channel_id}/send_message",
        host=site.host,
        headers=["Content-Type: application/x-www-form-urlencoded"],
        body=body,
    )


def measure_sends(site: Site, channel_id: str, plan: Plan, tools: Tools) -> Iterator[Sample]:
    """Each client is another account; all write in one channel. Only a 201 whose message is stored counts.

    What was answered 503 may be stored or not: its client asks again under the same Idempotency-Key.
    """
    requests = [
        send_request(site, channel_id, token, "What a fine day for a measurement.")
        for token in site.tokens(max(CLIENTS))
    ]
    stored = site.message_count(channel_id)
    for clients in CLIENTS:
        before = cpu_seconds(site.web())
        load = tools.generate(
            repeat, site.port, requests[:clients], Expected(201, b'"message_id"'), seconds=plan.load_seconds
        )
        cpu = cpu_seconds(site.web()) - before
        tools.check_all_expected(f"sends by {clients}", load)
        found = site.message_count(channel_id) - stored
        if not load.count <= found <= load.count + load.shed:
            raise NotMeasuredError(f"{found} messages stored of {load.count} acknowledged and {load.shed} refused")
        stored += found
        yield f"send.{clients}.rate", load.rate
        yield f"send.{clients}.p50", load.percentile_ms(50)
        yield f"send.{clients}.p95", load.percentile_ms(95)
        yield f"send.{clients}.cpu", cpu * 1000 / load.count
        yield f"send.{clients}.shed", load.shed_percent


def measure_history(site: Site, channels: dict[str, str], plan: Plan, tools: Tools) -> Iterator[Sample]:
    """Pages as eight clients load them; `channels` are the small and the large one."""
    tokens = site.tokens(READERS)
    page: dict[str, int | str] = {"page": 1, "messages_per_page": PAGE}
    asked: dict[str, tuple[str, str, dict[str, int | str]]] = {
        "small": ("small", "load_messages", page),
        "large": ("large", "load_messages", page),
        "deep": ("large", "load_messages", page | {"page": plan.large_channel // PAGE // 2}),
        "search": ("large", "search", page | {"q": "long hist"}),
    }
    for key, (channel, route, query) in asked.items():
        path = f"/api/v1/channels/{channels[channel]}/{route}"
        requests = [
            request_bytes("GET", f"{path}?{urlencode(query | {'auth_token': token})}", host=site.host)
            for token in tokens
        ]
        before = cpu_seconds(site.web())
        load = tools.generate(
            repeat, site.port, spread(requests, READERS), Expected(200, b'"messages"'), seconds=plan.load_seconds
        )
        cpu = cpu_seconds(site.web()) - before
        tools.check_all_expected(f"history: {key}", load)
        if not 0 < len(json.loads(load.last_body)["messages"]) <= PAGE:
            raise NotMeasuredError(f"history: {key}: a page has no messages")
        yield f"history.{key}.rate", load.rate
        yield f"history.{key}.p50", load.percentile_ms(50)
        yield f"history.{key}.p95", load.percentile_ms(95)
        yield f"history.{key}.cpu", cpu * 1000 / load.count
