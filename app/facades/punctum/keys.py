"""The keys of each object: which may be given, which never change, and what their values must be (contract, 1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from app.facades.punctum.problems import MissingKeyError, ReadOnlyError, WrongValueError
from app.facades.punctum.values import (
    MAX_LIST,
    TEXT,
    TEXTS,
    TIME,
    Check,
    Schema,
    color,
    dictionary,
    embeds,
    flag,
    many,
    matching,
    number,
    one_of,
    permissions,
    reference,
    references,
    text,
    url,
    urls,
)
from app.queries.objects import Kind

_FLAG: Final[Schema] = {"type": "boolean"}
# `activitypub_id` is for other instances, and `known_ids` is shown to nobody.
IDENTITY: Final[Mapping[str, Schema]] = {
    "id": reference.schema,
    "type": {"const": "object"},
    "object_type": TEXT,
    "remote_domain": TEXT,
    "remote_id": TEXT,
    "activitypub_id": TEXT,
}
_NEVER_CHANGED: Final = ("id", "type", "object_type", "remote_domain", "remote_id", "known_ids")


class Keys(msgspec.Struct, frozen=True):
    """`checks` are of the keys that may be given; `once` of those only at the making; `read_only` are all others that
    an object shows. A `nullable` key is unset by null. Those that every object shows are `always` there."""

    checks: Mapping[str, Check[Any]]
    required: Collection[str] = ()
    once: Collection[str] = ()
    read_only: Mapping[str, Schema] = msgspec.field(default_factory=dict)
    nullable: Collection[str] = ()
    always: Collection[str] = ()

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
        for key in (*_NEVER_CHANGED, *self.read_only, *self.once):
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


_NAME: Final = text(100, least=1)
_TEXT: Final = text(4096)
USERNAME: Final = matching(r"[A-Za-z0-9_-]{1,128}", "1 to 128 letters (A to Z), digits, hyphens and underscores")

INSTANCE: Final = Keys(
    checks={"name": text(255, least=1), "description": text(2000)},
    read_only={"address": TEXT, "server_software": TEXT, "protocol_version": {"const": 1}},
    nullable=("description",),
    always=("name", "address", "server_software", "protocol_version"),
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
        "joined_conferences": dictionary,
        "bot_owner": reference,
    },
    required=("username",),
    read_only={"bot": _FLAG, "friends": TEXTS},
    nullable=("status", "bio", "display_name"),
    always=("username", "display_name", "short_status", "index_user", "bot"),
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
    read_only={"creation_date": TIME, "channels": TEXTS, "members": TEXTS, "roles": TEXTS},
    nullable=("description",),
    always=("name", "icon", "owner", "index_conference", "permissions", "creation_date", "channels"),
)
MEMBER: Final = Keys(
    checks={"nickname": _NAME, "roles": references, "permissions": permissions, "banned": flag},
    read_only={"user_id": TEXT, "parent_conference": TEXT},
    nullable=("nickname", "roles", "permissions", "banned"),
    always=("permissions", "banned"),  # Who is banned is shown with these alone.
)
CHANNEL_TYPES: Final = ("text", "media", "direct_message", "category")
TYPES_HERE: Final = {"text": "text", "media": "voice", "category": "category"}
"""What we call those that a conference has."""
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
    read_only={"members": TEXTS, "icon": TEXT},  # Of direct messages.
    nullable=("description", "permissions", "category"),
    always=("channel_type", "name", "permissions"),
)
# Of direct messages: what of a group whoever is in it may change, and what of no other conversation.
GROUP: Final = Keys(
    checks={"members": references, "name": _NAME, "icon": url},
    required=("members",),
    once=("channel_type",),
    read_only={
        name: CHANNEL.checks[name].shown for name in ("parent_conference", "description", "permissions", "category")
    },
    nullable=("name", "icon"),
)
CONVERSATION: Final = Keys(
    checks={},
    read_only={**GROUP.read_only, **{name: check.shown for name, check in GROUP.checks.items()}},
    once=GROUP.once,
)
MESSAGE: Final = Keys(
    checks={
        "content": text(100_000),
        "parent_channel": reference,
        "attached_files": urls,
        "reply_to": reference,
        "embeds": embeds,
        "pinned": flag,
        "reactions": Check({"type": "array", "maxItems": MAX_LIST, "items": TEXT}, many),
    },
    required=("content", "parent_channel"),
    once=("parent_channel",),
    read_only={"author": TEXT, "post_date": TIME, "edit_date": TIME, "edited": _FLAG, "replies": TEXTS},
    nullable=("attached_files", "reply_to", "embeds", "pinned", "reactions"),
    always=("content", "parent_channel", "author", "post_date", "edited"),
)
INVITE: Final = Keys(
    checks={"name": matching(r"[A-Za-z0-9_-]{1,128}", "1 to 128 letters, digits, hyphens and underscores")},
    read_only={"conference_id": TEXT, "creator": TEXT},
    always=("name", "conference_id", "creator"),
)
ROLE: Final = Keys(
    checks={"name": _NAME, "description": _TEXT, "color": color, "permissions": permissions},
    required=("name",),
    read_only={"parent_conference": TEXT, "members": TEXTS},
    nullable=("description", "color", "permissions"),
    always=("name", "parent_conference"),
)
REPORT: Final = Keys(
    checks={"note": _TEXT},
    once=("note",),
    read_only={"target": TEXT, "creator": TEXT, "submission_date": TIME},
    always=("target", "submission_date"),
)
EMOJI: Final = Keys(
    checks={
        "shortcode": matching(r"[A-Za-z0-9_]{2,64}", "2 to 64 letters (A to Z), digits and underscores"),
        "note": _TEXT,
        "image": url,
    },
    required=("shortcode", "image"),
    read_only={"parent_conference": TEXT},
    nullable=("note",),
    always=("shortcode", "image"),
)
KEYS: Final[Mapping[Kind, Keys]] = {
    "instance": INSTANCE,
    "account": ACCOUNT,
    "conference": CONFERENCE,
    "conference_member": MEMBER,
    "channel": CHANNEL,
    "message": MESSAGE,
    "role": ROLE,
    "invite": INVITE,
    "report": REPORT,
    "emoji": EMOJI,
}
