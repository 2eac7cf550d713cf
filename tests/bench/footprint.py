"""What Shoal takes before anybody uses it: memory, and the time of a start."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import Sample
from tests.bench.limits import BareServer, measure_bare_start
from tests.bench.site import Site, pss_megabytes

SETTLE_SECONDS = 3.0


def measure_footprint(site: Site, bare: BareServer) -> Iterator[Sample]:
    """A start on a database that is up to date; memory some seconds after, when nothing happens any more."""
    yield from measure_bare_start(bare)
    yield "start", site.restart()
    time.sleep(SETTLE_SECONDS)
    web, worker = pss_megabytes(site.web()), pss_megabytes(site.worker())
    yield "pss.web", web
    yield "pss.worker", worker
    yield "pss.both", web + worker
