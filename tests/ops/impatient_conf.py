"""Our settings of gunicorn, with little patience."""

from app.gunicorn_conf import *  # noqa: F403  As gunicorn reads them.
from app.web import outgoing

outgoing.SEND_SECONDS = 0.5
outgoing.SLOWEST_RATE = 1 << 20
keepalive = 1
