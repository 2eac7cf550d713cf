"""A scripted person on another server: an actor with an RSA key, and its messages as signed requests."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

from activitypub.keys import generate_rsa, public_key_to_pem
from activitypub.signatures import sign_cavage
from activitypub.strict_json import JsonObject
from activitypub.times import write_time
from activitypub.vocabulary import PUBLIC
from tests.bench import names
from tests.bench.load import request_bytes

_TYPE = "application/activity+json"


class Peer:
    """`poster` on a remote host, whose documents look like Mastodon's."""

    def __init__(self) -> None:
        self.host = names.sink("peer")
        self.uri = f"https://{self.host}/users/poster"
        self._key_id = f"{self.uri}#main-key"
        self._key = generate_rsa()

    def documents(self) -> dict[str, bytes]:
        """What the host shows, by host and path."""
        actor = actor_document(self.uri, key_id=self._key_id, pem=public_key_to_pem(self._key.public_key()))
        return {self.uri.removeprefix("https://"): json.dumps(actor).encode()}

    def requests(self, count: int, *, origin: str, channel_uri: str) -> list[bytes]:
        """So many new messages to a channel, each signed now for its server's shared inbox."""
        return [self._request(origin, channel_uri) for _ in range(count)]

    def _request(self, origin: str, channel_uri: str) -> bytes:
        inbox = f"{origin}/ap/inbox"
        body = json.dumps(self._create(channel_uri)).encode()
        now = datetime.now(UTC)
        headers = sign_cavage("POST", inbox, key_id=self._key_id, private_key=self._key, now=now, body=body)
        host = headers.pop("Host")
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return request_bytes("POST", inbox.removeprefix(origin), host=host, headers=lines, body=body)

    def _create(self, channel_uri: str) -> dict[str, object]:
        name = secrets.token_hex(8)
        uri = f"{self.uri}/statuses/{name}"
        published = write_time(datetime.now(UTC))
        audience = {"to": [PUBLIC], "cc": [f"{self.uri}/followers", channel_uri]}
        note = {
            "id": uri,
            "type": "Note",
            "summary": None,
            "inReplyTo": None,
            "published": published,
            "url": uri,
            "attributedTo": self.uri,
            **audience,
            "sensitive": False,
            "content": f'<p><a href="{channel_uri}" class="u-url mention">@<span>bench</span></a> {name}</p>',
            "contentMap": {"en": f"<p>{name}</p>"},
            "attachment": [],
            "tag": [{"type": "Mention", "href": channel_uri, "name": "@bench"}],
        }
        return {
            "@context": ["https://www.w3.org/ns/activitystreams", {"sensitive": "as:sensitive"}],
            "id": f"{uri}/activity",
            "type": "Create",
            "actor": self.uri,
            "published": published,
            **audience,
            "object": note,
        }


def actor_document(uri: str, *, key_id: str, pem: str) -> JsonObject:
    """A person elsewhere, with no more than is needed to be written to and believed."""
    return {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": uri,
        "type": "Person",
        "preferredUsername": uri.rpartition("/")[2],
        "name": "Somebody elsewhere",
        "summary": "",
        "url": uri,
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "publicKey": {"id": key_id, "owner": uri, "publicKeyPem": pem},
    }
