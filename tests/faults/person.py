"""A person's client that never raises for what a fault does: each request is answered, or its fate is unknown."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.faults.history import Result

REQUEST_SECONDS = 15.0
PASSWORD = "correct horse battery staple"
TOKEN_SECONDS = 300.0  # They are good for 900.

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` is 0 where no answer came; `retry_after` is in seconds, 0 where nothing was said of it."""

    status: int
    document: Document
    retry_after: int = 0

    @property
    def result(self) -> Result:
        """As docs promise it: a refusal stored nothing, and whatever has no answer or a 5xx may have."""
        if 200 <= self.status < 300:
            return "ok"
        return "fail" if 400 <= self.status < 500 else "unknown"


class Person:
    """One account, spoken for over the server's own port, where no fault of the federation's links reaches it."""

    def __init__(self, host: str, port: int, username: str) -> None:
        self.host = host
        self.username = username
        self._base = f"http://127.0.0.1:{port}"
        self._http = urllib3.PoolManager(retries=False, timeout=REQUEST_SECONDS, maxsize=4)
        self._token = ""
        self._signed_in_at = 0.0

    @property
    def handle(self) -> str:
        return f"{self.username}@{self.host}"

    def sign_up(self) -> None:
        self._keep_token(self.must("POST", "/api/v1/users/signup", self._credentials()))

    @property
    def token(self) -> str:
        """A token that is good for minutes, or what is left of the last one while nobody can sign in."""
        if self._token and time.monotonic() - self._signed_in_at > TOKEN_SECONDS:
            self._signed_in_at = time.monotonic()  # Not by every thread at once, and not by this very request.
            reply = self.request("POST", "/api/v1/users/signin", self._credentials())
            if reply.result == "ok":
                self._keep_token(reply.document)
            else:
                self._signed_in_at -= TOKEN_SECONDS
        return self._token

    def sign_in(self) -> None:
        """Anew, as whoever is told that a token has expired does."""
        self._keep_token(self.must("POST", "/api/v1/users/signin", self._credentials()))

    def _credentials(self) -> Document:
        return {"username": self.username, "password": PASSWORD}

    def _keep_token(self, answer: Document) -> None:
        self._token = answer["auth_token"]
        self._signed_in_at = time.monotonic()

    def create_channel(self, name: str, *, is_private: bool = False) -> str:
        body = {"channel_name": name, "is_private": is_private}
        return str(self.must("POST", "/api/v1/channels/create/", body)["channel_data"]["channel_id"])

    def channels(self) -> dict[str, str]:
        """Name, as its home has it, to id here."""
        listed = self.must("POST", "/api/v1/channels/list/", {})["channels"]
        return {str(item["channel_name"]).lstrip("#").partition("@")[0]: str(item["channel_id"]) for item in listed}

    def follow(self, handle: str) -> None:
        self.must("POST", "/api/v1/federation/follow", {"remote_handle": handle})

    def send(self, channel_id: str, text: str, key: str) -> Reply:
        return self.request("POST", f"/api/v1/channels/{channel_id}/send_message", {"message": text}, key=key)

    def send_directly(self, peer: str, text: str, key: str) -> Reply:
        return self.request("POST", "/api/v1/dms/send", {"peer": peer, "message": text}, key=key)

    def edit(self, channel_id: str, message_id: str, text: str) -> Reply:
        return self.request("PUT", f"/api/v1/channels/{channel_id}/messages/{message_id}", {"message": text})

    def delete(self, channel_id: str, message_id: str) -> Reply:
        query = urlencode({"message_id": message_id})
        return self.request("DELETE", f"/api/v1/channels/{channel_id}/delete_message?{query}")

    def page(self, channel_id: str, number: int = 1) -> Reply:
        query = urlencode({"page": number, "messages_per_page": 50})
        return self.request("GET", f"/api/v1/channels/{channel_id}/load_messages?{query}")

    def history(self, channel_id: str) -> list[Document]:
        """All messages of a channel, oldest first. Raises RuntimeError unless every page is given."""
        return _all(lambda number: self.page(channel_id, number))

    def conversation(self, peer: str) -> list[Document]:
        """All messages with that person, oldest first; none where the person is not known yet.

        Raises RuntimeError unless every page is given.
        """
        if self.conversation_page(peer).status == 404:
            return []
        return _all(lambda number: self.conversation_page(peer, number))

    def conversation_page(self, peer: str, number: int = 1) -> Reply:
        query = urlencode({"peer": peer, "page": number, "messages_per_page": 50})
        return self.request("GET", f"/api/v1/dms/messages?{query}")

    def must(self, method: str, path: str, body: Document) -> Document:
        reply = self.request(method, path, body)
        if reply.result != "ok":
            raise RuntimeError(f"{method} {path}: {reply}")
        return reply.document

    def request(self, method: str, path: str, body: Document | None = None, *, key: str | None = None) -> Reply:
        headers = {"Host": self.host, "Content-Type": "application/json", "X-Forwarded-Proto": "https"}
        if token := self.token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = key
        try:
            answer = self._http.request(
                method, self._base + path, body=None if body is None else json.dumps(body), headers=headers
            )
            if answer.status == 401:
                self._signed_in_at -= TOKEN_SECONDS  # Before the next request there is to be another token.
            return Reply(answer.status, json.loads(answer.data), int(answer.headers.get("Retry-After", 0)))
        except urllib3.exceptions.HTTPError as error:
            return Reply(0, {"detail": repr(error)})
        except ValueError:
            return Reply(0, {"detail": "the answer was not JSON"})


def new_key() -> str:
    return secrets.token_hex(12)


def _all(page: Callable[[int], Reply]) -> list[Document]:
    pages: list[list[Document]] = []
    while not pages or len(pages[-1]) == 50:
        pages.append(_messages(page(len(pages) + 1)))
    return [message for page_ in reversed(pages) for message in page_]


def _messages(reply: Reply) -> list[Document]:
    if reply.status != 200:
        raise RuntimeError(f"no page: {reply}")
    messages: list[Document] = reply.document["messages"]
    return messages
