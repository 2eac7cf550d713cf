"""Cases as data: the shared list and our own, their variants, and what their placeholders and recipes expand to."""

from __future__ import annotations

import copy
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from tests.hostile import media, tokens
from tests.hostile.keys import public_pem
from tests.hostile.recipes import CONTENTS

LISTED: Final = Path(__file__).resolve().parents[3] / "shared" / "checks" / "hostile-cases.jsonl"
OWN: Final = Path(__file__).parent / "cases"
LIMITS: Final = "rate limit & ip block"
STORAGE: Final = "storage"
GROUPS: Final = (
    "signature & identity",
    "origin & ownership",
    "fetch & SSRF",
    "parsing & resource",
    "federation abuse",
    "websocket",
    "REST authorization",
    media.GROUP,
    tokens.GROUP,
    LIMITS,
    STORAGE,
)
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}]+)\}\}")
# Keys of a variant that change the signature's recipe, a fixture, or the request around the body.
_MUTATIONS: Final = frozenset({"keyId", "date_value"})
_REQUEST_KEYS: Final = frozenset({"method", "path"})
_OBJECT_KEYS: Final = frozenset({"to", "content", "type", "attributedTo", "published"})

# What the description of a listed case says and no field of it does, and fields by the names that the contract has.
_IMPLIED: Final[Mapping[str, dict[str, Any]]] = {
    "AUZ-16": {"body": {"ip": "0.0.0.0/0", "reason": "because"}},
    "ORI-26": {"setup": "good:victim n/1 received"},
    "RAT-05": {"from": "{{proxy_ip}}"},
    "STO-03": {"setup": "PostgreSQL restarts"},
    "STO-05": {"body": {"peer": "{{bob_id}}", "message": "x"}},
}
_RENAMED: Final[Mapping[str, tuple[str, str]]] = {
    "AUZ-15": ("task", "task_id"),
    "FET-08": ("target", "remote_handle"),
    "FET-21": ("target", "remote_handle"),
}
_ALICE: Final = "{{SUT}}/ap/users/{{alice_id}}"

Json = dict[str, Any]


class MissingPlaceholderError(LookupError):
    """The case speaks of something that this server does not have."""


@dataclass(frozen=True, slots=True)
class Case:
    """`requests` are the case itself and its variants, each a whole case without variants."""

    id: str
    group: str
    requests: tuple[Json, ...]


def load(path: Path) -> Iterator[Case]:
    """The cases of a file, those of other groups left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        described = _complete(json.loads(line))
        if described["group"] in GROUPS:
            yield Case(described["id"], described["group"], tuple(_variants(described)))


def listed() -> list[Case]:
    """The shared cases; none where they are not at hand."""
    return list(load(LISTED)) if LISTED.is_file() else []


def own() -> list[Case]:
    return [case for path in sorted(OWN.glob("*.jsonl")) for case in load(path)]


def expand(value: Any, known: Mapping[str, str], *, nonce: str | None = None, number: int = 0) -> Any:
    """The value with its placeholders filled in and its recipes carried out; `nonce` is one for the whole value.

    Raises MissingPlaceholderError.
    """
    words = {
        "nonce": nonce or secrets.token_hex(8),
        "uuid": str(uuid4()),
        "n": str(number),
        "N_or_n": "Nn"[number % 2],
        "rand_ip": f"198.51.100.{secrets.randbelow(256)}",
        **known,
    }
    return _expand(value, words)


def _expand(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: _word(match[1], words), value)
    if isinstance(value, list):
        return [_expand(item, words) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$repeat"}:
        unit, count = value["$repeat"]
        return _expand(unit, words) * count
    if set(value) == {"$concat"}:
        return "".join(_expand(part, words) for part in value["$concat"])
    if set(value) == {"$list"}:
        item, count = value["$list"]
        return [_expand(item, {**words, "n": str(number)}) for number in range(count)]
    return {_expand(name, words): _expand(item, words) for name, item in value.items()}


def _word(name: str, words: Mapping[str, str]) -> str:
    if name.startswith("pem:"):
        return public_pem(name[4:])
    if name.startswith("jwt:"):
        return tokens.forge(name[4:], words)
    if name == "b64sig":
        return "{{b64sig}}"  # The signer fills it in.
    if name not in words:
        raise MissingPlaceholderError(name)
    return words[name]


def _complete(described: Json) -> Json:
    """What a case of ours leaves out: most are a signed activity of mallory's, or a direct note of his to alice."""
    actor = "{{EVIL}}/u/mallory"
    common = {"@context": "https://www.w3.org/ns/activitystreams", "id": "{{EVIL}}/a/{{nonce}}", "actor": actor}
    if "note" in described:
        note = {
            "id": "{{EVIL}}/n/{{nonce}}",
            "type": "Note",
            "attributedTo": actor,
            "content": "hi",
            "to": [_ALICE],
            "tag": [{"type": "Mention", "href": _ALICE, "name": "@alice"}],
            **described.pop("note"),
        }
        described["body"] = {**common, "type": "Create", "to": [_ALICE], "object": note}
    if "activity" in described:
        described["body"] = {**common, **described.pop("activity")}
    if "body" in described and "method" not in described:
        described = {"sign": {"mutate": {}}, "headers": {"Content-Type": "application/activity+json"}, **described}
    plain: Json = {"method": "POST", "path": "/ap/inbox", "headers": {}, "body": None, "sign": None}
    described = plain | described | _IMPLIED.get(described["id"], {})
    if described["group"] == tokens.GROUP:
        tokens.complete(described)
    if described["id"] in _RENAMED:
        listed, name = _RENAMED[described["id"]]
        for body in (described["body"], *described.get("variants", ())):
            body[name] = body.pop(listed)
    return described


def _variants(described: Json) -> Iterator[Json]:
    plain = {name: value for name, value in described.items() if name != "variants"}
    seen: list[Json] = []
    for changes in ({}, *described.get("variants", ())):
        if not changes and ("{{variant." in json.dumps(plain) or described.get("is_pattern")):
            continue  # It is there for its variants alone.
        varied = _vary(plain, changes)
        if varied not in seen:
            seen.append(varied)
            yield varied


def _vary(plain: Json, changes: Json) -> Json:
    case = copy.deepcopy(plain)
    for name, value in changes.items():
        _change(case, name, value)
    return _fill_variant(case, changes)


# Whether it was a change of their own, and is done.
_VARY_OF_GROUPS: Final[Mapping[str, Callable[[Json, str, Any], bool]]] = {
    media.GROUP: media.vary,
    tokens.GROUP: tokens.vary,
}


def _change(case: Json, name: str, value: Any) -> None:
    vary = _VARY_OF_GROUPS.get(case["group"])
    if vary is not None and vary(case, name, value):
        return
    if name == "set":
        for path, inner in value.items():
            _put(case, path.split("/"), inner)
    elif name == "unset":
        for path in value:
            _remove(case, path.split("/"))
    elif name in _REQUEST_KEYS:
        case[name] = value
    elif name in _SPECIAL:
        _SPECIAL[name](case, value)
    elif name in _MUTATIONS:
        case["sign"].setdefault("mutate", {})[name] = value
    elif name in _OBJECT_KEYS and isinstance(case["body"].get("object"), dict):
        case["body"]["object"][name] = value
    else:
        case["body"][name] = value


def _put(case: Json, path: list[str], value: Any) -> None:
    target: Any = case
    for part in path[:-1]:
        target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
    target[path[-1]] = value


def _remove(case: Json, path: list[str]) -> None:
    target: Any = case
    for part in path[:-1]:
        target = target[part]
    del target[path[-1]]


def _fill_variant(case: Json, changes: Json) -> Json:
    text = json.dumps(case)
    for name, value in changes.items():
        if isinstance(value, str):
            text = text.replace(f"{{{{variant.{name}}}}}", json.dumps(value)[1:-1])
    filled: Json = json.loads(text)
    return filled


def _query(case: Json, value: Any) -> None:
    case["path"] = {"$concat": [case["path"].partition("?")[0], "?", value]}


def _actor(case: Json, value: str) -> None:
    case["body"]["actor"] = case["body"]["object"]["attributedTo"] = value


def _location(case: Json, value: str) -> None:
    for fixture in case["remote_fixture"].values():
        fixture["location"] = value


def _content_type(case: Json, value: str | None) -> None:
    case["headers"] = {} if value is None else {"Content-Type": value}


def _body_recipe(case: Json, name: str, value: Any) -> None:
    case["body_recipe"] = {name: value}


_SPECIAL: Final[Mapping[str, Callable[[Json, Any], None]]] = {
    "query": _query,
    "q": _query,
    "actor": _actor,
    "location": _location,
    "content_type": _content_type,
    "sign": lambda case, value: case.update(sign=value),
    "key": lambda case, value: case["sign"].update(key=value),
    "host": lambda case, value: case["sign"]["mutate"].update(keyId=f"https://{value}/u#k"),
    "port": lambda case, value: case["sign"]["mutate"].update(keyId=f"https://evil.test:{value}/u#k"),
    "repeat": lambda case, value: _body_recipe(case, "repeat", value),
    "ap_depth": lambda case, value: _body_recipe(case, "ap_depth", value),
    "content_recipe": lambda case, value: case["body"]["object"].update(content=CONTENTS[value]),
    "content_size": lambda case, value: case["body"]["object"].update(content={"$repeat": ["QUFB", value // 4]}),
    "frames": lambda case, value: case.update(ws_frames=[{"recipe": value}]),
}
