"""What is kept of other instances themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.actions.peers.keeping import Name
from app.db import transaction
from app.ids import new_id
from app.projections import peers


def keep_instance(name: Name, values: Mapping[str, Any]) -> str:
    """As it says itself; its id here, which it gets once. `name.id` is its own `0`, which is no other object's name."""
    now = datetime.now(UTC)
    with transaction() as session:
        known = peers.claim(session, name.domain, name.id, now=now)
        id_ = known.local_id if known is not None else new_id("instance")
        peers.save_instance(session, id_, name.domain, values)
        peers.note_origin(session, id_, name.domain, name.id)
    return id_
