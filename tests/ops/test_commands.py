"""The command lines of web and worker: without docstrings and assertions where all code was compiled so."""

import py_compile
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.supervisor import commands
from tests.ops.processes import clean_environ, started, wait_until
from tests.ops.test_worker import WORKER, write_tasks


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that compiled code is looked for in."""
    folder = tmp_path / "compiled"
    monkeypatch.setattr(sys, "pycache_prefix", str(folder))
    return folder


def test_python_compiles_nothing_at_each_start(compiled: Path) -> None:
    assert not compiled.exists()
    assert commands.web()[:2] == [sys.executable, "-m"]
    assert commands.worker(with_beat=True)[:2] == [sys.executable, "-m"]


def test_what_is_compiled_lean_is_run(compiled: Path) -> None:
    py_compile.compile(commands.__file__, optimize=1, doraise=True)
    assert "-OO" not in commands.web()

    py_compile.compile(commands.__file__, optimize=2, doraise=True)

    assert commands.web()[:3] == [sys.executable, "-OO", "-m"]
    assert commands.worker(with_beat=False)[:3] == [sys.executable, "-OO", "-m"]
    assert commands.migrate()[:2] == [sys.executable, "-m"]


@pytest.mark.parametrize("lean", [False, True])
def test_a_worker_becomes_lean_once(tmp_path: Path, *, lean: bool) -> None:
    prefix = tmp_path / "compiled"
    environ = clean_environ(REDIS_URL="redis://unused", PYTHONPYCACHEPREFIX=str(prefix))
    if lean:
        compile_it = f"import py_compile; py_compile.compile({commands.__file__!r}, optimize=2, doraise=True)"
        subprocess.run([sys.executable, "-c", compile_it], env=environ, check=True, timeout=60)
    write_tasks(tmp_path, scheduler="celery.beat:Scheduler")
    log = tmp_path / "log"

    with started(WORKER, log=log, environ=environ, cwd=tmp_path) as process:
        wait_until(lambda: "swept" in log.read_text(), what="a sweep")

        assert ("-OO" in psutil.Process(process.pid).cmdline()) is lean
