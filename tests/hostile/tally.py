"""What was asked of the server, and what was not, told at the end of a run by whichever process has the terminal."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

_OUTPUT = "hostile"


class Tally:
    """Requests by group, `cases` those that a case is; and why some were not made."""

    def __init__(self) -> None:
        self.cases: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.skipped: dict[str, None] = {}


TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of pytest-xdist hands over what it has."""
    tally = session.config.stash[TALLY]
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = (dict(tally.cases), dict(tally.requests), list(tally.skipped))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    cases, requests, skipped = getattr(node, "workeroutput", {}).get(_OUTPUT, ({}, {}, []))
    tally = node.config.stash[TALLY]
    tally.cases.update(cases)
    tally.requests.update(requests)
    tally.skipped.update(dict.fromkeys(skipped))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tally = config.stash[TALLY]
    for group in sorted(tally.requests):
        asked = f"{tally.cases[group]} cases and variants, {tally.requests[group]} requests"
        terminalreporter.write_line(f"hostile: {group}: {asked}")
    for reason in tally.skipped:
        terminalreporter.write_line(f"hostile: not asked: {reason}")
