"""A Punctum client with a real socket, and the conference that tests have it in."""

from __future__ import annotations

import itertools
from typing import Any

from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat, Heard, Listener

PATH = "/api/v1/client/socket"
_FENCE = "the fence of a test"
_numbers = itertools.count(1)


class Client(Listener):
    """Its requests are numbered, so that an answer is told from what else it hears."""

    def __init__(self, port: int, headers: dict[str, str] | None = None, *, path: str = PATH) -> None:
        super().__init__(port, path, headers=headers)

    def request(self, method: str, target: str | None = None, data: Any = None, **more: Any) -> int:
        """The number of the request, which is not waited for."""
        number = next(_numbers)
        ping = {"type": "ping", "ping_type": "client_request", "request_method": method, "request_id": number}
        if target is not None:
            ping["request_target_id"] = target
        if data is not None:
            ping["request_data"] = data
        self.say(ping | more)
        return number

    def ask(self, method: str, target: str | None = None, data: Any = None, **more: Any) -> Heard:
        """The answer, without the number. What is told before it is still news: either may be the first."""
        number = self.request(method, target, data, **more)
        began = self._waiting
        answer = self.wait_for(request_id=number)
        self.heard.remove(answer)
        self._waiting = began
        return {key: value for key, value in answer.items() if key != "request_id"}

    def pass_over(self) -> None:
        """Whatever was heard until now."""
        self._waiting = len(self.heard)

    def news(self, chat: Chat) -> list[Heard]:
        """What was told since it was asked last: a message in the lobby comes after it, and is no part of it."""
        text = f"{_FENCE} {next(_numbers)}"
        chat.send(chat.owner, chat.lobby, text)
        return [one for one in self.until("object", content=text) if _FENCE not in str(one.get("content"))]


class Conference:
    """Of somebody's, with a text channel, and an invite that has let these people in."""

    def __init__(self, chat: Chat, owner: Person, *members: Person) -> None:
        self._chat, self.owner = chat, owner
        self.id = str(chat.call("POST", "/api/v1/conferences", owner, name="Pond")["id"])
        self.path = f"/api/v1/conferences/{self.id}"
        self.channel = self.make_channel("reeds")
        self.invite = str(chat.call("POST", f"{self.path}/invites", owner)["id"])
        for person in members:
            self.let_in(person)

    def let_in(self, person: Person) -> None:
        self._chat.call("POST", f"/api/v1/invites/{self.invite}/join", person)

    def make_channel(self, name: str, **more: Any) -> str:
        return str(self._chat.call("POST", f"{self.path}/channels", self.owner, name=name, **more)["id"])

    def make_role(self, name: str, permissions: int) -> str:
        role = self._chat.call("POST", f"{self.path}/roles", self.owner, name=name, permissions=permissions)
        return str(role["id"])

    def member(self, person: Person) -> str:
        return str(self._chat.call("GET", f"{self.path}/members/{person.id}", self.owner)["id"])

    def change_member(self, person: Person, **changes: Any) -> None:
        self._chat.call("PATCH", f"{self.path}/members/{person.id}", self.owner, **changes)

    def say(self, person: Person, text: str, *, channel: str | None = None) -> str:
        path = f"/api/v1/channels/{channel or self.channel}/messages"
        return str(self._chat.call("POST", path, person, content=text)["id"])


def deletion(id: str) -> dict[str, str]:
    return {"type": "ping", "ping_type": "client_request", "request_method": "DELETE", "request_target_id": id}


def ids(news: list[Heard]) -> list[str]:
    """Of what was told, each object of a stash for itself, and deletions with a minus."""
    told: list[str] = []
    for one in news:
        if one["type"] == "stash":
            told += one["id_list"]
        elif one["type"] == "ping":
            told.append("-" + one["request_target_id"])
        else:
            told.append(one["id"])
    return told


def code(answer: Heard) -> tuple[str, int]:
    return answer["ping_type"], answer["error_code"]
