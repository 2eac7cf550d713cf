"""Which facades a server has, and where."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from flask import Flask

from app.facades import docs, federation, health, oauth, pufferblow, punctum
from app.live.process import Live
from app.settings import Settings


def mount_facades(app: Flask) -> None:
    health.mount(app)
    federation.mount(app)
    pufferblow.mount(app)
    punctum.mount(app)
    oauth.mount(app)
    docs.mount(app, [pufferblow.describe, punctum.describe], version=version("shoal"))


def serve_local(settings: Settings) -> Callable[[], None]:
    """Serve clients on this machine, where the operator wants it; returns what ends that."""
    return punctum.serve_local(settings)


def follow_events(live: Live) -> None:
    """Have each facade's sockets told of what happens."""
    punctum.follow_events(live)  # First, because PufferBlow's closes sockets after what ends them.
    pufferblow.follow_events(live)
