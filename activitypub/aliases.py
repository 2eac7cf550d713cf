"""JSON-LD spellings that would make one document say two things to two readers."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from activitypub.errors import MalformedDocumentError
from activitypub.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES, MESSAGE_TYPES

_AS: Final = "https://www.w3.org/ns/activitystreams#"
_LDP: Final = "http://www.w3.org/ns/ldp#"
_PREFIXES: Final = {"as": _AS, "ldp": _LDP}
# What decides who did what to which thing, for whom, and what it says; not what it looks like: PeerTube calls
# an actor's pictures by the meaning of `icon`, too.
_TERMS: Final = frozenset(
    {
        "actor", "object", "attributedTo", "target", "to", "cc", "bto", "bcc", "audience", "inReplyTo", "context",
        "published", "updated", "content", "name", "summary", "source", "tag", "attachment", "href", "mediaType",
        "preferredUsername", "followers", "endpoints", "sharedInbox",
    }
)  # fmt: skip
# Two are no types of ActivityStreams, and their own vocabularies have more than one name.
_TYPES: Final = (ACTIVITY_TYPES | ACTOR_TYPES | MESSAGE_TYPES | {"Mention", "Tombstone"}) - {
    "ChatMessage",
    "EmojiReact",
}
_MEANINGS: Final = {
    **_PREFIXES,
    **{term: _AS + term for term in _TERMS | _TYPES},
    **{f"{term}Map": _AS + term for term in ("content", "name", "summary")},
    "id": "@id",
    "type": "@type",
    "inbox": _LDP + "inbox",
}
_OURS: Final = frozenset(_MEANINGS.values())
_HARMLESS_PARTS: Final = frozenset({"@id", "@type", "@container", "@protected", "@prefix", "@language"})
# Where we read a URI or a mention in a node. What is attached may be a recipe, in a vocabulary of its own.
_NODES: Final = frozenset(
    {"actor", "object", "attributedTo", "target", "to", "cc", "bto", "bcc", "audience", "inReplyTo", "context", "tag"}
    | {"publicKey", "assertionMethod"}
)

# Of each list, what any reader of ours looks at; and of all that is looked at, more keys and terms than anybody honest
# writes: to look for a second meaning of one takes ten times as long as to read it.
_MAX_MEMBERS: Final = 500
_MAX_KEYS: Final = 5000

# One map for each node with contexts: to copy what is defined around every node would take as long as a sender likes.
_Definitions: TypeAlias = ChainMap[str, object]


def check_plain(node: Mapping[str, object]) -> None:
    """Refuse a document that writes a term that matters in any way but its plain compact one.

    We read plain keys and never expand, while another server may expand: ``as:actor`` or ``@id`` beside
    ``actor`` and ``id``, a context that renames a term or a type, ``@graph``, ``@reverse``, ``@included`` and
    ``@nest`` would let a document pass here as one thing and there as another (CVE-2022-24307, CVE-2026-42462).
    What a context says that is named by its URL alone nobody can tell without fetching it, so that is believed.
    Raises ``MalformedDocumentError``, also where there is very much to look at.
    """
    _check(node, ChainMap(), _Effort())


class _Effort:
    """How many keys and terms of one document are looked at."""

    def __init__(self) -> None:
        self._left = _MAX_KEYS

    def spend(self, keys: int) -> None:
        self._left -= keys
        if self._left < 0:
            raise MalformedDocumentError(f"more than {_MAX_KEYS} keys and terms")


def _check(node: Mapping[str, object], around: _Definitions, effort: _Effort) -> None:
    """``around`` is defined by the contexts of the nodes around this one."""
    effort.spend(len(node))
    definitions = _define(around, node["@context"], effort) if "@context" in node else around
    for key, value in node.items():
        if key == "@context":
            continue
        if not _is_plain(key, definitions):
            raise MalformedDocumentError(f"the key {key[:100]!a} has a second meaning in JSON-LD")
        if key in _NODES:
            for inner in value[:_MAX_MEMBERS] if isinstance(value, list) else [value]:
                if isinstance(inner, Mapping):
                    _check(inner, definitions, effort)


def _define(around: _Definitions, contexts: object, effort: _Effort) -> _Definitions:
    """With what is defined inline. Raises ``MalformedDocumentError`` where a term or type of ours becomes another."""
    if contexts is None and len(around.maps) > 1:
        raise MalformedDocumentError("a context takes back what is defined around it: a second meaning of all")
    definitions = around.new_child()
    for context in _flatten(contexts):
        effort.spend(len(context) + 1)
        definitions.update(context)
        for term, definition in context.items():
            if term in _MEANINGS and not _is_kept(term, definition, definitions):
                raise MalformedDocumentError(f"the context gives {term!a} a second meaning")
    return definitions


def _flatten(contexts: object) -> Iterator[Mapping[str, object]]:
    """The contexts inside the definitions of types and properties, too, as if they were there for all."""
    if isinstance(contexts, Mapping):
        yield contexts
        for definition in contexts.values():
            if isinstance(definition, Mapping):
                yield from _flatten(definition.get("@context"))
    elif isinstance(contexts, list):
        if None in contexts:
            raise MalformedDocumentError("a context takes back what is defined before it: a second meaning of all")
        for context in contexts:
            yield from _flatten(context)


def _is_kept(term: str, definition: object, definitions: _Definitions) -> bool:
    if isinstance(definition, Mapping) and not _HARMLESS_PARTS.issuperset(definition):
        return False
    return _meaning(definition, definitions) in (None, _MEANINGS[term])


def _is_plain(key: str, definitions: _Definitions) -> bool:
    if key.startswith("@"):
        return False
    if key in _MEANINGS:
        return True
    meaning = _meaning(definitions[key], definitions) if key in definitions else _expand(key, definitions)
    return meaning is None or not (meaning.startswith("@") or meaning in _OURS)


def _meaning(definition: object, definitions: _Definitions) -> str | None:
    """The IRI or keyword a definition gives its term, or None if it leaves that to the other contexts."""
    if isinstance(definition, str):
        return _expand(definition, definitions)
    if not isinstance(definition, Mapping):
        return "@none"  # null takes the term's meaning away
    if "@reverse" in definition:
        return "@reverse"
    iri = definition.get("@id")
    return _expand(iri, definitions) if isinstance(iri, str) else None


def _expand(name: str, definitions: _Definitions) -> str:
    """The IRI that ``prefix:suffix`` stands for; other names are returned as they are."""
    prefix, colon, suffix = name.partition(":")
    namespace = definitions.get(prefix, _PREFIXES.get(prefix))
    if isinstance(namespace, Mapping):
        namespace = namespace.get("@id")
    if colon and isinstance(namespace, str) and not suffix.startswith("//"):
        name = namespace + suffix
    return name.replace("http://www.w3.org/ns/activitystreams#", _AS, 1)
