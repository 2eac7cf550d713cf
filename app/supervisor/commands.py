"""The command line of each process."""

from __future__ import annotations

import sys

from app.settings import Settings

CELERY_APP = "tasks:celery_app"


def web() -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--config", "python:app.gunicorn_conf", "wsgi:app"]


def worker_with_beat() -> list[str]:
    return [sys.executable, "-m", "app.cli", "worker", "--beat"]


def migrate() -> list[str]:
    return [sys.executable, "-m", "app.cli", "migrate"]


def beat(settings: Settings) -> list[str]:
    return [*_celery(), "beat", f"--loglevel={settings.log_level}", "--pidfile="]


def flower(settings: Settings) -> list[str]:
    """Its password goes in by the environment: everybody on the machine can read a command line."""
    return [*_celery(), "flower", f"--address={settings.bind[0]}", f"--port={settings.flower_port}"]


def _celery() -> list[str]:
    return [sys.executable, "-m", "celery", f"--app={CELERY_APP}", "--quiet"]
