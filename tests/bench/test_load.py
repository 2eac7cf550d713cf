"""The load generator counts what was answered as expected, and names the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench.load import Expected, repeat, request_bytes, send_each


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 503 if body == b"refuse me" else 201
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _post(body: bytes) -> bytes:
    return request_bytes("POST", "/", host="localhost", body=body)


def test_each_request_is_sent_once_however_many_clients_share_them(port: int) -> None:
    requests = [_post(b"number %d" % number) for number in range(10)]

    load = send_each(port, requests, Expected(201, b"number"), clients=4)

    assert load.count == 10
    assert not load.unexpected
    assert load.rate > 0
    assert 0 < load.percentile_ms(50) <= load.percentile_ms(95)


def test_an_answer_that_was_not_expected_is_named_and_a_503_is_counted_apart(port: int) -> None:
    load = send_each(port, [_post(b"fine"), _post(b"refuse me"), _post(b"other")], Expected(201, b"fine"), clients=1)

    assert load.count == 1
    assert load.shed == 1
    assert load.shed_percent == 50
    assert dict(load.unexpected) == {"201 other": 1}


def test_repeating_ends_when_the_time_is_over(port: int) -> None:
    began_at = time.perf_counter()
    load = repeat(port, [_post(b"again")] * 2, Expected(201), seconds=0.05)

    assert load.count >= 2
    assert time.perf_counter() - began_at >= 0.05
