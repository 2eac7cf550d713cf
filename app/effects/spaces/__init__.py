"""What is made, changed and deleted of spaces beside the home space, by the bits that members hold there, and of
groups of direct messages.

Only people of ours do any of it here; what another server's space does, it says itself.
"""

from __future__ import annotations

from typing import Protocol

from app.act import Act
from app.effects.spaces import channel, conversation, emoji, invite, member, role, space
from app.queries.channels import find_channel
from app.queries.spaces import find_role, find_space


class Handler(Protocol):
    """A module of this package, for one kind of thing."""

    def authorise_making(self, act: Act) -> None: ...

    def make(self, act: Act) -> None: ...

    def authorise_change(self, act: Act) -> None: ...

    def change(self, act: Act) -> None: ...

    def authorise_deletion(self, act: Act) -> None: ...

    def delete(self, act: Act) -> None: ...


_ALWAYS: dict[str, Handler] = {"emoji": emoji, "invites": invite, "members": member}


def handler_of(act: Act) -> Handler | None:
    """Who handles a Create, an Update or a Delete, if its object is of a space with bits, or is such a space or a
    group."""
    uri = act.activity.object_id
    if act.is_local and conversation.is_about_group(act, uri):
        return conversation
    kind, id_ = act.uris.kind_of(uri), act.uris.local_id(uri or "")
    if not act.is_local or kind is None or id_ is None:
        return None
    match kind:
        case "spaces" if act.activity.type == "Create" or _is_with_bits(act, id_):
            return space
        case "channels" if "space_id" in act.private or _has_bits(act, id_):
            return channel
        case "roles" if "space_id" in act.private or _is_role_with_bits(act, id_):
            return role
        case _:
            return _ALWAYS.get(kind)


def _is_with_bits(act: Act, space_id: str) -> bool:
    found = find_space(act.session, space_id)
    return found is not None and not found.is_home


def _has_bits(act: Act, channel_id: str) -> bool:
    found = find_channel(act.session, channel_id)
    return found is not None and found.has_bits


def _is_role_with_bits(act: Act, role_id: str) -> bool:
    found = find_role(act.session, role_id)
    return found is not None and _is_with_bits(act, found.space_id)
