"""Which cases speak of routes that exist: a new route un-skips its cases by itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map
from werkzeug.routing.exceptions import WebsocketMismatch

from app.factory import create_app
from app.settings import Settings
from tests.hostile.arena import ORIGIN

Routes = Callable[[str, str], bool]


def known_routes(folder: Path) -> Routes:
    """Tells whether a method and a path lead to a view of the product."""
    environ = {"SHOAL_ORIGIN": ORIGIN, "SHOAL_DATA": str(folder), "SHOAL_SECRET_KEY": secrets.token_urlsafe(32)}
    urls = create_app(Settings.from_env(environ, None)).url_map
    return lambda method, path: _is_route(urls, method, path)


def _is_route(urls: Map, method: str, path: str) -> bool:
    bare = unquote(path.partition("?")[0])
    for is_socket in (False, True):
        try:
            urls.bind("", url_scheme="ws" if is_socket else "http").match(bare, method, websocket=is_socket)
        except (NotFound, WebsocketMismatch):
            continue
        except HTTPException:
            return False  # The path is there, with other methods.
        return True
    return False
