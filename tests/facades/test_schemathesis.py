"""The description is true: schemathesis asks every route what the description allows and what it does not, and finds no
status and no header that is not described, and no answer of another shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.valkey import ValkeyServer
from tests.facades.pufferblow.chat import Chat
from tests.facades.pufferblow.conftest import make_database, postgres, valkey

__all__ = ["postgres", "valkey"]

CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
EXAMPLES = 15  # For each of a hundred routes, beside those at the borders of each parameter.


@pytest.fixture(params=["sqlite", "postgresql"])
def chat(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, valkey: ValkeyServer
) -> Iterator[Chat]:
    """A server of this test's own: whoever comes after it would find passwords changed and accounts locked."""
    folder = tmp_path_factory.mktemp(f"described-{request.param}")
    url = make_database(request.param, folder, request)
    chat = Chat(database_url=url, redis_url=valkey.url, name=f"described-{request.param}", folder=folder)
    yield chat
    chat.kill()


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_nothing_is_found(chat: Chat, tmp_path: Path) -> None:
    """The owner asks, so that nothing is refused before it is read. A 500 is described nowhere and so would be found; a
    503 is, for voice and for a machine that has too much to do."""
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "schemathesis", "run", f"http://127.0.0.1:{chat.near.port}/openapi.json"),
            *("--header", f"Authorization: Bearer {chat.sign_in(chat.owner).token}"),
            *("--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)),
            *("--request-timeout", "30", "--no-color"),
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=480,
    )

    assert done.returncode == 0, done.stdout[-6000:]
