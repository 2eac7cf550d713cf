"""One fleet for all directed faults: starting three servers takes longer than breaking them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.hosts import HostsUnavailableError
from tests.e2e.postgres import find_postgres_binaries
from tests.faults.fleet import Fleet, open_fleet
from tests.faults.observation import wait_until_drained

_FLEET = pytest.StashKey[Fleet]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of every server's log."""
    report = yield
    fleet = item.config.stash.get(_FLEET, None)
    if report.failed and fleet is not None:
        for site in fleet.sites.values():
            for name, process in site.processes.items():
                report.sections.append((f"end of the log of {name} of {site.host.name}", process.log_tail()))
    return report


@pytest.fixture(scope="session")
def shared_fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") != "1":
        pytest.fail("each test host has one port 443: run the fault tests with -n 0")
    if find_postgres_binaries() is None:
        pytest.skip("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    folder: Path = tmp_path_factory.mktemp("faults")
    try:
        with open_fleet(folder, seed=0, is_split=False) as fleet:
            request.config.stash[_FLEET] = fleet
            yield fleet
    except HostsUnavailableError as error:
        pytest.skip(f"no test host names: {error}")


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """Whole again after each test, and with nothing left to do (I8)."""
    yield shared_fleet
    shared_fleet.heal()
    wait_until_drained(shared_fleet)
