"""What the tests of sockets have gunicorn serve: the whole application, quick at passwords and at missing the dead."""

from datetime import timedelta

from app.actions import passwords, presence
from app.factory import create_app
from app.live import attendance
from app.settings import load_settings

passwords.COST = 4
attendance.BEAT_SECONDS = 0.5
presence.STALE = timedelta(seconds=4)
app = create_app(load_settings())
