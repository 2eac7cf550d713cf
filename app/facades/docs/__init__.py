"""The API's description: `/openapi.json`, and `/docs` to read and try it in a browser, with nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from flask import Flask, Response, send_from_directory

from app.errors import NotFoundError
from app.web.openapi import Part, document

_HERE = Path(__file__).parent
_DESCRIPTION = (
    "REST APIs of a Shoal server: PufferBlow's and Punctum's, on the same data. Sign in for a token, and send it as "
    "`Authorization: Bearer`."
)
_CACHE_SECONDS = 86400
# The page loads scripts from here only; the library sets styles from script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LIBRARY_FILES = {
    "swagger-ui.css": "css/swagger-ui.css",
    "swagger-ui-bundle.js": "js/swagger-ui-bundle.js",
    "swagger.svg": "images/swagger.svg",
}


def mount(app: Flask, facades: Sequence[Callable[[], Part]], *, version: str) -> None:
    """Serve what the facades say of themselves as one document, which is built once: when it is first asked for,
    because it would cost every start a tenth of a second and every idle process 4 MB."""

    @cache
    def description() -> str:
        parts = [describe() for describe in facades]
        return json.dumps(document(parts, title="Shoal", version=version, description=_DESCRIPTION))

    def openapi() -> Response:
        return Response(description(), mimetype="application/json")

    app.add_url_rule("/openapi.json", "docs.openapi", openapi)
    app.add_url_rule("/docs", "docs.page", page)
    app.add_url_rule("/docs/start.js", "docs.start", start)
    app.add_url_rule("/docs/<name>", "docs.library_file", library_file)


def page() -> Response:
    response = send_from_directory(_HERE, "page.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def start() -> Response:
    return send_from_directory(_HERE, "start.js")


def library_file(name: str) -> Response:
    """Swagger UI out of an installed wheel. Importing the wheel would bring in a framework we do not use."""
    if name not in _LIBRARY_FILES:
        raise NotFoundError("Not Found")
    return send_from_directory(_library_folder(), _LIBRARY_FILES[name], max_age=_CACHE_SECONDS)


def _library_folder() -> Path:
    installed = distribution("flask-openapi3-swagger").locate_file("flask_openapi3_swagger/templates/swagger")
    return Path(str(installed))
