"""A chat client of the PufferBlow protocol, and a reader of ActivityPub documents."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from .live import LiveSocket

REQUEST_SECONDS = 30
ACTIVITY_JSON = "application/activity+json"

Document = dict[str, Any]


class RefusedError(AssertionError):
    """The server answered with another status than the one asked for."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path} gave {status}: {body[:500].decode(errors='replace')}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in account."""

    username: str
    user_id: str
    auth_token: str
    refresh_token: str


class ChatClient:
    """One person's client on one server. Every call fails unless it gets the status it expects."""

    def __init__(self, origin: str, *, ca_file: Path) -> None:
        self.origin = origin
        self.host = origin.removeprefix("https://")
        self._ca_file = ca_file
        self._http = urllib3.PoolManager(ca_certs=str(ca_file), retries=False, timeout=REQUEST_SECONDS)
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            raise RuntimeError("nobody has signed in")
        return self._session

    @property
    def handle(self) -> str:
        return f"{self.session.username}@{self.host}"

    def close(self) -> None:
        self._http.clear()

    # Accounts.

    def sign_up(self, username: str, password: str) -> None:
        credentials = {"username": username, "password": password}
        self._begin(username, self._json("POST", "/api/v1/users/signup", credentials, expect=201))

    def sign_in(self, username: str, password: str) -> None:
        credentials = {"username": username, "password": password}
        self._begin(username, self._json("POST", "/api/v1/users/signin", credentials))

    # Channels and messages.

    def create_channel(self, name: str, *, is_private: bool = False) -> Document:
        body = self._with_token(channel_name=name, is_private=is_private)
        channel: Document = self._json("POST", "/api/v1/channels/create/", body)["channel_data"]
        return channel

    def list_channels(self) -> list[Document]:
        channels: list[Document] = self._json("POST", "/api/v1/channels/list/", self._with_token())["channels"]
        return channels

    def send_message(self, channel_id: str, text: str) -> Document:
        """Returns `message_data`, as the sender's own client shows it."""
        answer = self._request(
            "POST",
            f"/api/v1/channels/{channel_id}/send_message",
            fields=self._with_token(message=text),
            expect=201,
        )
        message: Document = answer["message_data"]
        return message

    def load_messages(self, channel_id: str, *, page: int = 1, per_page: int = 50) -> list[Document]:
        """A page, oldest message first; page 1 is the newest."""
        query = self._with_token(page=page, messages_per_page=per_page)
        path = f"/api/v1/channels/{channel_id}/load_messages?{urlencode(query)}"
        messages: list[Document] = self._request("GET", path)["messages"]
        return messages

    def edit_message(self, channel_id: str, message_id: str, text: str) -> None:
        path = f"/api/v1/channels/{channel_id}/messages/{message_id}"
        self._json("PUT", path, self._with_token(message=text))

    def delete_message(self, channel_id: str, message_id: str) -> None:
        query = urlencode(self._with_token(message_id=message_id))
        self._request("DELETE", f"/api/v1/channels/{channel_id}/delete_message?{query}")

    def react(self, channel_id: str, message_id: str, emoji: str) -> None:
        self._request("POST", self._reaction_path(channel_id, message_id, emoji), expect=201)

    def take_reaction_back(self, channel_id: str, message_id: str, emoji: str) -> None:
        self._request("DELETE", self._reaction_path(channel_id, message_id, emoji))

    # People and channels elsewhere.

    def follow(self, handle: str) -> None:
        self._json("POST", "/api/v1/federation/follow", self._with_token(remote_handle=handle))

    def unfollow(self, handle: str) -> None:
        self._json("POST", "/api/v1/federation/unfollow", self._with_token(remote_handle=handle))

    def dm_send(self, peer: str, text: str) -> Document:
        body = self._with_token(peer=peer, message=text)
        result: Document = self._json("POST", "/api/v1/dms/send", body, expect=201)["result"]
        return result

    def dm_messages(self, peer: str) -> list[Document]:
        query = urlencode(self._with_token(peer=peer, messages_per_page=50))
        messages: list[Document] = self._request("GET", f"/api/v1/dms/messages?{query}")["messages"]
        return messages

    # Live.

    def connect(self) -> LiveSocket:
        """This person's socket over all channels; to be closed by the caller."""
        url = f"wss://{self.host}/ws?auth_token={quote(self.session.auth_token)}"
        return LiveSocket(url, ca_file=self._ca_file)

    # What any server may ask, unsigned.

    def webfinger(self, handle: str) -> Document:
        return self._request("GET", f"/.well-known/webfinger?{urlencode({'resource': f'acct:{handle}'})}")

    def resolve(self, handle: str) -> str:
        """The URI of one of this server's actors."""
        links = self.webfinger(handle)["links"]
        return next(str(link["href"]) for link in links if link["rel"] == "self" and link["type"] == ACTIVITY_JSON)

    def document(self, uri: str, *, expect: int = 200) -> Document:
        """The ActivityPub document at a URI of this server."""
        return self._request("GET", uri.removeprefix(self.origin), headers={"Accept": ACTIVITY_JSON}, expect=expect)

    def collection(self, uri: str) -> list[Any]:
        """All items of a paged collection, in its order."""
        root = self.document(uri)
        items = list(root.get("orderedItems", []))
        next_uri = root.get("first")
        while next_uri is not None:
            page = self.document(next_uri)
            items += page["orderedItems"]
            next_uri = page.get("next")
        return items

    def _begin(self, username: str, answer: Document) -> None:
        profile = self._json("POST", "/api/v1/users/profile", {"auth_token": answer["auth_token"]})
        self._session = Session(
            username=username,
            user_id=profile["user_data"]["user_id"],
            auth_token=answer["auth_token"],
            refresh_token=answer["refresh_token"],
        )

    def _with_token(self, **values: object) -> dict[str, object]:
        return {"auth_token": self.session.auth_token, **values}

    def _reaction_path(self, channel_id: str, message_id: str, emoji: str) -> str:
        query = urlencode(self._with_token(emoji=emoji))
        return f"/api/v1/channels/{channel_id}/messages/{message_id}/reactions?{query}"

    def _json(self, method: str, path: str, body: dict[str, object] | dict[str, str], *, expect: int = 200) -> Document:
        headers = {"Content-Type": "application/json"}
        return self._request(method, path, body=json.dumps(body).encode(), headers=headers, expect=expect)

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        fields: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        expect: int = 200,
    ) -> Document:
        if fields is not None:
            body = urlencode(fields).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._http.request(method, self.origin + path, body=body, headers=headers)
        if answer.status != expect:
            raise RefusedError(method, path.partition("?")[0], answer.status, answer.data)
        document: Document = answer.json()
        return document
