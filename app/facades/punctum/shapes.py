"""What a route takes and answers, as JSON Schema out of the keys of each object."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from app.facades.punctum.keys import IDENTITY, KEYS, Keys
from app.facades.punctum.values import Check, Schema
from app.queries.objects import Kind

_ID: Final = IDENTITY["id"]
_NULL: Final[Schema] = {"type": "null"}
# In place of an object that is no more, or not for whoever asked.
ID_ALONE: Final[Schema] = {"type": "object", "properties": {"id": _ID}, "required": ["id"]}


class Body(msgspec.Struct, frozen=True):
    """A JSON object; a request without one is refused where it `is_needed`."""

    schema: Schema
    is_needed: bool = True


def body(*required: str, **keys: Check[Any]) -> Body:
    """With these keys, and none of an object's."""
    return Body(_dictionary({name: check.given for name, check in keys.items()}, required))


def new(
    kind: Kind,
    *required: str,
    lacking: Collection[str] = (),
    is_needed: bool = True,
    keys: Keys | None = None,
    **more: Check[Any],
) -> Body:
    """An object to be made, with the keys of its kind if no others are named. `required` are those that only this route
    needs, `lacking` those that it does without."""
    keys = keys or KEYS[kind]
    checks = {**keys.checks, **more}
    needed = [name for name in (*keys.required, *required) if name not in lacking]
    return Body(_dictionary(_of(kind) | {name: check.given for name, check in checks.items()}, needed), is_needed)


def change_of(kind: Kind, keys: Keys | None = None) -> Body:
    """What changes of an object; what never does may be there as it is."""
    keys = keys or KEYS[kind]
    given = {
        name: {"anyOf": [check.given, _NULL]} if name in keys.nullable else check.given
        for name, check in keys.checks.items()
        if name not in keys.once
    }
    return Body(_dictionary(_of(kind) | given))


def either(*bodies: Body) -> Body:
    return Body({"anyOf": [one.schema for one in bodies]})


def shown(kind: Kind) -> Schema:
    """An object as its readers see it. Some keys are for some of them."""
    keys = KEYS[kind]
    values = {name: check.shown for name, check in keys.checks.items()} | dict(keys.read_only)
    return _dictionary({**IDENTITY, **_of(kind), **values}, ("id", "type", "object_type", *keys.always))


def told() -> Schema:
    """An object as instances are told it: with the keys of its kind that leave this server, without those that are
    inherited there."""
    return _dictionary({**IDENTITY, "object_type": {"enum": list(KEYS)}}, ("id", "object_type"))


def reference_to(name: str) -> Schema:
    """To what is described once for all routes."""
    return {"$ref": f"#/components/schemas/{name}"}


def stash_of(*kinds: Kind) -> Schema:
    return _stash({"anyOf": [reference_to(kind) for kind in kinds]})


def _stash(one: Schema) -> Schema:
    named: dict[str, Schema] = {"type": {"const": "stash"}, "id_list": {"type": "array", "items": _ID}}
    return _dictionary(named, ("type", "id_list")) | {"additionalProperties": one}


def or_id(kind: Kind) -> Schema:
    return {"anyOf": [reference_to(kind), ID_ALONE]}


def _of(kind: Kind) -> dict[str, Schema]:
    return {"object_type": {"const": kind}}


def _dictionary(properties: dict[str, Schema], required: Collection[str] = ()) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


ANY: Final[Schema] = {"anyOf": [reference_to(kind) for kind in KEYS]}
# What is said between instances.
TOLD: Final = reference_to("told")
TOLD_STASH: Final = _stash(TOLD)
