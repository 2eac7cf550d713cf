"""What the tests of sockets have gunicorn serve: the whole application, with passwords that are quick to check."""

from app.actions import passwords
from app.factory import create_app
from app.settings import load_settings

passwords.COST = 4
app = create_app(load_settings())
