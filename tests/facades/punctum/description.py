"""What /openapi.json says of Punctum, held against what is asked and answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.conftest import Server

jsonschema = pytest.importorskip("jsonschema")

PREFIX = "/api/v1"


class Description:
    def __init__(self, server: Server) -> None:
        self.document: dict[str, Any] = server.call("GET", "/openapi.json").json

    def operation(self, method: str, path: str) -> dict[str, Any]:
        operation: dict[str, Any] = self.document["paths"][PREFIX + path][method.lower()]
        return operation

    def find_wrong(self, method: str, path: str, answer: Any, *, asked: Any = None) -> list[str]:
        """What of an answer is not described, and of what was asked where it was done."""
        operation = self.operation(method, path)
        described = operation["responses"].get(str(answer.status_code))
        if described is None:
            return [f"status {answer.status_code}"]
        wrong = self._find_wrong(_schema_in(described), answer.json) + self._find_unknown(answer.json)
        if asked is not None and answer.status_code < 300:
            wrong += self._find_wrong(_schema_in(operation.get("requestBody")), asked)
        return wrong

    def _find_wrong(self, schema: Any, value: Any) -> list[str]:
        whole = {"allOf": [schema], "components": self.document["components"]}
        return [error.message for error in jsonschema.Draft202012Validator(whole).iter_errors(value)]

    def _find_unknown(self, value: dict[str, Any]) -> list[str]:
        """Keys of objects that no schema has: a document may be silent of them, but ours is not."""
        objects = [value[id_] for id_ in value["id_list"]] if value.get("type") == "stash" else [value]
        schemas = self.document["components"]["schemas"]
        return [
            f"{one['object_type']}.{key}"
            for one in objects
            if one.get("type") == "object"
            for key in one
            if key not in schemas[one["object_type"]]["properties"]
        ]


def _schema_in(described: dict[str, Any] | None) -> Any:
    """Nothing fits what is not described."""
    return described["content"]["application/json"]["schema"] if described else False
