"""A client of the Punctum protocol, for one person."""

import json
from pathlib import Path
from typing import Any

import urllib3

from .client import ChatClient
from .live import LiveSocket

PASSWORD = "correct horse battery staple"


class PunctumClient:
    """Somebody who has signed up. Every call is answered with what came, whatever its status."""

    def __init__(self, origin: str, username: str, *, ca_file: Path) -> None:
        chat = ChatClient(origin, ca_file=ca_file)
        chat.sign_up(username, PASSWORD)
        self.id = chat.session.user_id
        self._token = chat.session.auth_token
        chat.close()
        self._origin = origin
        self._ca_file = ca_file
        self._http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, timeout=30)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body).encode()
        answer = self._http.request(method, f"{self._origin}/api/v1{path}", body=raw, headers=headers)
        return answer.status, answer.json()

    def do(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer to what has to be done."""
        status, answer = self.call(method, path, body)
        assert status in (200, 201), f"{method} {path}: {status} {answer}"
        return answer

    def close(self) -> None:
        self._http.clear()

    def connect(self) -> LiveSocket:
        """This person's client socket; to be closed by the caller."""
        url = f"{self._origin.replace('https', 'wss', 1)}/api/v1/client/socket?auth_token={self._token}"
        return LiveSocket(url, ca_file=self._ca_file)

    # What people do.

    def meet(self, handle: str) -> str:
        """Writes to somebody elsewhere; the id that they then have here."""
        sent = self.do("POST", "/dms/send", {"peer": handle, "message": "hello"})["result"]
        [other] = set(self.do("GET", f"/channels/{sent['conversation_id']}")["members"]) - {self.id}
        return str(other)

    def joined(self) -> dict[str, str]:
        """Memberships by the conferences they are in."""
        conferences: dict[str, str] = self.do("GET", "/accounts")["joined_conferences"]
        return conferences

    def channel_named(self, conference_id: str, name: str) -> str | None:
        """The id that the channel has here."""
        listed = self.do("GET", f"/conferences/{conference_id}/channels")
        return next((id_ for id_ in listed["id_list"] if listed[id_]["name"] == name), None)

    def messages(self, channel_id: str) -> list[dict[str, Any]]:
        stash = self.do("GET", f"/channels/{channel_id}/messages")
        return [stash[id_] for id_ in stash["id_list"]]

    def texts(self, channel_id: str) -> list[str]:
        return [message["content"] for message in self.messages(channel_id)]

    def say(self, channel_id: str, text: str) -> str:
        return str(self.do("POST", f"/channels/{channel_id}/messages", {"content": text})["id"])
