"""Direct messages as channels: conversations of two, and groups (contracts/punctum.md, 1.5 and H-10)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from app.actions.conversations import open_conversation
from app.errors import ForbiddenError
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import at_once, do, make, refer, show_if_readable, show_made, shown_before
from app.facades.punctum.keys import CONVERSATION, GROUP
from app.pipeline import compose
from app.queries.objects import Found, FoundConversation
from app.queries.punctum.shown import Known, Shown
from app.queries.viewers import Viewer
from app.settings import current

_COLUMNS: Final = {"icon": "icon_url"}


def create(viewer: Viewer, data: Data) -> Shown:
    """With one other person the conversation that there is, and else a new group."""
    given = GROUP.of_new(data)
    others = [id_ for id_ in _accounts(viewer, given.pop("members")) if id_ != viewer.actor_id]
    if len(others) > 1:
        return show_made(viewer, make(compose.group(viewer, others, _values(given))))
    opened = open_conversation(viewer, others[0] if others else viewer.actor_id)
    shown = show_made(viewer, opened)
    return Known(shown) if opened.is_repeat else shown


def change(ask: Ask, found: Found) -> Shown:
    """Raises ReadOnlyError for what is not a group: who is in it makes it what it is, and gives it its name."""
    viewer, conversation = ask.viewer, found.value
    before = shown_before(ask, found)
    if conversation.uri is None:
        CONVERSATION.of_change(ask.data(), before)
        return before
    changes = GROUP.of_change(ask.data(), before)
    members = changes.pop("members", conversation.people)
    added, is_leaving = _compare(viewer, conversation, members)
    with at_once():
        for actor_id in added:
            do(compose.group_addition(viewer, conversation.uri, actor_id))
        if changes:
            do(compose.group_update(viewer, conversation.uri, _values(changes)))
        if is_leaving:
            do(compose.group_leaving(viewer, conversation.uri))
    return show_if_readable(viewer, found.id)


def _compare(viewer: Viewer, conversation: FoundConversation, members: Sequence[str]) -> tuple[Collection[str], bool]:
    """Who is to be added, and whether the viewer leaves. Raises ForbiddenError for whoever puts out somebody else."""
    gone = set(conversation.people) - set(members)
    if gone - {viewer.actor_id}:
        raise ForbiddenError("Whoever is in a conversation leaves it by themselves.")
    return _accounts(viewer, [id_ for id_ in members if id_ not in conversation.people]), bool(gone)


def _accounts(viewer: Viewer, ids: Sequence[str]) -> list[str]:
    """Each once. Raises UnknownReferenceError, WrongReferenceError."""
    return [refer(viewer, "members", id_, {"account"}).id for id_ in dict.fromkeys(ids)]


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """By the names of the columns; a path is one of ours, as uploading answers."""
    values = {_COLUMNS.get(key, key): value for key, value in given.items()}
    icon_url = values.get("icon_url")
    if icon_url is not None and icon_url.startswith("/"):
        values["icon_url"] = current().origin + icon_url
    return values
