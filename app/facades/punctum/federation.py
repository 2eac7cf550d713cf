"""Between instances (contracts/punctum.md, 2.2): whether this one is there, for now."""

from __future__ import annotations

from app.errors import UnauthenticatedError
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask
from app.facades.punctum.ids import show_instance
from app.facades.punctum.scopes import READING
from app.facades.punctum.shown import Shown


@route("GET", "/federation/inbox", scope=READING["instance"], is_open=True)
def get_inbox(ask: Ask) -> Shown:
    return show_instance(ask.asker)


@route("POST", "/federation/inbox", scope=None, is_open=True)
def post_inbox(ask: Ask) -> Shown:
    """Every request needs the signature of an instance, and this server does not yet take one for Punctum."""
    ask.data()
    raise UnauthenticatedError("A signature of the sending instance is needed.")
