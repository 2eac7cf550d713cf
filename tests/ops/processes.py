"""Starting processes in tests, waiting for what they do, and leaving none behind."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


def wait_until(is_so: Callable[[], bool], *, seconds: float = 10, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {seconds} s")
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def is_alive(process: psutil.Process) -> bool:
    """Whether it still does something; one that ended and was not waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


def clean_environ(**variables: str) -> dict[str, str]:
    """The environment without anything that configures Shoal, plus these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SHOAL_", "FLOWER_")) and name not in ("PORT", "DATABASE_URL", "REDIS_URL")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}


@contextmanager
def started(
    argv: list[str], *, log: Path, environ: Mapping[str, str], cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """The process with its output in `log`; whatever is left of it and its descendants afterwards is killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=dict(environ), cwd=cwd
        )
    seen: dict[int, psutil.Process] = {}
    try:
        yield process
    finally:
        if process.poll() is None:
            seen = {child.pid: child for child in psutil.Process(process.pid).children(recursive=True)}
            process.kill()
            process.wait()
        for child in seen.values():
            if is_alive(child):
                child.kill()


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(url: str, **headers: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
