"""The rows of the table: each figure's name, unit and limit, in the order they are shown."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Line
from tests.bench.limits import COMMIT_CLIENTS
from tests.bench.plan import CLIENTS, PAGE, SMALL_CHANNEL, Plan
from tests.bench.routes import ROUTES
from tests.bench.sends import READERS


def lines(plan: Plan) -> list[Line]:
    return [
        *_limits(plan),
        *_sends(),
        *_history(plan),
        *_routes(),
        *_inbox(),
        *_deliveries(plan),
        *_fanout(plan),
        *_footprint(),
        *_soak(plan),
    ]


def _limits(plan: Plan) -> Iterator[Line]:
    yield Line("rsa.verify", "limit: RSA-2048 verify", "/s")
    yield Line("rsa.sign", "limit: RSA-2048 sign", "/s")
    for clients in COMMIT_CLIENTS:
        yield Line(f"commits.{clients}", f"limit: one-row commits, {_clients(clients)}", "/s")
    for key, label in (("bare.flask", "bare Flask route"), ("bare.insert", "Flask route with one insert")):
        for clients in CLIENTS:
            yield Line(f"{key}.{clients}.rate", f"limit: {label}, {_clients(clients)}", "/s")
            if key == "bare.insert":  # Where nothing waits, gevent goes on with one client while it can.
                yield Line(f"{key}.{clients}.p50", f"limit: {label}, {_clients(clients)}, p50", "ms")
                yield Line(f"{key}.{clients}.p95", f"limit: {label}, {_clients(clients)}, p95", "ms")
            yield Line(f"{key}.{clients}.cpu", f"limit: {label}, {_clients(clients)}, web CPU each", "ms")
    yield Line("loopback.1", "limit: loopback frame to 1 socket", "ms")
    yield Line(f"loopback.{plan.sockets}", f"limit: loopback frame to {plan.sockets} sockets, last", "ms")
    yield Line("bare.start", "limit: bare Flask, start to first 200", "s")
    yield Line("bare.pss", "limit: bare Flask, memory", "MB")


def _sends() -> Iterator[Line]:
    for clients in CLIENTS:
        yield from _load(f"send.{clients}", f"durable sends, {_clients(clients)}", f"bare.insert.{clients}")


def _history(plan: Plan) -> Iterator[Line]:
    labels = {
        "small": f"page 1 of {SMALL_CHANNEL:,} messages",
        "large": f"page 1 of {plan.large_channel:,} messages",
        "deep": f"page {plan.large_channel // PAGE // 2:,} of them",
        "search": "a search among them",
    }
    for key, what in labels.items():
        label = f"{what}, {_clients(READERS)}"
        yield Line(f"history.{key}.rate", label, "/s", f"bare.flask.{READERS}.rate")
        yield Line(f"history.{key}.p50", f"{label}, p50", "ms", f"bare.insert.{READERS}.p50")
        yield Line(f"history.{key}.p95", f"{label}, p95", "ms", "history.small.p95" if key != "small" else None)
        yield Line(f"history.{key}.cpu", f"{label}, web CPU each", "ms", f"bare.flask.{READERS}.cpu")


def _routes() -> Iterator[Line]:
    for key, label in ROUTES.items():
        yield Line(f"route.{key}.rate", f"{label}, {_clients(READERS)}", "/s", f"bare.flask.{READERS}.rate")
        yield Line(f"route.{key}.p50", f"{label}, {_clients(READERS)}, p50", "ms")
        yield Line(f"route.{key}.cpu", f"{label}, {_clients(READERS)}, web CPU each", "ms", f"bare.flask.{READERS}.cpu")


def _inbox() -> Iterator[Line]:
    for clients in CLIENTS:
        yield from _load(f"inbox.{clients}", f"inbox accepts, {_clients(clients)}", f"bare.insert.{clients}")
    yield Line("inbox.processed.rate", "inbox processed", "/s", "commits.1")
    yield Line("inbox.processed.cpu", "inbox processed, worker CPU each", "ms")


def _deliveries(plan: Plan) -> Iterator[Line]:
    for sinks in plan.sinks:
        label = f"deliveries to {sinks} inboxes"
        yield Line(f"deliver.{sinks}.rate", label, "/s", "rsa.sign")
        yield Line(f"deliver.{sinks}.cpu", f"{label}, worker CPU each", "ms")
        yield Line(f"deliver.{sinks}.dead.rate", f"{label} and a dead one", "/s", f"deliver.{sinks}.rate")
        yield Line(f"deliver.{sinks}.one.rate", f"{label}, of one message", "/s", f"deliver.{sinks}.rate")


def _fanout(plan: Plan) -> Iterator[Line]:
    yield Line("push.1.first", "push to the one socket", "ms", "loopback.1")
    yield Line(f"push.{plan.sockets}.first", f"push to {plan.sockets} sockets, first", "ms", "push.1.first")
    yield Line(f"push.{plan.sockets}.last", f"push to {plan.sockets} sockets, last", "ms", f"loopback.{plan.sockets}")
    yield Line(f"push.{plan.sockets}.cpu", f"push to {plan.sockets} sockets, web CPU each", "ms")


def _footprint() -> Iterator[Line]:
    yield Line("start", "start to first 200", "s", "bare.start")
    yield Line("pss.web", "memory of web", "MB", "bare.pss")
    yield Line("pss.worker", "memory of worker", "MB", "bare.pss")
    yield Line("pss.both", "memory of web and worker", "MB", "bare.pss")


def _soak(plan: Plan) -> Iterator[Line]:
    if plan.soak_seconds:
        label = f"growth in {plan.soak_seconds / 60:g} minutes of sends"
        yield Line("soak.web", f"{label}, memory of web", "MB/h")
        yield Line("soak.worker", f"{label}, memory of worker", "MB/h")
        yield Line("soak.late", f"{label}, of both in the last half", "MB/h")
        yield Line("soak.files", f"{label}, open files", "")


def _load(key: str, label: str, limit: str) -> Iterator[Line]:
    yield Line(f"{key}.rate", label, "/s", f"{limit}.rate")
    yield Line(f"{key}.p50", f"{label}, p50", "ms", f"{limit}.p50")
    yield Line(f"{key}.p95", f"{label}, p95", "ms", f"{limit}.p95")
    yield Line(f"{key}.cpu", f"{label}, web CPU each", "ms", f"{limit}.cpu")
    yield Line(f"{key}.shed", f"{label}, answered 503", "%")


def _clients(number: int) -> str:
    return f"{number} client" if number == 1 else f"{number} clients"
