"""Ordered collections and their pages (activitystreams-core, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activitypub.vocabulary import OBJECT_CONTEXT

Document = dict[str, Any]


def ordered_collection(*, id: str, first: str | None, total: int | None = None) -> Document:
    """`total` is None where the asker may not know how many there are."""
    document: Document = {"@context": OBJECT_CONTEXT, "id": id, "type": "OrderedCollection"}
    if total is not None:
        document["totalItems"] = total
    if first is not None:
        document["first"] = first
    else:
        document["orderedItems"] = []
    return document


def ordered_collection_page(
    *, id: str, part_of: str, items: Sequence[object], next: str | None = None, prev: str | None = None
) -> Document:
    document: Document = {
        "@context": OBJECT_CONTEXT,
        "id": id,
        "type": "OrderedCollectionPage",
        "partOf": part_of,
        "orderedItems": list(items),
    }
    if next is not None:
        document["next"] = next
    if prev is not None:
        document["prev"] = prev
    return document
