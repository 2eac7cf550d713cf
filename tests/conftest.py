"""For all tests."""

import gc
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.databases import postgres_url, sqlite_folder, sqlite_template
from tests.founding import founding

# Here, because what one of pytest's processes counted, the one that collects nothing tells.
pytest_plugins = ("tests.hostile.tally",)

# Here, so that each is made once for a test process, and not once for each folder that asks for it.
__all__ = ["founding", "postgres_url", "sqlite_folder", "sqlite_template"]


# What is measured there, or has a deadline, would be another test's to slow down.
_QUIET = frozenset({"bench", "faults"})


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without looking for garbage: what is collected stays until the end, and to look through six thousand tests for
    what does not costs every worker seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 10, 100)  # Of what comes after, nearly all stays as well: statements, routes, reports.
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` a folder's tests run one after the other: they share addresses and servers.

    Facades only translate: what they ask of PostgreSQL, the tests of the pipeline and of queries ask as well, and by
    themselves they have their turn with it in `make e2e`.
    """
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        item.add_marker(pytest.mark.xdist_group(folder))
        if folder in _QUIET:
            item.add_marker(pytest.mark.quiet)
        if folder == "facades" and _database_of(item) == "postgresql":
            item.add_marker(pytest.mark.slow)


def _database_of(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("database_url")
