"""A conference on a running server, and schemathesis told of what is in it: made-up ids are a 404 at best."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from app.facades.punctum import ROUTES
from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat

PREFIX = "/api/v1"
OFTEN = 0.8
# What each key names that refers to something, by the collection that has it.
REFERENCES = {
    "parent_conference": "conferences",
    "conference_id": "conferences",
    "parent_channel": "channels",
    "category": "channels",
    "target": "messages",
    "reply_to": "messages",
    "user_id": "accounts",
    "bot_owner": "accounts",
    "members[*]": "accounts",
    "blocklist[*]": "accounts",
    "roles[*]": "roles",
    "id_list[*]": "messages",
}
Things = dict[str, str]


def write_config(chat: Chat, owner: Person, file: Path) -> None:
    """Paths name what is there, but for a DELETE: all of it is to be there to the end."""
    things = _found(chat, owner)
    lines = ["[parameters]", *(f'"body.{key}" = {_often(name)}' for key, name in REFERENCES.items())]
    lines.append(f'"query.before_message" = {_often("messages")}')
    for name in set(REFERENCES.values()):
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps([things[name]])}"]
    made_up = "{ extra-data-sources = { responses = false } }"
    lines += ["[[operations]]", "include-method = 'DELETE'"]
    lines.append(f"phases = {{ coverage = {made_up}, fuzzing = {made_up} }}")
    for route in ROUTES:
        if "{" in route.path and route.method != "DELETE":
            named = _named(route.path, things)
            lines += ["[[operations]]", f"include-name = '{route.method} {PREFIX}{route.path}'"]
            lines.append(f"parameters = {{ {', '.join(named)} }}")
    file.write_text("\n".join(lines))


def _often(name: str) -> str:
    return f'{{ dictionary = "{name}", probability = {OFTEN} }}'


def _named(path: str, things: Things) -> list[str]:
    """The collection before a parameter says what it names."""
    places = re.findall(r"/([a-z]+(?:/by-[a-z]+)?)/\{(\w+)\}", path)
    return [f'"path.{name}" = {json.dumps(things[collection])}' for collection, name in places if collection in things]


def _found(chat: Chat, owner: Person) -> Things:
    member = chat.sign_up("member")

    def make(path: str, /, **body: Any) -> str:
        return str(chat.call("POST", PREFIX + path, owner, **body)["id"])

    conference = make("/conferences", name="Pond")
    inside = f"/conferences/{conference}"
    invite = make(f"{inside}/invites", name="come-in")
    chat.call("POST", f"{PREFIX}/invites/{invite}/join", member)
    channel = make(f"{inside}/channels", name="reeds")
    message = make(f"/channels/{channel}/messages", content="ahoy")
    return {
        "id": message,
        "ids": message,
        "accounts": make("/accounts", username="croak"),
        "accounts/by-name": "croak",
        "conferences": conference,
        "members": member.id,
        "invites": invite,
        "invites/by-name": "come-in",
        "channels": channel,
        "messages": message,
        "messages/by-time": "5",
        "roles": make(f"{inside}/roles", name="helpers", permissions=1),
        "emoji": make(f"{inside}/emoji", shortcode="newt", image="https://pond.example/newt.png"),
        "reports": make(f"/messages/{message}/report", note="wet"),
    }
