"""The scriptable peer: an ActivityPub server of one actor that notes what reaches it and answers as it is told."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import urllib3

from activitypub import build
from activitypub.documents import Activity
from activitypub.keys import generate_rsa, public_key_to_pem
from activitypub.signatures import sign_cavage
from tests.e2e.hosts import Host
from tests.e2e.serving import InThread
from tests.e2e.tls import CertificateAuthority

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an inbox says. Without a status, it hangs for `wait_seconds` and then hangs up."""

    status: int | None = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One POST to the inbox, whatever was answered."""

    at: float
    host: str
    activity: Document
    status: int | None


OK = Answer()
SILENCE_SECONDS = 15.0


class Peer(InThread):
    """Serves its actor and its inbox on its own address; `script` decides each answer of the inbox.

    While it `is_silent`, whoever asks for a path under /silence/ is kept waiting, and counted in `kept_waiting`.
    """

    def __init__(self, host: Host, authority: CertificateAuthority) -> None:
        self.host = host
        self.uri = f"{host.origin}/actor"
        self.script: Callable[[Document], Answer] = _accept_all
        self.is_silent = False
        self.kept_waiting = 0
        self._key = generate_rsa()
        self._http = urllib3.PoolManager(ca_certs=str(authority.pem), retries=False, timeout=12)
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []
        self._served: dict[str, Document] = {self.uri: self._actor()}
        self._server = http.server.ThreadingHTTPServer((host.address, 443), _handler(self), bind_and_activate=False)
        self._server.allow_reuse_address = True
        self._server.daemon_threads = True
        self._context = authority.server_context(host)

    def _open(self) -> None:
        self._server.server_bind()
        self._server.server_activate()
        # The handshake waits for the connection's own thread, at its first read.
        self._server.socket = self._context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def arrivals(self) -> list[Arrival]:
        with self._lock:
            return list(self._arrivals)

    def heal(self) -> None:
        self.script = _accept_all
        self.is_silent = False

    def document(self, path: str) -> Document | None:
        """What is at a path: the actor, or something that it said."""
        return self._served.get(self.host.origin + path)

    def _actor(self) -> Document:
        pem = public_key_to_pem(self._key.public_key())
        return {
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": self.uri,
            "type": "Person",
            "preferredUsername": self.host.name.partition(".")[0],
            "inbox": f"{self.uri}/inbox",
            "outbox": f"{self.uri}/outbox",
            "followers": f"{self.uri}/followers",
            "endpoints": {"sharedInbox": f"{self.host.origin}/inbox"},
            "publicKey": {"id": f"{self.uri}#main-key", "owner": self.uri, "publicKeyPem": pem},
        }

    def keep_waiting(self) -> None:
        """For longer than anybody waits."""
        with self._lock:
            self.kept_waiting += 1
        time.sleep(SILENCE_SECONDS)

    def receive(self, activity: Document) -> Answer:
        answer = self.script(activity)
        sender = str(activity.get("actor", "")).removeprefix("https://").partition("/")[0]
        with self._lock:
            self._arrivals.append(Arrival(time.monotonic(), sender, activity, answer.status))
        return answer

    def follow(self, target: str, name: str) -> Activity:
        return self._named(build.follow(actor=self.uri, object=target), name)

    def undo(self, activity: Activity, name: str) -> Activity:
        return self._named(build.undo(actor=self.uri, object=activity), name)

    def create(self, channel: str, text: str, name: str) -> Activity:
        note = build.note(
            id=f"{self.host.origin}/notes/{name}",
            author=self.uri,
            content=f"<p>{text}</p>",
            source=text,
            published=datetime.now(UTC),
            to=[channel, "https://www.w3.org/ns/activitystreams#Public"],
            cc=[f"{channel}/followers"],
            audience=[channel],
        )
        created = self._named(build.create(actor=self.uri, object=note), name)
        self._served |= {note["id"]: note, str(created.id): dict(created.document)}
        return created

    def letter(self, to: str, mention: str, name: str) -> Activity:
        """A private message to somebody, and to somebody else who is mentioned."""
        note = build.note(
            id=f"{self.host.origin}/notes/{name}",
            author=self.uri,
            content=f"<p>{name}</p>",
            source=name,
            published=datetime.now(UTC),
            to=[to, mention],
            mentions={mention: f"@stranger@{self.host.name}"},
        )
        return self._named(build.create(actor=self.uri, object=note), name)

    def deletion(self, created: Activity, name: str) -> Activity:
        """Of the Note that it created."""
        note_uri = created.object_id or ""
        tombstone = build.tombstone(id=note_uri, former_type="Note", deleted=datetime.now(UTC))
        to = list(created.document["to"])
        return self._named(build.delete(actor=self.uri, object=tombstone, to=to), name)

    def signed(self, activity: Activity | Document, inbox: str, *, key_id: str = "") -> tuple[dict[str, str], bytes]:
        """Headers and body of a POST; `key_id` names a key other than the one that signs."""
        document = activity.document if isinstance(activity, Activity) else activity
        body = json.dumps(dict(document)).encode()
        key_id = key_id or f"{self.uri}#main-key"
        now = datetime.now(UTC)
        return sign_cavage("POST", inbox, key_id=key_id, private_key=self._key, body=body, now=now), body

    def post(self, activity: Activity | Document, inbox: str) -> int:
        """Signed; the status, or 0 where none came."""
        headers, body = self.signed(activity, inbox)
        try:
            return self._http.request("POST", inbox, body=body, headers=headers).status
        except urllib3.exceptions.HTTPError:
            return 0

    def _named(self, activity: Activity, name: str) -> Activity:
        return build.with_id(activity, f"{self.host.origin}/activities/{name}")


def _accept_all(_activity: Document) -> Answer:
    return OK


def _handler(peer: Peer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30

        def do_GET(self) -> None:
            if peer.is_silent and self.path.startswith("/silence/"):
                peer.keep_waiting()
                self.close_connection = True
                return
            document = peer.document(self.path)
            self._answer(Answer(404 if document is None else 200), document or {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = peer.receive(json.loads(body))
            time.sleep(answer.wait_seconds)
            if answer.status is None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._answer(answer, {})

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # Whoever called may die in the middle; that is what this is about.
                super().handle()

        def _answer(self, answer: Answer, document: Document) -> None:
            body = json.dumps(document).encode()
            self.send_response(answer.status or 500)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/activity+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """What arrived is in the arrivals."""

    return Handler
