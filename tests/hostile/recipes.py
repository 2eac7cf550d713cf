"""Bodies too large or too broken to write down in a case, made by name."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any, Final

CONTENTS: Final[dict[str, Any]] = {
    "math_malformed": "<math><mtext><table><mglyph><style><math href=javascript:alert(1)>click",
    "nested_b_100k": {"$repeat": ["<b>", 100_000]},
    "javascript_href": "<a href=\"java&#x0A;script:alert(1)\">x</a><a href='data:text/html,<script>1</script>'>y</a>",
    "style": "<style>*{background:url(https://evil.test/t)}</style><p style='top:0'>x</p><svg><script>1</script>",
    "attr_1MB": {"$concat": ['<p title="', {"$repeat": ["a", 900_000]}, '">x</p>']},
    "broken_entities": "&#x0;&#xD800;&#99999999999;&lt;&amp;&bogus;<<b>",
}
"""What a `content_recipe` names."""

_ACTOR: Final = "https://evil.test/u/mallory"


def body_of(recipe: dict[str, Any], plain: Any) -> bytes:
    """The bytes a `body_recipe` asks for; `plain` is the case's own body, which some change."""
    (name, value), *others = recipe.items()
    if name in ("to_count", "tag_count"):
        return _crowded(plain, dict([(name, value), *others]))
    return _RECIPES[name](value)


def _raw(text: str) -> bytes:
    return text.encode()


def _repeated(recipe: list[Any]) -> bytes:
    opening, count, closing = str(recipe[0]), int(recipe[1]), str(recipe[2])
    inner = b"1" if opening.endswith(":") else b""
    return opening.encode() * count + inner + closing.encode() * count


def _deep_activity(depth: int) -> bytes:
    inner: Any = "x"
    for _ in range(depth):
        inner = {"type": "Note", "object": inner}
    activity = {"id": "https://evil.test/a/deep", "type": "Create", "actor": _ACTOR, "object": inner}
    return json.dumps(activity).encode()


def _bomb(_: str) -> bytes:
    """A megabyte that inflates to a gigabyte would need a gigabyte here; a thousandth of it tells as much."""
    return gzip.compress(b" " * (1 << 20))


def _stash(count: int) -> bytes:
    objects = {str(number): {"type": "object", "object_type": "message"} for number in range(count)}
    return json.dumps({"type": "stash", "id_list": list(objects), "objects": objects}).encode()


def _crowded(plain: dict[str, Any], counts: dict[str, int]) -> bytes:
    people = [f"https://evil.test/u/{number}" for number in range(counts.get("to_count", 0))]
    note = plain["object"]
    tags = [{"type": "Mention", "href": uri, "name": "@a"} for uri in people[: counts.get("tag_count", 0)]]
    crowded = {**plain, "to": plain["to"] + people, "object": {**note, "to": note["to"] + people, "tag": tags}}
    return json.dumps(crowded).encode()


_RECIPES: Final[dict[str, Callable[[Any], bytes]]] = {
    "raw": _raw,
    "raw_hex": bytes.fromhex,
    "repeat": _repeated,
    "ap_depth": _deep_activity,
    "gzip_bomb": _bomb,
    "stash_objects": _stash,
}
