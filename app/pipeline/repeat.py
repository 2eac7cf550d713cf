"""Repeat?: servers send the same activity more than once, and it must count once."""

from __future__ import annotations

from app.act import Act
from app.queries.activities import find_by_uri, list_noted
from app.queries.tombstones import find_tombstone


def is_repeat(act: Act) -> bool:
    """Whether the activity was seen, or was undone before it came; what was seen of it is noted.

    Takahe uses the id of an undone Follow again. Such a Follow counts if it was signed after the Undo; a replay of
    the first one carries the old signature and stays what it was, as does one that somebody else passes on.
    """
    if act.is_local:
        return False
    uris = act.activity.id or "", act.activity.object_id or ""
    act.noted = list_noted(act.session, *uris)
    if uris[0] not in act.noted:
        return False
    tombstone = find_tombstone(act.session, uris[0], act.actor.id)
    if tombstone is not None:
        is_new = act.activity.type == "Follow" and act.signed_at > tombstone.signed_at
        if not is_new:
            return True
    logged = find_by_uri(act.session, uris[0])
    return logged is not None and not (tombstone is not None and logged.undone_at is not None)
