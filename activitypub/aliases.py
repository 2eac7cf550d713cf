"""JSON-LD spellings that would make one document say two things to two readers."""

from collections.abc import Iterator, Mapping
from typing import Final

from activitypub.errors import MalformedDocumentError

_AS: Final = "https://www.w3.org/ns/activitystreams#"
# What decides who did what to which thing, for whom.
_TERMS: Final = frozenset(
    {"actor", "object", "attributedTo", "target", "to", "cc", "bto", "bcc", "audience", "inReplyTo", "published"}
)
_MEANINGS: Final = {"id": "@id", "type": "@type", **{term: _AS + term for term in _TERMS}}
_HARMLESS_PARTS: Final = frozenset({"@id", "@type", "@container", "@protected"})


def check_plain(node: Mapping[str, object], *, contexts: object = None) -> None:
    """Refuse a node that writes a term that matters in any way but its plain compact one.

    We read plain keys and never expand, while another server may expand: ``as:actor`` or ``@id`` beside
    ``actor`` and ``id``, a context that renames a term, ``@graph``, ``@reverse``, ``@included`` and ``@nest``
    would let a document pass here as one thing and there as another (CVE-2022-24307, CVE-2026-42462).
    ``contexts`` are those of the nodes around it. Raises ``MalformedDocumentError``.
    """
    definitions = _inline_definitions([contexts, node.get("@context")])
    for key in node:
        if key != "@context" and not _is_plain(key, definitions):
            raise MalformedDocumentError(f"the key {key[:100]!a} has a second meaning in JSON-LD")


def _is_plain(key: str, definitions: Mapping[str, object]) -> bool:
    if key.startswith("@"):
        return False
    if key not in definitions:
        return key in _MEANINGS or _expand(key, definitions) not in _MEANINGS.values()
    definition = definitions[key]
    if key in _MEANINGS and isinstance(definition, Mapping) and not _HARMLESS_PARTS.issuperset(definition):
        return False
    meaning = _meaning(definition, definitions)
    if key in _MEANINGS:
        return meaning in (None, _MEANINGS[key])
    return meaning is None or not (meaning.startswith("@") or meaning in _MEANINGS.values())


def _meaning(definition: object, definitions: Mapping[str, object]) -> str | None:
    """The IRI or keyword a definition gives its term, or None if it leaves that to the other contexts."""
    if isinstance(definition, str):
        return _expand(definition, definitions)
    if not isinstance(definition, Mapping):
        return "@none"  # null takes the term's meaning away
    if "@reverse" in definition:
        return "@reverse"
    iri = definition.get("@id")
    return _expand(iri, definitions) if isinstance(iri, str) else None


def _expand(name: str, definitions: Mapping[str, object]) -> str:
    """The IRI that ``prefix:suffix`` stands for; other names are returned as they are."""
    prefix, colon, suffix = name.partition(":")
    namespace = definitions.get(prefix, _AS if prefix == "as" else None)
    if isinstance(namespace, Mapping):
        namespace = namespace.get("@id")
    if colon and isinstance(namespace, str) and not suffix.startswith("//"):
        name = namespace + suffix
    return name.replace("http://www.w3.org/ns/activitystreams#", _AS, 1)


def _inline_definitions(contexts: object) -> dict[str, object]:
    return {term: definition for context in _flatten(contexts) for term, definition in context.items()}


def _flatten(contexts: object) -> Iterator[Mapping[str, object]]:
    if isinstance(contexts, Mapping):
        yield contexts
    elif isinstance(contexts, list):
        for context in contexts:
            yield from _flatten(context)
