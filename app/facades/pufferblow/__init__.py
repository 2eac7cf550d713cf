"""PufferBlow's REST API (contracts/pufferblow.md). Its own words (server, privilege, auth_token) stop here."""

from __future__ import annotations

from flask import Flask, redirect
from werkzeug.wrappers import Response

from app.facades.pufferblow import (
    audit,
    background_tasks,
    blocked_ips,
    cdn,
    channels,
    charts,
    dms,
    federation,
    info,
    members,
    messages,
    moderation,
    nodes,
    notifications,
    operations,
    own_account,
    pings,
    portraits,
    reactions,
    releases,
    roles,
    server_info,
    sockets,
    statistics,
    storage,
    tokens,
    users,
    voice,
)
from app.facades.pufferblow.api import API
from app.facades.pufferblow.telling import follow_events
from app.web import openapi
from app.web.openapi import Part

__all__ = ["API", "describe", "follow_events", "mount"]

ROUTES = (
    info,
    tokens,
    nodes,
    users,
    own_account,
    channels,
    members,
    messages,
    reactions,
    notifications,
    federation,
    dms,
    portraits,
    storage,
    cdn,
    moderation,
    pings,
    voice,
    audit,
    roles,
    blocked_ips,
    server_info,
    statistics,
    charts,
    releases,
    background_tasks,
    operations,
)  # Importing a module adds its routes to API.


def mount(app: Flask) -> None:
    API.mount(app)
    sockets.mount(app)
    for path in ("/", "/api/v1"):
        app.add_url_rule(path, f"pufferblow.root{path}", _to_info)


def describe() -> Part:
    """What the API's document says of this facade."""
    return openapi.describe(API.routes)


def _to_info() -> Response:
    return redirect("/api/v1/info", 307)
