"""Our settings of gunicorn, with a worker that takes long to load its code."""

import time
from typing import Any

from app import gunicorn_conf
from app.gunicorn_conf import *  # noqa: F403  As gunicorn reads them.

LOADING_SECONDS = 10


def post_fork(server: Any, worker: Any) -> None:  # type: ignore[no-redef]  # Of gunicorn's settings the last counts.
    gunicorn_conf.post_fork(server, worker)
    worker.log.info("begins to load")
    time.sleep(LOADING_SECONDS)
