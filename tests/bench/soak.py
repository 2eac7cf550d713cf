"""What does not come back: memory and open files of a server that is used for as long as one cares to wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from tests.bench.figures import Sample
from tests.bench.load import Expected, repeat
from tests.bench.plan import Plan
from tests.bench.sends import send_request
from tests.bench.site import Site, open_files, own_megabytes
from tests.bench.tools import Tools

_CLIENTS = 4
_PARTS = 12
_TOKEN_SECONDS = 600.0


def measure_soak(site: Site, channel_id: str, plan: Plan, tools: Tools) -> Iterator[Sample]:
    """Sends without a pause; growth from the end of the first quarter, when caches are full, to the end.

    What grows for ever grows in the last half as well; what fills a cache does not. Each part of the hour is printed
    as it ends: a step and a slope have the same ends.
    """
    seconds = plan.soak_seconds / _PARTS
    web, worker, files = [], [], []
    for _ in range(_PARTS):
        _send(site, channel_id, seconds, tools)
        web.append(own_megabytes(site.web()))
        worker.append(own_megabytes(site.worker()))
        files.append(open_files([*site.web(), *site.worker()]))
        print(f"soak: web {web[-1]:.1f} MB, worker {worker[-1]:.1f} MB, {files[-1]} files", file=sys.stderr, flush=True)
    quarter, half = _PARTS // 4 - 1, _PARTS // 2 - 1
    hour = 3600 / seconds
    yield "soak.web", (web[-1] - web[quarter]) / (_PARTS - 1 - quarter) * hour
    yield "soak.worker", (worker[-1] - worker[quarter]) / (_PARTS - 1 - quarter) * hour
    yield "soak.late", (web[-1] + worker[-1] - web[half] - worker[half]) / (_PARTS - 1 - half) * hour
    yield "soak.files", float(files[-1] - files[quarter])


def _send(site: Site, channel_id: str, seconds: float, tools: Tools) -> None:
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0:
        requests = [send_request(site, channel_id, token, "On and on.") for token in site.tokens(_CLIENTS)]
        duration = min(left, _TOKEN_SECONDS / 5)
        load = tools.generate(repeat, site.port, requests, Expected(201), seconds=duration)
        tools.check_all_expected("soak", load)
