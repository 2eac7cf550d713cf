"""A Celery worker in this process.

Celery's own command line brings a shell to complete its commands in: 8 MB that no worker ever uses.
"""

from __future__ import annotations

import gc
import logging
import os

from celery.app.utils import find_app
from celery.concurrency import get_implementation
from celery.utils.nodenames import gethostname, nodename

from app.settings import Settings
from app.supervisor.beat import BeatStep
from app.supervisor.commands import CELERY_APP

# Two lines for each task, one of them every few seconds, would hide everything else.
_TALKATIVE = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


def work(settings: Settings, *, with_beat: bool) -> int:
    """Take tasks until SIGTERM or SIGINT, and send the periodic ones too if asked; the exit code of the process."""
    gc.disable()  # While the code is loaded: it makes a million objects, and all of them stay.
    celery_app = find_app(CELERY_APP)
    if with_beat:
        celery_app.steps["worker"].add(BeatStep)
    if settings.log_level != "debug":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
    worker = celery_app.Worker(
        # Two workers of one name confuse each other and Flower.
        hostname=nodename(f"shoal-{os.getpid()}", gethostname()),
        pool_cls=get_implementation("threads"),
        concurrency=settings.worker_threads,
        loglevel=settings.log_level,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
    )
    gc.freeze()
    gc.enable()
    worker.start()
    return worker.exitcode or 0
