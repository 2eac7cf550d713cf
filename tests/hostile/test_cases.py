"""The server stands every hostile case: the shared list, and more of each kind."""

from __future__ import annotations

import pytest

from tests.hostile import cases
from tests.hostile.arena import Arena
from tests.hostile.cases import Case
from tests.hostile.conftest import SKIPS, TALLY
from tests.hostile.routes import Routes
from tests.hostile.runner import ONE_DATABASE, SPARE, UNASKED, run_case

pytestmark = [pytest.mark.e2e]

# What may go unasked; STO-03 on SQLite, which is no server that restarts. A route that went would be no reason.
FORESEEN = {*UNASKED, "STO-03/0"}


def _by_id(found: list[Case]) -> list[object]:
    return [pytest.param(case, id=case.id) for case in found]


@pytest.fixture
def server(database: str, case: Case, request: pytest.FixtureRequest) -> Arena:
    """The one that cases of that group are asked of; it is started when the first of them comes."""
    found = request.getfixturevalue("spare" if case.group in SPARE else "arena")
    assert isinstance(found, Arena)
    assert found.is_postgresql == (database == "postgresql")
    return found


def test_the_shared_cases_are_at_hand() -> None:
    if not cases.LISTED.is_file():
        pytest.skip(f"no shared cases at {cases.LISTED}")
    assert {case.group for case in cases.listed()} == set(cases.GROUPS)


@pytest.mark.parametrize("case", _by_id(cases.listed()))
def test_a_listed_case_ends_well(server: Arena, routes: Routes, case: Case, request: pytest.FixtureRequest) -> None:
    _hold(server, routes, case, request.config)


@pytest.mark.parametrize("case", _by_id(cases.own()))
def test_a_case_of_ours_ends_well(server: Arena, routes: Routes, case: Case, request: pytest.FixtureRequest) -> None:
    _hold(server, routes, case, request.config)


def _hold(arena: Arena, routes: Routes, case: Case, config: pytest.Config) -> None:
    if arena.is_postgresql and case.id.startswith(ONE_DATABASE):
        pytest.skip("no database has a part in it: asked on SQLite alone")
    verdict = run_case(arena, case, routes)
    tally = config.stash[TALLY]
    tally[case.group, "requests of cases"] += len(case.requests) - len(verdict.skipped)
    tally[case.group, "requests"] += verdict.requests
    config.stash[SKIPS].update(dict.fromkeys(verdict.skipped))
    assert not verdict.problems, "\n".join(verdict.problems)
    assert [skip for skip in verdict.skipped if skip.partition(":")[0] not in FORESEEN] == []
    if len(verdict.skipped) == len(case.requests):
        pytest.skip(verdict.skipped[0])
