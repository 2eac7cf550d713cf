"""For all tests."""

import gc
from collections.abc import Generator

import pytest

from tests.databases import postgres_url, sqlite_folder, sqlite_template
from tests.founding import founding

# Here, so that each is made once for a test process, and not once for each folder that asks for it.
__all__ = ["founding", "postgres_url", "sqlite_folder", "sqlite_template"]


_FACADES = "tests/facades/"
# More than a quarter of the time of all tests, and its routes end in the actions of the others.
_LONGEST_FACADE = ("tests/facades/punctum/", "tests/facades/federation/test_punctum_")


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


def pytest_itemcollected(item: pytest.Item) -> None:
    """Facades only translate: what they ask of PostgreSQL, the tests of the pipeline and of queries ask as well, and by
    themselves they have their turn with it in `make e2e`."""
    is_repeated = item.nodeid.startswith(_FACADES) and _database_of(item) == "postgresql"
    if is_repeated or item.nodeid.startswith(_LONGEST_FACADE):
        item.add_marker(pytest.mark.slow)


def _database_of(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("database_url")
