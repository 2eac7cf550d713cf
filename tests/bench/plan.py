"""How much is measured: sizes and times of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

CLIENTS = (1, 8, 32)
PAGE = 50
PASSWORD = "correct horse battery staple"  # Of everybody.
SMALL_CHANNEL = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, how long and how much.

    Times are of one load of one round, but for `seconds`: no further round of a database begins that would not end
    within them. `sinks` are the numbers of inboxes that messages are delivered to, `depth` is
    how many of them wait for each. A soak is a run of its own.
    """

    rounds: int
    seconds: float
    load_seconds: float
    limit_seconds: float
    large_channel: int
    inbox_requests: int
    depth: int
    sinks: tuple[int, ...]
    sockets: int
    pushes: int
    soak_seconds: float = 0.0


FULL = Plan(
    rounds=3,
    seconds=330,
    load_seconds=2.5,
    limit_seconds=1.0,
    large_channel=1_000_000,
    inbox_requests=200,
    depth=5,
    sinks=(100, 500),
    sockets=1000,
    pushes=15,
)
QUICK = replace(
    FULL,
    rounds=1,
    load_seconds=1.0,
    limit_seconds=0.5,
    large_channel=50_000,
    inbox_requests=100,
    depth=2,
    pushes=8,
)
# Says nothing of speed: it shows that everything is still measured.
SMOKE = Plan(
    rounds=1,
    seconds=60,
    load_seconds=0.2,
    limit_seconds=0.1,
    large_channel=1200,
    inbox_requests=32,
    depth=2,
    sinks=(4, 6),
    sockets=20,
    pushes=2,
)
