"""The description is true: schemathesis asks every route what the description allows and what it does not, and finds no
status and no header that is not described, and no answer of another shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.valkey import ValkeyServer
from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat
from tests.facades.pufferblow.conftest import make_database, postgres
from tests.facades.punctum.dictionaries import write_config

__all__ = ["postgres"]

CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
PUNCTUM = "^Punctum"
LEFT_OUT = r"/ids\b|/federation/inbox$"  # Another name of /id, and what refuses all that nobody signed.
EXAMPLES = 8  # For each of a hundred routes and on each database, beside those at the borders of each parameter.


@pytest.fixture(params=["sqlite", "postgresql"])
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """A server and a broker of this test's own: whoever comes after it would find passwords changed, accounts locked
    and names guessed too often."""
    folder = tmp_path_factory.mktemp(f"described-{request.param}")
    url = make_database(request.param, folder, request)
    with ValkeyServer(folder / "valkey") as valkey:
        chat = Chat(database_url=url, redis_url=valkey.url, name=f"described-{request.param}", folder=folder)
        yield chat
        chat.kill()


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_nothing_is_found_of_pufferblow(chat: Chat, tmp_path: Path) -> None:
    """A 500 is described nowhere and so would be found; a 503 is, for voice and for a machine that has too much to
    do."""
    done = _run(chat, chat.sign_in(chat.owner), tmp_path, "--exclude-tag-regex", PUNCTUM)

    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_nothing_is_found_of_punctum(chat: Chat, tmp_path: Path) -> None:
    owner = chat.sign_in(chat.owner)
    write_config(chat, owner, tmp_path / "schemathesis.toml")
    done = _run(chat, owner, tmp_path, "--include-tag-regex", PUNCTUM, "--exclude-path-regex", LEFT_OUT)

    assert done.returncode == 0, done.stdout[-6000:]


def _run(chat: Chat, owner: Person, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The owner asks, so that nothing is refused before it is read."""
    return subprocess.run(
        [
            *(Path(sys.executable).parent / "schemathesis", "run", f"http://127.0.0.1:{chat.near.port}/openapi.json"),
            *("--header", f"Authorization: Bearer {owner.token}"),
            *("--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)),
            *("--request-timeout", "30", "--no-color", *more),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=480,
    )
