"""Scopes in words, as people are asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from app.queries.scopes import Scope

WORDS: Final[Mapping[Scope, str]] = {
    "account:read": "See your profile and who is here",
    "account:write": "Change your profile and status, whom you follow, and where you are a member",
    "channel:read": "See your channels",
    "channel:write": "Make, rename and delete channels, where you may",
    "channel:moderate": "Let people into private channels and put them out, where you may",
    "conference:read": "See places with their roles and people, and what people asked you",
    "conference:moderate": "Change places that you look after",
    "conference_member:write_nick": "Change your nickname",
    "conference_member:moderate_nick": "Change other people's nicknames, where you may",
    "conference_member:kick": "Put people out for a while, where you may",
    "conference_member:ban": "Ban people, where you may",
    "message:read": "Read your messages, direct ones too",
    "message:write": "Write messages, react, and delete your own, in your name",
    "message:embed": "Add previews to messages",
    "message:moderate": "Delete other people's messages and read reports, where you may",
    "invite:create": "Invite people",
    "role:moderate": "Change roles, and who has them, where you may",
    "instance:modify": "Look after this server, where you may",
}


def in_words(scopes: Iterable[str]) -> list[str]:
    """In the order of the list above."""
    given = set(scopes)
    return [words for scope, words in WORDS.items() if scope in given]


def choices() -> list[tuple[Scope, str]]:
    return list(WORDS.items())
