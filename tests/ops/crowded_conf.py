"""Our settings of gunicorn, where one piece of an answer that nobody reads is very much."""

from app import gunicorn_conf
from app.gunicorn_conf import *  # noqa: F403  As gunicorn reads them.

gunicorn_conf.MAX_UNSENT_BYTES = 1 << 16
gunicorn_conf.HURRY_SECONDS = 0.5
