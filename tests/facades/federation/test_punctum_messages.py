"""What instances say over Punctum: messages in channels and conversations, and who may say them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facades.federation.punctum import (
    Pond,
    a_message,
    a_ping,
    a_stash,
    an_account,
    is_error,
    pond,
    subscribed,
)

__all__ = ["pond"]


def test_message_of_a_guest_stands_in_the_channel(pond: Pond) -> None:
    pond.join(pond.peer)

    shown = pond.told(pond.peer, a_message("m1", pond.shore, "zoe", "hello from elsewhere"))
    pond.told(pond.peer, a_message("m1", pond.shore, "zoe", "hello again"))

    assert pond.texts(pond.shore) == ["hello again"]
    assert (shown["remote_domain"], shown["remote_id"]) == (pond.peer.host, "m1")


@pytest.mark.parametrize("author", ["somebody of ours", "somebody of a third instance"])
def test_message_is_told_by_the_instance_of_its_author(pond: Pond, author: str) -> None:
    pond.join(pond.peer)
    pond.join(pond.evil, "eve")
    named = pond.alice.id if author == "somebody of ours" else pond.local_id(pond.peer, "zoe")

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_message("m1", pond.shore, str(named))), 403, 3)


def test_who_is_not_in_the_conference_says_nothing_there(pond: Pond) -> None:
    pond.told(pond.evil, an_account("eve"))

    with pond.stores_nothing():
        answer = pond.tell(pond.evil, a_message("m1", pond.shore, "eve"))

    assert answer.status_code in (403, 404)


def test_guest_says_nothing_in_a_channel_that_is_not_for_them(pond: Pond) -> None:
    pond.join(pond.peer)

    with pond.stores_nothing():
        answer = pond.tell(pond.peer, a_message("m1", pond.secret, "zoe"))

    assert answer.status_code in (403, 404)


def test_message_in_a_home_channel_does_not_come_this_way(pond: Pond) -> None:
    lobby = pond.world.channel("lobby")
    pond.told(pond.peer, an_account())

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_message("m1", lobby, "zoe")), 403, 3)


def test_what_was_deleted_does_not_come_back(pond: Pond) -> None:
    pond.join(pond.peer)
    message = pond.told(pond.peer, a_message("m1", pond.shore, "zoe"))["id"]
    pond.told(pond.peer, a_ping("DELETE", message))

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_message("m1", pond.shore, "zoe", "once more")), 404, 4)

    assert pond.texts(pond.shore) == []


def test_message_that_a_moderator_deleted_does_not_come_back(pond: Pond) -> None:
    pond.join(pond.peer)
    message = pond.told(pond.peer, a_message("m1", pond.shore, "zoe"))["id"]
    assert pond.ask("DELETE", f"/messages/{message}").status_code == 200

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_message("m1", pond.shore, "zoe", "once more")), 404, 4)

    assert pond.texts(pond.shore) == []


# Conversations.


def a_conversation(*members: str) -> dict[str, Any]:
    named = {"channel_type": "direct_message", "name": "x", "members": list(members)}
    return {"type": "object", "object_type": "channel", "id": "dm"} | named


def test_direct_message_reaches_one_of_ours(pond: Pond) -> None:
    pond.told(pond.peer, a_stash(an_account(), a_conversation(pond.bob.id, "zoe")))

    pond.told(pond.peer, a_message("m1", "dm", "zoe", "between us"))

    there = pond.local_id(pond.peer, "dm") or ""
    assert pond.texts(there, by=pond.bob) == ["between us"]
    assert pond.ask("GET", f"/channels/{there}/messages").status_code == 404


def test_nobody_speaks_in_a_conversation_of_others(pond: Pond) -> None:
    pond.told(pond.peer, a_stash(an_account(), a_conversation(pond.bob.id, "zoe")))
    pond.told(pond.evil, an_account("eve"))
    there = pond.local_id(pond.peer, "dm") or ""

    with pond.stores_nothing():
        is_error(pond.tell(pond.evil, a_message("m1", there, "eve")), 404, 9)
        is_error(pond.tell(pond.evil, a_ping("DELETE", there)), 404, 4)
        is_error(subscribed(pond, there, pond.evil), 404, 4)
        is_error(pond.world.get(f"/api/v1/id/{there}", pond.evil, accept="application/json"), 404, 4)
        is_error(pond.tell(pond.evil, a_conversation(pond.bob.id, pond.local_id(pond.peer, "zoe") or "")), 403, 3)
        is_error(pond.tell(pond.evil, a_conversation("eve")), 403, 3)
        is_error(pond.tell(pond.evil, a_conversation(pond.bob.id, pond.alice.id)), 403, 3)


def test_who_is_blocked_says_nothing_to_who_blocks_them(pond: Pond) -> None:
    pond.told(pond.peer, a_stash(an_account(), a_conversation(pond.bob.id, "zoe")))
    assert pond.ask("POST", f"/accounts/{pond.local_id(pond.peer, 'zoe')}/block", by=pond.bob).status_code == 200

    with pond.stores_nothing():
        is_error(pond.tell(pond.peer, a_message("m1", "dm", "zoe")), 403, 3)
