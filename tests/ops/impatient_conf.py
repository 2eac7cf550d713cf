"""Our settings of gunicorn, with little patience."""

from app import gunicorn_conf
from app.gunicorn_conf import *  # noqa: F403  As gunicorn reads them.

gunicorn_conf.SEND_SECONDS = 0.5
gunicorn_conf.SLOWEST_RATE = 1 << 20
keepalive = 1
