"""What each type of activity means: whether it may happen, and what it changes.

An effect never calls the pipeline; it returns the activities that answer it. A type without an effect is dropped.
"""

from __future__ import annotations

from typing import Protocol

from activitypub.documents import Activity
from app.act import Act
from app.effects import (
    accept,
    add,
    announce,
    block,
    create,
    delete,
    flag,
    follow,
    invite,
    join,
    leave,
    like,
    reject,
    remove,
    undo,
    update,
)


class Effect(Protocol):
    """A module of this package."""

    def authorise(self, act: Act) -> None:
        """Raise AppError where the actor may not do this; also settle the act's scope and audience."""

    def apply(self, act: Act) -> list[Activity]:
        """Change what the activity changes; returns the activities of our own actors that answer it."""


EFFECTS: dict[str, Effect] = {
    "Accept": accept,
    "Add": add,
    "Announce": announce,
    "Block": block,
    "Create": create,
    "Delete": delete,
    "EmojiReact": like,
    "Flag": flag,
    "Follow": follow,
    "Invite": invite,
    "Join": join,
    "Leave": leave,
    "Like": like,
    "Reject": reject,
    "Remove": remove,
    "Undo": undo,
    "Update": update,
}
