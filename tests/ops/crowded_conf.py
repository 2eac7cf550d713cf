"""Our settings of gunicorn, where one piece of an answer that nobody reads is very much."""

from app.gunicorn_conf import *  # noqa: F403  As gunicorn reads them.
from app.web import outgoing

outgoing.MAX_UNSENT_BYTES = 1 << 16
outgoing.HURRY_SECONDS = 0.5
