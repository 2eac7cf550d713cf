"""What must have happened before a case, by the words the cases use, and the sequences that they name."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import select

from app.models import Follow
from tests.hostile.arena import ORIGIN, Arena
from tests.hostile.cases import Json, expand
from tests.hostile.keys import actor_document
from tests.hostile.signing import Recipe

_GOOD: Final = "https://good.test"
_EVIL: Final = "https://evil.test"


def prepare(arena: Arena, case: Mapping[str, Any]) -> bool:
    """Carry out the case's `setup` and the activities of its `before`; whether there was anything to do.

    What goes on during the attack is `tests.hostile.scripts`.
    """
    has_setup = case.get("setup") in SETUPS
    if has_setup:
        SETUPS[case["setup"]](arena)
    for step in case.get("before", ()):
        answer = arena.post_activity(expand(step["body"], arena.words), key=step.get("key", "evil:mallory"))
        assert answer.status == 202, f"before the case: {answer.status} {answer.body!r}"
        arena.settle()
    return has_setup or "before" in case


def direct_note(arena: Arena, uri: str, author: str, text: str = "hi", **fields: Any) -> Json:
    """A Create of a direct message to alice, as most servers write it."""
    alice = f"{ORIGIN}/ap/users/{arena.words['alice_id']}"
    note = {
        "id": uri,
        "type": "Note",
        "attributedTo": author,
        "content": text,
        "to": [alice],
        "tag": [{"type": "Mention", "href": alice, "name": "@alice"}],
    }
    return {"id": f"{uri}#create", "type": "Create", "actor": author, "to": [alice], "object": {**note, **fields}}


def _note_by_victim(name: str) -> Callable[[Arena], None]:
    def send(arena: Arena) -> None:
        uri = f"{_GOOD}/n/{name}"
        if arena.find_message(uri) is None:
            arena.post_activity(direct_note(arena, uri, f"{_GOOD}/u/victim"), key="good:victim")
            arena.settle()
        message = arena.find_message(uri)
        assert message is not None, "the victim's message was not stored"
        arena.words |= {"msg_of_good_user": message.id, "good_user_remote_id": message.author_id}

    return send


def _victim_follows_alice(arena: Arena) -> None:
    follow = {
        "id": f"{_GOOD}/follow/1",
        "type": "Follow",
        "actor": f"{_GOOD}/u/victim",
        "object": f"{ORIGIN}/ap/users/{arena.words['alice_id']}",
    }
    arena.post_activity(follow, key="good:victim")
    arena.settle()
    assert _follows(arena, follow["id"]), "the victim's Follow was not stored"


def _alice_asks_victim(arena: Arena) -> None:
    """A remote that does not answer leaves the Follow pending."""
    if "pending_id" in arena.words:
        return
    answer = arena.api("POST", "/api/v1/federation/follow", {"remote_handle": f"{_GOOD}/u/victim"}, who="alice")
    arena.words["pending_follow"] = answer["result"]["activity_id"]
    arena.words["pending_id"] = arena.words["pending_follow"].rpartition("/")[2]


def _bob_joins_club(arena: Arena) -> None:
    """A channel of another server that lets him in."""
    club = f"{_EVIL}/u/club"
    described = {**(actor_document(club) or {}), "type": "Group"}
    arena.remote.script({club: described})
    answer = arena.api("POST", "/api/v1/federation/follow", {"remote_handle": club}, who="bob")
    follow = {
        "id": answer["result"]["activity_id"],
        "type": "Follow",
        "actor": f"{ORIGIN}/ap/users/{arena.words['bob_id']}",
        "object": club,
    }
    arena.post_activity(
        {"id": f"{follow['id']}".replace(ORIGIN, _EVIL), "type": "Accept", "actor": club, "object": follow},
        key="evil:club",
    )
    arena.settle()
    assert _follows(arena, follow["id"]), "bob does not follow the club"


def _evil_speaks_punctum(arena: Arena) -> None:
    """Its instance is believed to be one, and there is a message of good:victim's."""
    _note_by_victim("1")(arena)
    asked = f"/api/v1/federation/unsubscribe/{arena.words['alice_id']}"
    comment = json.dumps({"...": secrets.token_hex(8)}).encode()  # The same bytes once more are a replay.
    signed, headers = Recipe.of({"key": "evil:instance"}), {"Content-Type": "application/json"}
    answer = arena.send("POST", asked, headers=headers, body=comment, recipe=signed)
    assert answer.status == 200, f"evil's instance was not met: {answer.status} {answer.body!r}"


def _follows(arena: Arena, uri: str) -> bool:
    with arena.engine.connect() as connection:
        return connection.execute(select(Follow.id).where(Follow.activity_uri == uri)).first() is not None


BLOCKED: Final = "domain block evil.test severity=suspend"

SETUPS: Final[Mapping[str, Callable[[Arena], None]]] = {
    "good:victim message n/1 already received": _note_by_victim("1"),
    "good:victim n/1 received": _note_by_victim("1"),
    "good:victim sent n/private to alice only": _note_by_victim("private"),
    "good:victim follows alice": _victim_follows_alice,
    "alice has a pending Follow to good:victim": _alice_asks_victim,
    "bob is in evil:club": _bob_joins_club,
    "good:victim n/1 received; evil speaks Punctum": _evil_speaks_punctum,
    BLOCKED: lambda _arena: None,  # From the start.
}


def sequence(arena: Arena, steps: list[str], body: Json) -> list[bytes]:
    """The requests of a named sequence, signed, to be sent in order; every answer is one to the case."""
    made = _SEQUENCES[tuple(steps)](arena, body)
    raws = [arena.signed_post(activity) for activity in made]
    return [*raws, raws[0]] if steps[-1].startswith("replay") else raws


def _follow_and_undo(_: Arena, follow: Json) -> list[Json]:
    undo = {"id": f"{follow['id']}/undo", "type": "Undo", "actor": follow["actor"], "object": follow}
    return [follow, undo]


def _delete_then_create(_: Arena, create: Json) -> list[Json]:
    note = create["object"]
    delete = {"id": f"{create['id']}/delete", "type": "Delete", "actor": create["actor"], "object": note["id"]}
    return [delete, create]


def _stale_update(arena: Arena, update: Json) -> list[Json]:
    old = {**update["object"], "attributedTo": update["actor"]}
    create = direct_note(arena, old["id"], update["actor"], "first", published="2023-01-01T00:00:00Z")
    alike = create["object"]
    newer = {**alike, "content": "the text of T2", "updated": "2025-01-01T00:00:00Z"}
    older = {**alike, **old}
    return [
        create,
        {**update, "id": f"{update['id']}/2", "object": newer},
        {**update, "id": f"{update['id']}/1", "object": older},
    ]


_SEQUENCES: Final[Mapping[tuple[str, ...], Callable[[Arena, Json], list[Json]]]] = {
    ("Follow F1", "Undo F1", "replay raw bytes of Follow F1"): _follow_and_undo,
    ("Delete n/5", "Create n/5"): _delete_then_create,
    ("Create", "Update T2", "Update T1"): _stale_update,
}


def direct_texts(arena: Arena, peer: str) -> list[str]:
    """What alice reads in her conversation with somebody elsewhere."""
    query = f"/api/v1/dms/messages?peer={peer}&messages_per_page=50"
    answer = arena.api("GET", query, who="alice")
    return [json.dumps(message) for message in answer["messages"]]
