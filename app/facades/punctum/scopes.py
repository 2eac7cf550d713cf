"""What a limited session needs for an object, by its kind (contracts/punctum.md, 2.3).

Routes for one kind name their scope themselves; this is for those that take any object, and for what needs another
scope than its route does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from app.queries.objects import Kind
from app.queries.scopes import Scope
from app.queries.viewers import Viewer

Needed = Scope | Literal["depends"] | None
DEPENDS: Final = "depends"

# None is for every session.
READING: Final[Mapping[Kind, Scope | None]] = {
    "instance": None,
    "account": "account:read",
    "conference": "conference:read",
    "conference_member": "conference:read",
    "channel": "channel:read",
    "message": "message:read",
    "role": "conference:read",
    "invite": "conference:read",
    "report": "message:moderate",
    "emoji": "conference:read",
}
# None where it depends on what is done, and is asked for there.
WRITING: Final[Mapping[Kind, Scope | None]] = {
    "instance": "instance:modify",
    "account": "account:write",
    "conference": "conference:moderate",
    "conference_member": None,
    "channel": "channel:write",
    "message": "message:write",
    "role": "role:moderate",
    "invite": "invite:create",
    "report": "message:write",
    "emoji": "conference:moderate",
}


def allow(asker: Viewer | None, scope: Scope | None) -> None:
    """A stranger is nobody's client. Raises InsufficientScopeError."""
    if asker is not None and scope is not None:
        asker.require_scope(scope)


def allow_all(viewer: Viewer) -> None:
    """What no limited session may do. Raises InsufficientScopeError."""
    viewer.require_scope(None)


def allow_reading(asker: Viewer | None, kind: Kind) -> None:
    """Raises InsufficientScopeError."""
    allow(asker, READING[kind])


def allow_writing(viewer: Viewer, kind: Kind) -> None:
    """Raises InsufficientScopeError."""
    allow(viewer, WRITING[kind])
