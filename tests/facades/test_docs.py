"""The API's description."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

from app.facades import pufferblow, punctum
from app.facades.punctum.api import PREFIX
from tests.databases import ON_SQLITE
from tests.facades.conftest import Server
from tests.ops.processes import ROOT


@ON_SQLITE
def test_every_route_is_described(server: Server) -> None:
    paths = server.call("GET", "/openapi.json").json["paths"]

    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {(route.method, route.path) for route in pufferblow.API.routes} | {
        (route.method, PREFIX + route.path) for route in punctum.ROUTES
    }


@ON_SQLITE
def test_every_route_of_the_api_is_served_with_the_described_methods(server: Server) -> None:
    served = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in server.client.application.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.endpoint.startswith("pufferblow.") and not rule.endpoint.startswith("pufferblow.root")
    }

    assert served - {(method, path) for method, path in served if method in {"HEAD", "OPTIONS"}} == {
        (route.method, route.path) for route in pufferblow.API.routes
    }


@ON_SQLITE
def test_the_description_is_whole(server: Server) -> None:
    description = server.call("GET", "/openapi.json").json

    assert description["openapi"] == "3.1.0"
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(description)))
    assert references
    for reference in references:
        found: Any = description
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_what_the_code_says_of_itself_is_in_the_description_without_docstrings_too() -> None:
    script = "import json; from app.facades.pufferblow import describe; print(json.dumps(describe().schemas))"
    command = [sys.executable, "-OO", "-c", script]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout

    assert json.loads(printed) == pufferblow.describe().schemas
    assert "description" in pufferblow.describe().schemas["MessageShown"]


@ON_SQLITE
def test_operations_have_names_of_their_own(server: Server) -> None:
    paths = server.call("GET", "/openapi.json").json["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]

    assert len(names) == len(set(names))


@ON_SQLITE
def test_errors_are_described_as_they_are(server: Server) -> None:
    description = server.call("GET", "/openapi.json").json

    operation = description["paths"]["/api/v1/users/profile"]["post"]
    assert {"200", "400", "401", "403", "404", "413", "415", "429", "503"} <= set(operation["responses"])
    assert operation["security"] == [{"bearer": []}, {"oauth": ["account:read"]}, {"node": []}]
    assert description["components"]["schemas"]["Problem"]["required"] == [
        "type",
        "ping_type",
        "error_code",
        "error",
        "detail",
    ]
    assert description["components"]["schemas"]["ErrorCode"]["enum"] == list(range(1, 12))


@ON_SQLITE
def test_parameters_are_described_in_query_or_in_both_kinds_of_body(server: Server) -> None:
    paths = server.call("GET", "/openapi.json").json["paths"]["/api/v1/users/signin"]

    assert {(part["name"], part["in"], part["required"]) for part in paths["get"]["parameters"]} == {
        ("username", "query", True),
        ("password", "query", True),
    }
    body = paths["post"]["requestBody"]
    assert body["required"] is True
    assert set(body["content"]) == {"application/json", "application/x-www-form-urlencoded"}


@ON_SQLITE
def test_the_page_needs_nothing_from_elsewhere(server: Server) -> None:
    page = server.call("GET", "/docs")

    assert page.mimetype == "text/html"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert needed
    assert all(path.startswith("/") for path in needed)
    assert {path: server.call("GET", path).status_code for path in needed} == dict.fromkeys(needed, 200)


@ON_SQLITE
def test_other_files_of_the_library_are_not_served(server: Server) -> None:
    for name in ("__init__.py", "..%2f__init__.py", "swagger-ui-standalone-preset.js"):
        assert server.call("GET", f"/docs/{name}").status_code == 404
