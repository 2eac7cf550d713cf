"""Which facades a server has, and where."""

from __future__ import annotations

from importlib.metadata import version

from flask import Flask

from app.facades import docs, federation, health, oauth, pufferblow
from app.live.process import Live


def mount_facades(app: Flask) -> None:
    health.mount(app)
    federation.mount(app)
    pufferblow.mount(app)
    oauth.mount(app)
    docs.mount(app, [pufferblow.API], version=version("shoal"))


def follow_events(live: Live) -> None:
    """Have each facade's sockets told of what happens."""
    pufferblow.follow_events(live)
