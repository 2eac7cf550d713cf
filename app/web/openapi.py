"""OpenAPI 3.1 out of a table of routes."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from enum import Enum
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from pydantic.json_schema import models_json_schema

from app.queries.scopes import NODE_SCOPES, SCOPES, scopes_of_node
from app.web.answers import JSON, Problem
from app.web.api import Route, path_names
from app.web.fields import Params
from app.web.shapes import Shape

Schema = dict[str, Any]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_REF = "#/components/schemas/{model}"
_PROBLEM: Schema = {"$ref": _REF.format(model=Problem.__name__)}
_WITHOUT_BODY = frozenset({"GET", "DELETE"})
# The body, which may come with every request, decides most; 403 is for who is blocked.
_ALWAYS = frozenset({400, 403, 408, 413, 414, 415, 429, 503})
_WITH_VIEWER = frozenset({401})
_WITHOUT_DOCSTRINGS = 2
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer", "minimum": 0}}
}
_BYTES: Schema = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_FILE_ANSWERS: Schema = {
    "200": {"description": "The file", "content": _BYTES},
    "206": {"description": "The part of it that `Range` asked for", "content": _BYTES},
    "304": {"description": "The file is still what `If-None-Match` names"},
    "412": {"description": "The file is not what `If-Match` names"},
    "416": {"description": "There is no such part of it"},
}
_SCOPES_OF_NODES = scopes_of_node(NODE_SCOPES)
_SECURITY_SCHEMES: Schema = {
    "oauth": {
        "type": "oauth2",
        "description": "The token of a client that somebody allowed some things. Another one is a 403.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/auth/oauth2/authorize",
                "tokenUrl": "/auth/oauth2/token",
                "refreshUrl": "/auth/oauth2/token",
                "scopes": dict.fromkeys(SCOPES, ""),
            }
        },
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token may also be the parameter `auth_token`, in the query, a JSON body or a form.",
    },
    "node": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Pufferblow-Node-Session",
        "description": "The session of a node that answered a challenge.",
    },
}


class Part(msgspec.Struct, frozen=True):
    """What one facade adds to the document: its paths, and what they refer to."""

    paths: Mapping[str, Schema]
    schemas: Mapping[str, Schema]
    security_schemes: Mapping[str, Schema] = msgspec.field(default_factory=dict)


def document(parts: Sequence[Part], *, title: str, version: str, description: str) -> Schema:
    """The description of all parts, complete and without references to the outside."""
    paths: dict[str, Schema] = {}
    schemas: dict[str, Schema] = {}
    schemes = dict(_SECURITY_SCHEMES)
    for part in parts:
        for path, methods in part.paths.items():
            paths[path] = paths.get(path, {}) | methods
        schemas |= part.schemas
        schemes |= part.security_schemes
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": schemes},
    }


def describe(routes: Sequence[Route]) -> Part:
    """The part of a facade whose routes are a table of this layer."""
    schemas = _Schemas(routes)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return Part(paths, schemas.shared)


def path_parameters(path: str) -> list[Schema]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in path_names(path)]


def query_parameter(name: str, schema: Schema, *, is_required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": is_required, "schema": schema}


def refusals(statuses: Collection[int]) -> Schema:
    """The answers to what is not done, by their statuses."""
    answers = {str(status): response(status, _PROBLEM) for status in sorted(statuses)}
    for status in {429, 503}.intersection(statuses):
        answers[str(status)]["headers"] = _RETRY_AFTER
    return answers


def response(status: int, schema: Schema) -> Schema:
    return {"description": HTTPStatus(status).phrase, "content": {JSON: {"schema": schema}}}


@cache
def _give_back_docstrings() -> None:
    """Models and enumerations are described by their docstrings. Under `python -OO` they have none, and the source is
    read for them."""
    if sys.flags.optimize < _WITHOUT_DOCSTRINGS:
        return
    by_module: dict[str, list[type[Any]]] = {}
    for described in [*_below(Params), *_below(Shape), *_below(Enum)]:
        if described.__module__.startswith("app."):
            by_module.setdefault(described.__module__, []).append(described)
    for module, classes in by_module.items():
        tree = ast.parse(inspect.getsource(sys.modules[module]))
        texts = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef)}
        for described in classes:
            described.__doc__ = texts.get(described.__name__)


def _below(above: type[Any]) -> Iterator[type[Any]]:
    for class_ in above.__subclasses__():
        yield class_
        yield from _below(class_)


class _Schemas:
    """JSON Schemas of every model: answers are shared components, parameters belong to their one operation."""

    def __init__(self, routes: Iterable[Route]) -> None:
        _give_back_docstrings()
        params = {route.params for route in routes}
        answers = {route.answer for route in routes if route.answer is not None} | {Problem}
        self._names, found = models_json_schema([(model, "validation") for model in params], ref_template=_REF)
        definitions: dict[str, Schema] = found["$defs"]
        self._params = {name: definitions.pop(name) for name in {self._name(model) for model in params}}
        by_name = sorted(answers, key=lambda answer: answer.__name__)
        refs, components = msgspec.json.schema_components(by_name, ref_template=_REF.replace("{model}", "{name}"))
        for schema in components.values():
            if "description" in schema:
                schema["description"] = inspect.cleandoc(schema["description"])
            for part in (schema, *schema.get("properties", {}).values()):
                _say_type(part)
        self._answers = dict(zip(by_name, refs, strict=True))
        self.shared = dict(sorted((definitions | components).items()))

    def answer(self, model: type[Shape]) -> Schema:
        return self._answers[model]

    def properties(self, route: Route) -> tuple[dict[str, Schema], list[str]]:
        """The parameters outside the path: their schemas, and the names of those that must be there."""
        schema = self._params[self._name(route.params)]
        properties = {name: part for name, part in schema.get("properties", {}).items() if name not in route.path_names}
        return deepcopy(properties), [name for name in schema.get("required", []) if name in properties]

    def _name(self, params: type[Params]) -> str:
        return str(self._names[params, "validation"]["$ref"]).rpartition("/")[2]


def _say_type(schema: Schema) -> None:
    """Of what is one of a few values: generators of clients make anything at all of one without a type."""
    if "enum" in schema:
        schema["type"] = "integer" if all(isinstance(value, int) for value in schema["enum"]) else "string"


def _operation(route: Route, schemas: _Schemas) -> Schema:
    properties, required = schemas.properties(route)
    parameters = path_parameters(route.path)
    operation: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": parameters,
        "responses": _responses(route, schemas),
        "security": _security(route),
    }
    if route.method in _WITHOUT_BODY:
        parameters += [
            query_parameter(name, schema, is_required=name in required) for name, schema in properties.items()
        ]
    elif properties:
        operation["requestBody"] = _request_body(properties, required)
    if properties:
        operation["description"] = "Each parameter may be in the query, in a JSON body or in a form."
    return operation


def _security(route: Route) -> list[Schema]:
    if not route.needs_viewer:
        return []
    if route.scope is None:
        return [{"bearer": []}]
    node: list[Schema] = [{"node": []}] if route.scope in _SCOPES_OF_NODES else []
    return [{"bearer": []}, {"oauth": [route.scope]}, *node]


def _request_body(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    """The same fields as JSON and as a form; files only fit into the form of many parts."""
    texts = {name: schema for name, schema in properties.items() if not _is_file(schema)}
    kinds = {JSON: texts, URLENCODED: texts}
    if len(texts) < len(properties):
        kinds[MULTIPART] = dict(properties)
    return {
        "required": bool(required),
        "content": {
            kind: {"schema": {"type": "object", "properties": fields, "required": list(required)}}
            for kind, fields in kinds.items()
        },
    }


def _is_file(schema: Schema) -> bool:
    return schema.get("format") == "binary" or ("items" in schema and _is_file(schema["items"]))


def _responses(route: Route, schemas: _Schemas) -> Schema:
    if route.answer is None:
        answers = deepcopy(_FILE_ANSWERS)
    else:
        answers = {str(route.status): response(route.status, schemas.answer(route.answer))}
    statuses = _ALWAYS | frozenset(route.errors) | (_WITH_VIEWER if route.needs_viewer else frozenset())
    return answers | refusals(statuses)
