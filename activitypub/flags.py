"""Flag: a report, about a person and about what they wrote (activitystreams-vocabulary, Flag)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from activitypub.documents import id_of
from activitypub.properties import as_list, natural_text

MAX_OBJECTS = 50
MAX_TEXT = 1_000


class Flag(msgspec.Struct, frozen=True):
    """`objects` are URIs of people and of messages, in the order they were named."""

    objects: tuple[str, ...]
    text: str


def parse_flag(document: Mapping[str, Any]) -> Flag:
    """What a Flag is about. Mastodon gives the reason as `content`, Lemmy as `summary`."""
    named = (id_of(item) for item in as_list(document.get("object"))[:MAX_OBJECTS])
    text = natural_text(document, "content", MAX_TEXT) or natural_text(document, "summary", MAX_TEXT) or ""
    return Flag(tuple(dict.fromkeys(uri for uri in named if uri)), text)
