"""Scopes: what a limited session may do, in the words of Punctum (contracts/punctum.md, 2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

Scope = Literal[
    "account:read",
    "account:write",
    "channel:moderate",
    "channel:read",
    "channel:write",
    "conference:moderate",
    "conference:read",
    "conference_member:ban",
    "conference_member:kick",
    "conference_member:moderate_nick",
    "conference_member:write_nick",
    "instance:modify",
    "invite:create",
    "message:embed",
    "message:moderate",
    "message:read",
    "message:write",
    "role:moderate",
]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
# Two names of one thing.
_SYNONYMS: Final[Mapping[str, str]] = {"account:modify": "account:write"}
# PufferBlow's nodes have scopes of their own, which are wider.
_OF_NODES: Final[Mapping[str, frozenset[str]]] = {
    "chat:read": frozenset({"account:read", "channel:read", "message:read"}),
    "chat:write": frozenset({"message:write"}),
}
NODE_SCOPES: Final = tuple(_OF_NODES)


def spell(scopes: Iterable[str]) -> frozenset[str]:
    """Each under its first name; unknown ones stay what they are."""
    return frozenset(_SYNONYMS.get(scope, scope) for scope in scopes)


def scopes_of_node(granted: Iterable[str]) -> frozenset[str]:
    """What a node's session may do."""
    return frozenset[str]().union(*(_OF_NODES.get(scope, frozenset()) for scope in granted))
