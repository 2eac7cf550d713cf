"""OAuth 2 (RFC 6749 and what has come to it since) and the pages for people: signing up and in, allowing clients."""

from __future__ import annotations

from flask import Flask

from app.facades.oauth import account, authorization, device, endpoints, pages, signing


def mount(app: Flask) -> None:
    for module in (pages, signing, account, authorization, device, endpoints):
        app.register_blueprint(module.blueprint)
