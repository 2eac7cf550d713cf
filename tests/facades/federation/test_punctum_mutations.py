"""Every key of all that an instance may send, wrong in every way: never an error of ours, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.databases import ON_SQLITE
from tests.facades.federation.punctum import (
    INBOX,
    JOIN,
    Pond,
    a_channel,
    a_conference,
    a_message,
    a_ping,
    a_stash,
    an_account,
    an_instance,
    pond,
)

__all__ = ["pond"]

ABSENT = object()
VALUES: tuple[Any, ...] = (
    *(ABSENT, None, True, -1, 2**53, "", "a b/é\u202e", "0001-01-01T00:00:00+23:59", "n" * 300),
    *([], [{}], ["x"] * 101, {"a": [[]]}),
)


def _objects(pond: Pond) -> Mapping[str, dict[str, Any]]:
    """One of each kind that is taken as it is, with every key that is told of it."""
    ours = {"type": "object", "parent_conference": "marsh"}
    embed = {"embed_title": "t", "embed_type": 1, "embed_image": "https://peer.example/i", "embed": True}
    return {
        "instance": an_instance("peer.example", description="d", remote_domain="peer.example", remote_id="0"),
        "account": an_account(
            display_name="Zoe",
            short_status=1,
            status="here",
            bio="b",
            index_user=True,
            bot=True,
            bot_owner="owner",
            activitypub_id="https://peer.example/x",
            remote_domain="peer.example",
            remote_id="zoe",
        ),
        "conference": a_conference(
            *("marsh", "owner"),
            description="d",
            icon="https://peer.example/i",
            permissions=143,
            index_conference=True,
            creation_date="2026-11-22T00:23:44+00:00",
            channels=["reeds"],
            members=["m"],
            roles=["r"],
        ),
        "channel": a_channel("reeds", "marsh", description="d", permissions=3, category="cat"),
        "conversation": a_channel("dm", "marsh", channel_type="direct_message", members=[pond.bob.id, "owner"]),
        "role": ours | {"object_type": "role", "id": "r", "name": "n", "color": [1, 2, 3], "permissions": 3},
        "member": ours
        | {"object_type": "conference_member", "id": "m", "user_id": "owner", "roles": ["r"], "permissions": 3}
        | {"nickname": "n", "banned": False},
        "invite": {"type": "object", "object_type": "invite", "id": "i", "name": "in", "creator": "owner"}
        | {"conference_id": "marsh"},
        "emoji": ours | {"object_type": "emoji", "id": "e", "shortcode": "duck", "image": "https://peer.example/d"},
        "message": a_message(
            *("m1", "reeds", "owner"),
            edit_date="2026-11-22T00:25:44+00:00",
            edited=True,
            reactions=["thumbs_up"],
            reaction_authors=["owner"],
            attached_files=["https://peer.example/f"],
            reply_to="m0",
            replies=["m2"],
            embeds=[embed],
            pinned=True,
        ),
        "message of ours": a_message("m1", pond.shore, "zoe", remote_domain="chat.example", remote_id=pond.say("hi")),
    }


def _requests(pond: Pond) -> Mapping[str, tuple[str, dict[str, Any]]]:
    said, zoe = pond.say("hello"), str(pond.local_id(pond.peer, "zoe"))
    stash = a_stash(an_account("a"), an_account("b"))
    return {
        **{name: (INBOX, body) for name, body in _objects(pond).items()},
        "stash": (INBOX, stash),
        "JOIN": (INBOX, a_ping("JOIN", pond.invite, zoe)),
        "REACT": (INBOX, a_ping("REACT", said, zoe, reaction="thumbs_up", is_set=True)),
        "BLOCK": (INBOX, a_ping("BLOCK", pond.bob.id, zoe)),
        "REPORT": (INBOX, a_ping("REPORT", said, zoe, note="n")),
        "PATCH": (INBOX, a_ping("PATCH", "marsh", name="n")),
        "DELETE": (INBOX, a_ping("DELETE", "reeds", zoe)),
        "join": (f"{JOIN}/{pond.invite}", {"user_id": zoe}),
    }


def _mutations(body: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for key, inside in body.items():
        for value in VALUES:
            changed = {name: other for name, other in body.items() if name != key}
            yield key, value, changed if value is ABSENT else changed | {key: value}
        if isinstance(inside, dict):
            for inner, value, changed in _mutations(inside):
                yield f"{key}.{inner}", value, body | {key: changed}


@pytest.mark.slow  # Some thousand requests.
@ON_SQLITE
@pytest.mark.parametrize(
    "name",
    [
        *("account", "conference", "channel", "conversation", "role", "member", "invite", "emoji", "message"),
        *("instance", "message of ours", "stash", "JOIN", "REACT", "BLOCK", "REPORT", "PATCH", "DELETE", "join"),
    ],
)
def test_whatever_is_wrong_is_refused_whole(pond: Pond, name: str) -> None:
    pond.join(pond.peer)
    pond.told(pond.peer, a_stash(an_account("owner"), a_conference("marsh", "owner"), a_channel("reeds", "marsh")))
    path, body = _requests(pond)[name]
    before = pond.rows()

    for key, value, mutated in _mutations(body):
        answer = pond.tell(pond.peer, mutated, path)
        assert answer.status_code < 500, (key, str(value)[:80], answer.text)
        after = pond.rows()
        assert answer.status_code < 400 or after == before, (key, str(value)[:80], answer.text)
        before = after
