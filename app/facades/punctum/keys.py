"""The keys of each object: which may be given, which never change, and what their values must be (contract, 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from activitypub.embeds import MAX_CARRIED, MAX_COLOR, MAX_DESCRIPTION, MAX_EMBEDS, MAX_TITLE
from app.facades.punctum.problems import MissingKeyError, ReadOnlyError, TooManyError, WrongValueError
from app.queries.bits import ALL

MAX_LIST: Final = 100
# What a message carries: a page has a hundred of them, and each socket is sent each. MAX_CARRIED is the characters of
# all its embeds, or of all addresses of its files.
MAX_FILES: Final = 20
_COLOR = re.compile(r"\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")
_IDENTITY: Final = frozenset({"id", "type", "object_type", "remote_domain", "remote_id", "known_ids"})

Check = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """`checks` are of the keys that may be given; `once` of those only at the making; `read_only` are all others that
    an object shows. A `nullable` key is unset by null."""

    checks: Mapping[str, Check]
    required: Collection[str] = ()
    once: Collection[str] = ()
    read_only: Collection[str] = ()
    nullable: Collection[str] = ()

    def of_new(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is made of; what the server decides itself is passed over. Raises MissingKeyError, WrongValueError."""
        for key in self.required:
            if data.get(key) is None:
                raise MissingKeyError(key)
        return {key: check(key, data[key]) for key, check in self.checks.items() if data.get(key) is not None}

    def of_change(self, data: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
        """What changes of an object that is `shown` as it is; what comes back as it was shown does not.

        Raises ReadOnlyError, WrongValueError.
        """
        for key in (*_IDENTITY, *self.read_only, *self.once):
            if key in data and data[key] != shown.get(key):
                raise ReadOnlyError(key)
        changed: dict[str, Any] = {}
        for key, check in self.checks.items():
            if key not in data or key in self.once:
                continue
            if data[key] is None:
                if key not in self.nullable:
                    raise WrongValueError(key, "not null")
                changed[key] = None
            else:
                changed[key] = check(key, data[key])
        return {key: value for key, value in changed.items() if not _is_same(value, shown.get(key))}


def _is_same(value: Any, shown: Any) -> bool:
    """What is empty is not shown. The number 0 is not empty: it is all that a member may do."""
    return bool(value == shown) or (_is_empty(value) and _is_empty(shown))


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [])


def text(most: int, *, least: int = 0) -> Check:
    def check(key: str, value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise WrongValueError(key, f"a text of {least} to {most} characters")
        return value

    return check


def matching(pattern: str, said: str) -> Check:
    compiled = re.compile(pattern)

    def check(key: str, value: Any) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise WrongValueError(key, said)
        return value

    return check


def flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError(key, "true or false")
    return value


def number(low: int, high: int) -> Check:
    def check(key: str, value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise WrongValueError(key, f"a number from {low} to {high}")
        return value

    return check


permissions = number(0, ALL)


def one_of(*values: str) -> Check:
    def check(key: str, value: Any) -> str:
        if value not in values or not isinstance(value, str):
            raise WrongValueError(key, f"one of {', '.join(values)}")
        return value

    return check


def url(key: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 2048 or not re.match(r"(https?://[^\s/]+|/)[^\s]*\Z", value):
        raise WrongValueError(key, "a URL")
    return value


def reference(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise WrongValueError(key, "an ID")
    return value


def references(key: str, value: Any) -> list[str]:
    return [reference(key, one) for one in many(key, value)]


def urls(key: str, value: Any) -> list[str]:
    listed = [url(key, one) for one in many(key, value, most=MAX_FILES)]
    _check_carried(key, sum(map(len, listed)))
    return listed


def many(key: str, value: Any, *, most: int = MAX_LIST) -> list[Any]:
    """Raises WrongValueError, TooManyError."""
    if not isinstance(value, list):
        raise WrongValueError(key, "a list")
    if len(value) > most:
        raise TooManyError(key, most)
    return value


def _check_carried(key: str, characters: int) -> None:
    if characters > MAX_CARRIED:
        raise WrongValueError(key, f"{MAX_CARRIED} characters at most in all")


def color(key: str, value: Any) -> list[int]:
    if isinstance(value, str) and (match := _COLOR.fullmatch(value)):
        value = [int(part) for part in match.groups()]
    if not isinstance(value, list) or len(value) != 3:
        raise WrongValueError(key, "three numbers from 0 to 255")
    return [number(0, 255)(key, part) for part in value]


def embeds(key: str, value: Any) -> list[dict[str, Any]]:
    listed = [_embed(key, one) for one in many(key, value, most=MAX_EMBEDS)]
    _check_carried(key, sum(len(text) for one in listed for text in one.values() if isinstance(text, str)))
    return listed


def _embed(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(key, "a list of objects")
    if value.get("embed_type") not in (1, 2) or isinstance(value.get("embed_type"), bool):
        raise WrongValueError(f"{key}.embed_type", "1 or 2")
    checks: dict[str, Check] = {
        "embed": flag,
        "embed_title": text(MAX_TITLE, least=1),
        "embed_description": text(MAX_DESCRIPTION),
        "embed_color": text(MAX_COLOR),
        "embed_image": url,
    }
    if "embed_title" not in value:
        raise MissingKeyError(f"{key}.embed_title")
    return {name: check(f"{key}.{name}", value[name]) for name, check in checks.items() if name in value} | {
        "embed_type": value["embed_type"]
    }


_NAME = text(100, least=1)
_TEXT = text(4096)
USERNAME: Final = matching(r"[A-Za-z0-9_-]{1,128}", "1 to 128 letters (A to Z), digits, hyphens and underscores")

INSTANCE: Final = Keys(
    checks={"name": text(255, least=1), "description": text(2000)},
    read_only=("address", "server_software", "protocol_version"),
    nullable=("description",),
)
# What others say of themselves.
OTHER_INSTANCE: Final = Keys(
    checks={
        **INSTANCE.checks,
        "address": text(255, least=1),
        "server_software": text(255, least=1),
        "protocol_version": number(1, 1),
    },
    required=("address", "server_software", "protocol_version", "name"),
)
ACCOUNT: Final = Keys(
    checks={
        "username": USERNAME,
        "display_name": text(255, least=1),
        "short_status": number(0, 3),
        "status": text(500),
        "bio": text(2000),
        "index_user": flag,
        "blocklist": references,
        "joined_conferences": lambda _key, value: value,
        "bot_owner": reference,
    },
    required=("username",),
    read_only=("bot", "friends"),
    nullable=("status", "bio", "display_name"),
)
CONFERENCE: Final = Keys(
    checks={
        "name": _NAME,
        "description": _TEXT,
        "icon": url,
        "owner": reference,
        "index_conference": flag,
        "permissions": permissions,
    },
    required=("name",),
    read_only=("creation_date", "channels", "members", "roles"),
    nullable=("description",),
)
MEMBER: Final = Keys(
    checks={"nickname": _NAME, "roles": references, "permissions": permissions, "banned": flag},
    read_only=("user_id", "parent_conference"),
    nullable=("nickname", "roles", "permissions", "banned"),
)
CHANNEL_TYPES: Final = ("text", "media", "direct_message", "category")
CHANNEL: Final = Keys(
    checks={
        "channel_type": one_of(*CHANNEL_TYPES),
        "parent_conference": reference,
        "name": _NAME,
        "description": _TEXT,
        "permissions": permissions,
        "category": reference,
    },
    once=("channel_type",),
    nullable=("description", "permissions", "category"),
)
# Of direct messages: what of a group whoever is in it may change, and what of no other conversation.
GROUP: Final = Keys(
    checks={"members": references, "name": _NAME, "icon": url},
    required=("members",),
    once=("channel_type",),
    read_only=("parent_conference", "description", "permissions", "category"),
    nullable=("name", "icon"),
)
CONVERSATION: Final = Keys(checks={}, read_only=(*GROUP.checks, *GROUP.once, *GROUP.read_only))
MESSAGE: Final = Keys(
    checks={
        "content": text(100_000),
        "parent_channel": reference,
        "attached_files": urls,
        "reply_to": reference,
        "embeds": embeds,
        "pinned": flag,
        "reactions": many,
    },
    required=("content", "parent_channel"),
    once=("parent_channel",),
    read_only=("author", "post_date", "edit_date", "edited", "replies"),
    nullable=("attached_files", "reply_to", "embeds", "pinned", "reactions"),
)
INVITE: Final = Keys(
    checks={"name": matching(r"[A-Za-z0-9_-]{1,128}", "1 to 128 letters, digits, hyphens and underscores")},
    read_only=("conference_id", "creator"),
)
ROLE: Final = Keys(
    checks={"name": _NAME, "description": _TEXT, "color": color, "permissions": permissions},
    required=("name",),
    read_only=("parent_conference", "members"),
    nullable=("description", "color", "permissions"),
)
REPORT: Final = Keys(checks={"note": _TEXT}, once=("note",), read_only=("target", "creator", "submission_date"))
EMOJI: Final = Keys(
    checks={
        "shortcode": matching(r"[A-Za-z0-9_]{2,64}", "2 to 64 letters (A to Z), digits and underscores"),
        "note": _TEXT,
        "image": url,
    },
    required=("shortcode", "image"),
    read_only=("parent_conference",),
    nullable=("note",),
)
