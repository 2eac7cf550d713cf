"""The command line of each process."""

from __future__ import annotations

import sys
from importlib.util import cache_from_source
from pathlib import Path

from app.settings import Settings

CELERY_APP = "tasks:celery_app"


def web() -> list[str]:
    return [*_lean_python(), "-m", "gunicorn", "--config", "python:app.gunicorn_conf", "wsgi:app"]


def worker(*, with_beat: bool) -> list[str]:
    return [*_lean_python(), "-m", "app.cli", "worker", *(["--beat"] if with_beat else [])]


def migrate() -> list[str]:
    return [sys.executable, "-m", "app.cli", "migrate"]


def beat(settings: Settings) -> list[str]:
    return [*_celery(), "beat", f"--loglevel={settings.log_level}", "--pidfile="]


def flower(settings: Settings) -> list[str]:
    """Its password goes in by the environment: everybody on the machine can read a command line."""
    return [*_celery(), "flower", f"--address={settings.bind[0]}", f"--port={settings.flower_port}"]


def _celery() -> list[str]:
    return [sys.executable, "-m", "celery", f"--app={CELERY_APP}", "--quiet"]


def _lean_python() -> list[str]:
    return [sys.executable, "-OO"] if is_compiled_lean() else [sys.executable]


def is_compiled_lean() -> bool:
    """Whether code without docstrings and assertions is there, which takes a fifteenth less memory (decision 37).

    `make` compiles all of it. Elsewhere each process would do so at each start, where it may not keep what it compiled.
    """
    return Path(cache_from_source(__file__, optimization="2")).is_file()
