"""ActivityPub: what other servers ask of us and bring to us."""

from __future__ import annotations

from flask import Flask

from app.facades.federation import actors, collections, discovery, inbox, objects
from app.settings import current


def mount(app: Flask) -> None:
    app.register_blueprint(actors.instance_blueprint)
    if not current().activitypub:
        return
    for part in (discovery, actors, collections, objects, inbox):
        app.register_blueprint(part.blueprint)
