"""Celery's configuration; it reads the lower-case names of this module."""

from __future__ import annotations

import pkgutil
from typing import Final

import tasks
from app.actions.sweeps import SWEEP_SECONDS
from app.services.broker import QUEUE
from app.settings import configure, load_settings
from tasks.schedule import Every

_SWEEP_LIFE_SECONDS: Final = 60

_settings = configure(load_settings())

broker_url = _settings.broker_url
include = [f"tasks.{module.name}" for module in pkgutil.iter_modules(tasks.__path__) if module.name != "config"]
timezone = "UTC"

task_serializer = "json"
accept_content = ["json"]
event_serializer = "json"
task_ignore_result = True
result_backend = None

task_default_queue = QUEUE
task_acks_late = True
task_reject_on_worker_lost = True
# Threads cannot be interrupted: tasks bound their own time, and this is for whoever runs another pool.
task_soft_time_limit = 60

worker_prefetch_multiplier = 1
worker_soft_shutdown_timeout = 10
worker_send_task_events = True
# Each worker has a queue of its own besides, through which its watchdog sees that it still hears anything.
worker_direct = True

broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_transport_options = {
    # A message whose worker died comes back after this. None may wait longer, or it would come back for ever.
    "visibility_timeout": 300,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    # A connection that died without a word is given up after twice this.
    "health_check_interval": 10,
}

# In memory: all it would remember is when the last sweep was, and one too many is harmless.
beat_scheduler = "celery.beat:Scheduler"
beat_schedule = {
    "sweep": {
        "task": "tasks.sweeps.sweep",
        "schedule": Every(SWEEP_SECONDS),
        "options": {"expires": _SWEEP_LIFE_SECONDS},
    },
}
