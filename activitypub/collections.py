"""Ordered collections and their pages (activitystreams-core, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activitypub.vocabulary import OBJECT_CONTEXT

Document = dict[str, Any]


def ordered_collection(
    *, id: str, first: str | None = None, items: Sequence[object] | None = None, total: int | None = None
) -> Document:
    """A collection that leads to its `first` page, or one so short that its `items` are in it.

    `total` is None where the asker may not know how many there are.
    """
    optional = {"totalItems": total, "first": first, "orderedItems": None if items is None else list(items)}
    return {"@context": OBJECT_CONTEXT, "id": id, "type": "OrderedCollection", **_present(optional)}


def ordered_collection_page(
    *, id: str, part_of: str, items: Sequence[object], next: str | None = None, prev: str | None = None
) -> Document:
    return {
        "@context": OBJECT_CONTEXT,
        "id": id,
        "type": "OrderedCollectionPage",
        "partOf": part_of,
        "orderedItems": list(items),
        **_present({"next": next, "prev": prev}),
    }


def _present(values: Document) -> Document:
    return {name: value for name, value in values.items() if value is not None}
