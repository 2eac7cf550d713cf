"""Punctum's REST API (contracts/punctum.md). Its own words (conference, stash, ping) stop here."""

from __future__ import annotations

from flask import Flask

from app.facades.punctum import (
    accounts,
    api,
    channels,
    conferences,
    emoji,
    federation,
    ids,
    invites,
    messages,
    reports,
    roles,
    socket,
)
from app.facades.punctum.api import ROUTES
from app.facades.punctum.described import describe
from app.facades.punctum.local import serve_local
from app.facades.punctum.placeholder import get_placeholder
from app.facades.punctum.telling import follow_events
from app.queries.punctum.shown import PLACEHOLDER

__all__ = ["ROUTES", "describe", "follow_events", "mount", "serve_local"]

# Importing a module adds its routes.
MODULES = (ids, accounts, conferences, channels, messages, invites, roles, reports, emoji, federation, socket)


def mount(app: Flask) -> None:
    api.mount(app)
    socket.mount(app)
    app.add_url_rule(PLACEHOLDER, "punctum.placeholder", get_placeholder)
