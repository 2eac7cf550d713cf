"""Changing the server: what other servers see of it goes through the pipeline, the rest is for us alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.db import transaction
from app.pipeline import compose, submit
from app.projections import audit, server_settings
from app.queries.server_settings import forget_server_settings
from app.queries.viewers import Viewer
from app.services.bus import SETTINGS, Bus

_SEEN_ELSEWHERE = ("server_name", "server_description")


def follow_changes(bus: Bus) -> None:
    """Have this process hear at once of what others change."""
    bus.listen(SETTINGS, lambda _topic, _payload: forget_server_settings())
    bus.on_reconnect(forget_server_settings)
    bus.subscribe()


def change_server(viewer: Viewer, changes: Mapping[str, Any], *, kind: audit.Kind = "server_settings_updated") -> None:
    """Keep `changes`, by the names of `ServerSettings`, all of them or none. They hold at once.

    `kind` is what the audit log calls a change that no other server sees.

    The caller has checked their values, but for the name and the description. Raises InvalidInputError for those, and
    ForbiddenError for whoever is not of the staff.
    """
    described = {name: value for name, value in changes.items() if name in _SEEN_ELSEWHERE}
    settings = {name: value for name, value in changes.items() if name not in described}
    if described:
        activity = compose.server(
            viewer, name=described.get("server_name"), description=described.get("server_description")
        )
        submit(activity, private={"settings": settings, "described": list(described)})
    elif settings:
        with transaction() as session:
            server_settings.put(session, settings)
            audit.note(session, kind, actor_id=viewer.actor_id, fields=list(settings))
    forget_server_settings()
