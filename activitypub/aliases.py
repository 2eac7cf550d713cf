"""JSON-LD spellings that would make one document say two things to two readers."""

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
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
_LONGEST: Final = max(map(len, _OURS)) + 1
_VOCABULARY: Final = "@vocab"
_NOT_OURS: Final = "_:"  # What ActivityStreams' own context makes of a word that nothing defines.
_HARMLESS_PARTS: Final = frozenset({"@id", "@type", "@container", "@protected", "@prefix", "@language"})
_NO_TERMS: Final = frozenset({"@base", "@language", "@version"})
_HARMLESS_CONTAINERS: Final = (None, "@set", "@list", "@language", ["@language", "@set"], ["@set"])
# Where we read a URI or a mention in a node. What is attached may be a recipe, in a vocabulary of its own.
_NODES: Final = frozenset(
    {"actor", "object", "attributedTo", "target", "to", "cc", "bto", "bcc", "audience", "inReplyTo", "context", "tag"}
    | {"publicKey", "assertionMethod"}
)

# Of each list, what any reader of ours looks at; and of all that is looked at, more keys and terms than anybody honest
# writes: to look for a second meaning of one takes ten times as long as to read it.
_MAX_MEMBERS: Final = 500
_MAX_KEYS: Final = 5000
# Of terms of a context that are said by one another; real ones need two.
_MAX_STEPS: Final = 8

# One map for each node with contexts: to copy what is defined around every node would take as long as a sender likes.
# What each term stands for: an IRI or a keyword.
_Definitions: TypeAlias = ChainMap[str, str]


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
    """With what is defined inline. Raises ``MalformedDocumentError`` where a term or type of ours becomes another.

    What may lead to one of ours stays what it is: what a later context changes of it is changed for some of the terms
    made of it, and for some of the nodes.
    """
    if contexts is None and len(around.maps) > 1:
        raise MalformedDocumentError("a context takes back what is defined around it: a second meaning of all")
    definitions = around.new_child()
    for context in _flatten(contexts, effort):
        effort.spend(len(context) + 1)
        meanings = _Meanings(context, definitions)
        for term, definition in context.items():
            if term in _MEANINGS and not _is_kept(term, definition, meanings):
                raise MalformedDocumentError(f"the context gives {term!a} a second meaning")
        for term, meaning in {term: meanings.of(term) for term in context}.items():
            before = definitions.get(term, meaning)
            if term not in _NO_TERMS and before != meaning and _may_lead_to_ours(before):
                raise MalformedDocumentError(f"the context takes back what {term!a} means: a second meaning")
            definitions[term] = meaning
    return definitions


def _flatten(contexts: object, effort: _Effort) -> Iterator[Mapping[str, object]]:
    """The contexts inside the definitions of types and properties, too, as if they were there for all."""
    if isinstance(contexts, Mapping):
        yield contexts
        for definition in contexts.values():
            if isinstance(definition, Mapping):
                yield from _flatten(definition.get("@context"), effort)
    elif isinstance(contexts, list):
        effort.spend(len(contexts))
        if None in contexts:
            raise MalformedDocumentError("a context takes back what is defined before it: a second meaning of all")
        for context in contexts:
            yield from _flatten(context, effort)


class _Meanings:
    """What the terms of one context stand for, each of which may be said by others of it, or by what is ``around``."""

    def __init__(self, context: Mapping[str, object], around: _Definitions) -> None:
        self._context = context
        self._around = around
        self._found: dict[str, str] = {}

    def of(self, term: str, steps: int = 0) -> str:
        """The IRI or keyword of a term of the context (JSON-LD 1.1, section 4.2.2 of the API)."""
        if steps > _MAX_STEPS:
            raise MalformedDocumentError("the terms of a context are said by one another: a second meaning of all")
        if term not in self._found:
            self._found[term] = self._read(term, self._context[term], steps + 1)
        return self._found[term]

    def _read(self, term: str, definition: object, steps: int) -> str:
        if isinstance(definition, Mapping):
            if "@reverse" in definition:
                return "@reverse"
            definition = definition.get("@id", term)
        if not isinstance(definition, str):
            return _NOT_OURS  # null takes the term's meaning away
        if definition != term:
            return _expand(definition, lambda name: self._find(name, steps))
        # Then the term is itself what it stands for, or a word of the vocabulary.
        return _expand(term, lambda name: None if name == term else self._find(name, steps), default=_NOT_OURS)

    def _find(self, term: str, steps: int) -> str | None:
        return self.of(term, steps) if term in self._context else _find(term, self._around)


def _is_kept(term: str, definition: object, meanings: _Meanings) -> bool:
    if isinstance(definition, Mapping) and not (
        _HARMLESS_PARTS.issuperset(definition) and definition.get("@container") in _HARMLESS_CONTAINERS
    ):
        return False
    return meanings.of(term) == _MEANINGS[term]


def _is_plain(key: str, definitions: _Definitions) -> bool:
    if key in _MEANINGS:
        return True
    meanings = definitions.get(key), _expand(key, lambda name: None if name == key else _find(name, definitions))
    return not any(meaning is not None and (meaning.startswith("@") or meaning in _OURS) for meaning in meanings)


def _find(term: str, definitions: _Definitions) -> str | None:
    """What a term stands for; those of ours are those of ActivityStreams, also where its context is not named."""
    return definitions.get(term) or _MEANINGS.get(term)


def _expand(name: str, find: Callable[[str], str | None], *, default: str = "") -> str:
    """The IRI that a name stands for: that of a term, of ``prefix:suffix`` or of a word of the vocabulary.

    A word that is nothing of that is returned with ``default`` before it.
    """
    if name.startswith("@"):
        return name
    known = find(name)
    if known is not None:
        return known
    prefix, colon, suffix = name.partition(":")
    if not colon:
        vocabulary = find(_VOCABULARY)
        has_vocabulary = vocabulary is not None and not vocabulary.startswith("@")
        return _spelt_once(f"{vocabulary if has_vocabulary else default}{name}")
    namespace = None if suffix.startswith("//") else find(prefix)
    is_prefix = namespace is not None and not namespace.startswith("@")
    return _spelt_once(f"{namespace}{suffix}" if is_prefix else name)


def _spelt_once(iri: str) -> str:
    """With the one scheme that ActivityStreams is called by, and no longer than any of ours."""
    return iri[:_LONGEST].replace("http://www.w3.org/ns/activitystreams#", _AS, 1)


def _may_lead_to_ours(meaning: str) -> bool:
    """Whether it is one of ours or a keyword, or the beginning of one of ours."""
    secure = re.sub(r"\Ahttp:", "https:", meaning)
    return meaning.startswith("@") or (meaning != "" and any(ours.startswith((meaning, secure)) for ours in _OURS))
