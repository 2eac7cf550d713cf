"""`shoal worker --beat`, over a Celery application of its own."""

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.ops.processes import clean_environ, started, wait_until

TASKS = """
from celery import Celery
from celery.beat import Scheduler


class BrokenScheduler(Scheduler):
    def tick(self):
        raise RuntimeError("broken on purpose")


celery_app = Celery("small", broker="memory://")
celery_app.conf.broker_transport_options = {{"polling_interval": 0.05}}
celery_app.conf.task_ignore_result = True
celery_app.conf.beat_scheduler = "{scheduler}"
celery_app.conf.beat_schedule = {{"sweep": {{"task": "sweep", "schedule": 0.1}}}}


@celery_app.task(name="sweep")
def sweep():
    print("swept")
"""
WORKER = [sys.executable, "-m", "app.cli", "worker", "--beat"]


def write_tasks(folder: Path, *, scheduler: str) -> None:
    """Found before ours by a process that starts in the folder."""
    (folder / "tasks.py").write_text(TASKS.format(scheduler=scheduler))


def test_beat_is_a_thread_of_the_worker(tmp_path: Path) -> None:
    write_tasks(tmp_path, scheduler="celery.beat:Scheduler")
    log = tmp_path / "log"

    with started(WORKER, log=log, environ=clean_environ(REDIS_URL="redis://unused"), cwd=tmp_path) as process:
        wait_until(lambda: log.read_text().count("swept") >= 2, what="two sweeps")
        assert psutil.Process(process.pid).children() == []

        since = time.monotonic()
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0
        assert time.monotonic() - since < 3
    assert "beat ended by itself" not in log.read_text()


@pytest.mark.slow
def test_a_worker_whose_beat_died_ends(tmp_path: Path) -> None:
    write_tasks(tmp_path, scheduler="tasks:BrokenScheduler")
    log = tmp_path / "log"

    with started(WORKER, log=log, environ=clean_environ(REDIS_URL="redis://unused"), cwd=tmp_path) as process:
        process.wait(timeout=20)

    assert "beat ended by itself; the worker ends too" in log.read_text()
