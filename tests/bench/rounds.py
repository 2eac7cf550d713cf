"""A round: every measurement of one database in its order, over the channels and people that all rounds share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.bench import limits
from tests.bench.deliveries import host_names, measure_deliveries
from tests.bench.fanout import measure_fanout, people_for
from tests.bench.figures import Sample
from tests.bench.footprint import measure_footprint
from tests.bench.inbox import measure_inbox
from tests.bench.load import Expected, repeat
from tests.bench.plan import CLIENTS, SMALL_CHANNEL, Plan
from tests.bench.routes import measure_routes
from tests.bench.sends import measure_history, measure_sends, send_request
from tests.bench.site import Site
from tests.bench.soak import measure_soak
from tests.bench.tools import Tools

_WARM_UP_SECONDS = 1.0


class Rounds:
    """The prepared site: within `with`, the bare server runs beside it."""

    def __init__(self, site: Site, plan: Plan, tools: Tools) -> None:
        self._site = site
        self._plan = plan
        self._tools = tools
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        site, plan = self._site, self._plan
        site.settle(people=max(*CLIENTS, people_for(plan.sockets) + 1))
        self._sends, self._inbox = site.channel("sends"), site.channel("inbox")
        self._histories = {"small": site.channel("small"), "large": site.channel("large")}
        for key, size in (("small", SMALL_CHANNEL), ("large", plan.large_channel)):
            site.inside.ask("history", channel_id=self._histories[key], author_id=site.people[0], count=size)
        self._followed = {sinks: site.channel(f"followed-by-{sinks}") for sinks in plan.sinks}
        for sinks, channel_id in self._followed.items():
            site.inside.ask("follow", channel_id=channel_id, hosts=host_names(plan)[:sinks])
        self._bare = self._stack.enter_context(limits.bare_server(site))
        self._warm_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def samples(self, measurement: str) -> Iterable[Sample]:
        """One of MEASUREMENTS, or SOAK, taken as its samples are asked for."""
        return _TAKE[measurement](self)

    def _footprint(self) -> Iterator[Sample]:
        yield from measure_footprint(self._site, self._bare)
        self._warm_up()

    def _warm_up(self) -> None:
        """The first requests after a start load code and open connections; nobody measures those."""
        requests = [
            send_request(self._site, self._sends, token, "Is this on?") for token in self._site.tokens(max(CLIENTS))
        ]
        load = self._tools.generate(repeat, self._site.port, requests, Expected(201), seconds=_WARM_UP_SECONDS)
        self._tools.check_all_expected("warm-up", load)

    def _limits(self) -> Iterator[Sample]:
        yield from limits.measure_rsa(self._plan)
        yield from limits.measure_commits(self._site, self._plan, self._tools)
        yield from limits.measure_bare_routes(self._bare, self._plan, self._tools)
        yield from limits.measure_loopback(self._plan)

    def _sending(self) -> Iterator[Sample]:
        return measure_sends(self._site, self._sends, self._plan, self._tools)

    def _history(self) -> Iterator[Sample]:
        return measure_history(self._site, self._histories, self._plan, self._tools)

    def _routes(self) -> Iterator[Sample]:
        return measure_routes(self._site, self._plan, self._tools)

    def _accepting(self) -> Iterator[Sample]:
        return measure_inbox(self._site, self._inbox, self._plan, self._tools)

    def _fanout(self) -> Iterator[Sample]:
        return measure_fanout(self._site, self._sends, self._plan)

    def _deliveries(self) -> Iterator[Sample]:
        return measure_deliveries(self._site, self._followed, self._plan, self._tools)

    def _soak(self) -> Iterator[Sample]:
        return measure_soak(self._site, self._sends, self._plan, self._tools)


SOAK = "soak"
_TAKE: dict[str, Callable[[Rounds], Iterable[Sample]]] = {
    "footprint": Rounds._footprint,
    "limits": Rounds._limits,
    "sends": Rounds._sending,
    "history": Rounds._history,
    "routes": Rounds._routes,
    "inbox": Rounds._accepting,
    "fan-out": Rounds._fanout,
    "deliveries": Rounds._deliveries,
    SOAK: Rounds._soak,
}
MEASUREMENTS = tuple(name for name in _TAKE if name != SOAK)
