"""ActivityPub: what other servers ask of us and bring to us."""

from __future__ import annotations

from flask import Flask

from app.facades.federation.actors import actors
from app.facades.federation.collections import collections
from app.facades.federation.discovery import discovery
from app.facades.federation.inbox import inboxes
from app.facades.federation.objects import objects


def mount(app: Flask) -> None:
    for blueprint in (discovery, actors, collections, objects, inboxes):
        app.register_blueprint(blueprint)
