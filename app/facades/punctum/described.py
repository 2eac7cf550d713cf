"""OpenAPI out of the table of routes and the keys of each object."""

from __future__ import annotations

import re
from typing import Final

from app.facades.punctum.api import PREFIX, ROUTES, Route
from app.facades.punctum.keys import KEYS
from app.facades.punctum.scopes import DEPENDS
from app.facades.punctum.shapes import reference_to, shown, told
from app.facades.punctum.values import Schema
from app.web.answers import JSON
from app.web.cookies import cookie_name
from app.web.openapi import Part, path_parameters, query_parameter, refusals, response

_ALWAYS: Final = frozenset({400, 401, 403, 408, 413, 414, 429, 503})
_LOCATION: Final[Schema] = {
    "Location": {"description": "Where the new object is, if it is new.", "schema": {"type": "string"}}
}
_WORD: Final = re.compile(r"\w+")


def describe() -> Part:
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return Part(
        paths=paths,
        schemas={**{kind: shown(kind) for kind in KEYS}, "told": told()},
        security_schemes={
            "browser": {
                "type": "apiKey",
                "in": "cookie",
                "name": cookie_name(),
                "description": "A browser that is signed in, for pages of this server alone.",
            },
            "instance": {
                "type": "apiKey",
                "in": "header",
                "name": "Signature",
                "description": "A signature of the actor of an instance (draft-cavage-http-signatures or RFC 9421).",
            },
        },
    )


def _operation(route: Route) -> Schema:
    operation: Schema = {
        "operationId": "_".join(["punctum", route.method.lower(), *_WORD.findall(route.path.replace("-", "_"))]),
        "tags": [f"Punctum: {_WORD.findall(route.path)[0]}"],
        "parameters": [
            *path_parameters(route.path),
            *(query_parameter(name, check.schema) for name, check in route.query.items()),
        ],
        "responses": _answers(route) | refusals(_statuses(route)),
        "security": _security(route),
    }
    if route.takes is not None:
        content = {JSON: {"schema": route.takes.schema}}
        operation["requestBody"] = {"required": route.takes.is_needed, "content": content}
    return operation


def _answers(route: Route) -> Schema:
    if route.status == 101:
        return {"101": {"description": "A WebSocket is open"}}
    schema = reference_to(route.answers) if isinstance(route.answers, str) else route.answers
    if not route.makes:
        return {"200": response(200, schema)}
    # What was there before is answered with 200, wherever what is new is not.
    return {str(status): response(status, schema) | {"headers": _LOCATION} for status in {200, route.status_of_new}}


def _statuses(route: Route) -> frozenset[int]:
    names_something = "{" in route.path or route.takes is not None
    return _ALWAYS | frozenset(route.errors) | ({404} if names_something else frozenset())


def _security(route: Route) -> list[Schema]:
    """What is enough, each by itself."""
    instance: list[Schema] = [{"instance": []}] if route.signed else []
    if route.signed == "must":
        return instance
    scopes = [] if route.scope in (None, DEPENDS) else [route.scope]
    nobody: list[Schema] = [{}] if route.is_open and route.status != 101 else []
    return [*nobody, {"bearer": []}, {"oauth": scopes}, {"browser": []}, *instance]
