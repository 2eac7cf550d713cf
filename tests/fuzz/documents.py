"""Changing JSON as JSON: byte by byte, a document soon is none any more, and nothing behind the parser is reached."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

Mutate = Callable[[bytes, int], bytes]
_Place = tuple[Any, Any]  # A container, and the key or index in it.

_WORDS = (
    *("Create", "Update", "Delete", "Undo", "Announce", "Follow", "Accept", "Move", "Add", "Like", "Offer"),
    *("Note", "Person", "Group", "Tombstone", "DataIntegrityProof", "eddsa-jcs-2022", "as:Public", "@id"),
    *("https://evil.test/u/mallory", "https://evil.test/n/1", "https://evil.test/a/1", "https://evil.test"),
    *("https://good.test/u/victim", "https://good.test/n/1", "https://good.test/a/1#key", "http://good.test/u/victim"),
    *("https://groups.test/c/cats", "https://ours.test/u/alice", "https://EVIL.test/u/mallory", "acct:x@y.test", ""),
)
_KEYS = (
    *("id", "type", "actor", "object", "target", "attributedTo", "to", "cc", "bto", "audience", "inReplyTo", "url"),
    *("content", "tag", "attachment", "published", "proof", "verificationMethod", "cryptosuite", "inbox", "href"),
    *("@context", "@id", "@type", "@graph", "@reverse", "as:actor", "preferredUsername", "publicKey", "name", "x"),
)


def mutated(data: bytes, max_bytes: int, seed: int, *, otherwise: Mutate) -> bytes:
    """One to three changes of the document; `otherwise` is asked where there is none, and now and then anyway."""
    chance = random.Random(seed)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return otherwise(data, max_bytes)
    if not isinstance(document, dict) or chance.random() < 0.2:
        return otherwise(data, max_bytes)
    for _ in range(chance.randint(1, 3)):
        _change(document, chance)
    written = json.dumps(document).encode("utf-8", "surrogatepass")
    return written if len(written) <= max_bytes else data[:max_bytes]


def _change(document: dict[str, Any], chance: random.Random) -> None:
    places = _places(document)
    container, key = chance.choice(places) if places else (document, "object")
    match chance.randrange(6):
        case 0:
            container[key] = chance.choice(_WORDS)
        case 1:
            container[key] = [container.get(key) if isinstance(container, dict) else container[key]]
        case 2:
            container[key] = [chance.choice(_WORDS), copy.deepcopy(_at(chance.choice(places or [(document, None)])))]
        case 3:
            container[key] = copy.deepcopy(_at(chance.choice([*places, (document, None)])))
        case 4:
            target = container if isinstance(container, dict) else document
            target[chance.choice(_KEYS)] = copy.deepcopy(_at(chance.choice([*places, (document, None)])))
        case _:
            container[key] = chance.choice([None, True, 0, {}, [], {"id": chance.choice(_WORDS)}, 1.5])


def _places(value: Any) -> list[_Place]:
    found: list[_Place] = []
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        found.append((value, key))
        found += _places(member)
    return found


def _at(place: _Place) -> Any:
    container, key = place
    return container if key is None else container[key]
