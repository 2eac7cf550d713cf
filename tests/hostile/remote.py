"""The rest of the world: one HTTPS listener that is every remote host at once, and serves what a case says."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import trustme

from tests.e2e.serving import InThread
from tests.hostile.keys import actor_document

ACTIVITY_JSON: Final = "application/activity+json"
# A fixture with any of these says how to answer; any other is the document itself.
_ANSWER_KEYS: Final = frozenset({"status", "location", "content_type", "recipe", "raw", "document"})
_MISNAMED, _EXPIRED, _SELF_SIGNED, _OLD_TLS = "wronghost.test", "expired.test", "selfsigned.test", "tls10.test"
_NUMBERED: Final = re.compile(r"^h\d+\.")
_DRIPS: Final = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that the server under test made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Remote(InThread):
    """Listens on port 443 of an address of its own. Actors live at /u/<name> of every host; inboxes answer 202."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.ca_file = folder / "ca.pem"
        self._authority = trustme.CA(organization_name="Shoal hostile-input tests")
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._fixtures: dict[str, Any] = {}
        self._served: Counter[str] = Counter()
        self._asked: list[Asked] = []
        self._lock = threading.Lock()
        self._server = _Listener((address, 443), self)

    def script(self, fixtures: Mapping[str, Any]) -> None:
        """Have each URL answered so until `forget`."""
        with self._lock:
            self._fixtures.update(fixtures)

    def forget(self) -> None:
        """Begin a new record, without fixtures."""
        with self._lock:
            self._fixtures.clear()
            self._served.clear()
            self._asked.clear()

    @property
    def asked(self) -> Sequence[Asked]:
        with self._lock:
            return list(self._asked)

    def take(self, asked: Asked) -> tuple[Any, int]:
        """What the case says of this request, None for nothing, and how often it was asked before."""
        with self._lock:
            self._asked.append(asked)
            fixture = self._fixtures.get(asked.url)
            self._served[asked.url] += 1
            return fixture, self._served[asked.url] - 1

    def context(self, host: str) -> ssl.SSLContext:
        """The certificate that the host shows, right or, where its name says so, wrong."""
        host = _NUMBERED.sub("*.", host)  # A hundred thousand certificates are gigabytes.
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._new_context(host)
            return self._contexts[host]

    def _new_context(self, host: str) -> ssl.SSLContext:
        authority, names = self._authority, [host]
        span: dict[str, Any] = {}
        if host == _MISNAMED:
            names = ["another.test"]
        elif host == _EXPIRED:
            now = datetime.now(UTC)
            span = {"not_before": now - timedelta(days=9), "not_after": now - timedelta(days=2)}
        elif host == _SELF_SIGNED:
            authority = trustme.CA(organization_name="nobody")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, **span).configure_cert(context)
        if host == _OLD_TLS:
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], remote: Remote) -> None:
        self.remote = remote
        self._tls = remote.context("remote.test")
        self._tls.sni_callback = self._choose
        super().__init__(address, _Exchange)

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self.remote.context((name or "remote.test").lower())

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the thread of the connection, which a slow handshake holds up alone."""
        request.settimeout(30)
        try:
            with self._tls.wrap_socket(request, server_side=True) as tls:
                _Exchange(tls, client_address, self)
        except OSError:
            return  # What the server under test will not talk to, it hangs up on.

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is none of ours."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Head and body are two writes, and the second would wait 40 ms.
    server: _Listener

    def do_GET(self) -> None:
        asked = self._record(b"")
        fixture, times = self.server.remote.take(asked)
        self._serve(asked, fixture, times)

    def do_POST(self) -> None:
        asked = self._record(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        fixture, times = self.server.remote.take(asked)
        if fixture is None:
            self._answer(202, b"", {})
        else:
            self._serve(asked, fixture, times)

    def log_message(self, format: str, *arguments: object) -> None:
        """The record is the log."""

    def _record(self, body: bytes) -> Asked:
        host = (self.headers.get("Host") or "").lower()
        return Asked(self.command, f"https://{host}{self.path}", dict(self.headers.items()), body)

    def _serve(self, asked: Asked, fixture: Any, times: int) -> None:
        answer = dict(fixture) if _is_answer(fixture) else {"document": fixture}
        recipe = _RECIPES.get(answer.get("recipe", ""))
        if recipe is not None:
            recipe(self)
            return
        status = answer.get("status", 200)
        if isinstance(status, list):
            status = status[min(times, len(status) - 1)]
        headers = {"Content-Type": answer.get("content_type") or ACTIVITY_JSON}
        if "location" in answer:
            headers["Location"] = answer["location"]
        body = _body(asked.url, answer) if status < 300 else b""
        if body is None:
            status, body = 404, b""
        self._answer(status, body, headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip_body(self) -> None:
        """A byte now and then, for longer than anybody should wait."""
        self.send_response(200)
        self.send_header("Content-Type", ACTIVITY_JSON)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self._drip(b"{")

    def drip_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drip(b"a")

    def endless(self) -> None:
        """A body without an end, as fast as it is taken."""
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: {ACTIVITY_JSON}\r\n\r\n".encode())
        self.close_connection = True
        while True:
            self.wfile.write(b" " * 65536)

    def anchors(self) -> None:
        """HTML that is quadratic to look for links in."""
        self._answer(200, b"<a " + b"href=" * 50_000, {"Content-Type": "text/html"})

    def zipped(self) -> None:
        self._answer(200, b"\x1f\x8b" + b"\0" * 64, {"Content-Type": ACTIVITY_JSON, "Content-Encoding": "gzip"})

    def header_flood(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 90) for n in range(5000)))
        self.wfile.write(b"Content-Length: 0\r\n\r\n")

    def hang_up(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
        self.close_connection = True

    def not_http(self) -> None:
        self.wfile.write(b"+PONG\r\n")
        self.close_connection = True

    def _drip(self, byte: bytes) -> None:
        self.close_connection = True
        for _ in range(_DRIPS):
            self.wfile.write(byte)
            time.sleep(0.5)


_RECIPES = {
    "drip_1B_9s": _Exchange.drip_body,
    "drip_headers": _Exchange.drip_headers,
    "endless": _Exchange.endless,
    "redos_anchor_50k": _Exchange.anchors,
    "gzip": _Exchange.zipped,
    "header_flood": _Exchange.header_flood,
    "hang_up": _Exchange.hang_up,
    "not_http": _Exchange.not_http,
}


def _is_answer(fixture: Any) -> bool:
    return isinstance(fixture, dict) and bool(fixture) and set(fixture) <= _ANSWER_KEYS


def _body(url: str, answer: Mapping[str, Any]) -> bytes | None:
    """The document of the case; what a case says of an actor is laid over what every actor has."""
    if "raw" in answer:
        return str(answer["raw"]).encode("utf-8", "surrogatepass")
    document = answer.get("document")
    actor = actor_document(url)
    if isinstance(document, dict) and actor is not None and "id" not in document:
        document = {**actor, **document}
    elif document is None:
        document = actor or _collection(url)
    return None if document is None else json.dumps(document).encode()


def _collection(url: str) -> dict[str, Any] | None:
    if not url.endswith(("/followers", "/outbox", "/following")):
        return None
    return {"id": url, "type": "OrderedCollection", "totalItems": 0, "orderedItems": []}
