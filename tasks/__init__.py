"""Celery entrances: they take ids, call one function, and may run twice."""

from __future__ import annotations

from celery import Celery

# The settings are read with the configuration, which Celery does when it first needs it.
celery_app = Celery("shoal", config_source="tasks.config")
