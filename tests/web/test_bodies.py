"""Reading bodies under the server that really reads them: gunicorn with gevent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.waiting import eventually

SERVED = """
import hashlib

from flask import Flask, request

from app.web.answers import answer_errors
from app.web.bodies import BodyStream, read_body

app = Flask("served", static_folder=None)
answer_errors(app)


def read_pieces() -> bytes:
    stream = BodyStream(request, limit=1000, seconds=0.5)
    return b"".join(iter(lambda: stream.read(100), b""))


@app.post("/")
def count() -> str:
    return str(len(READ))


@app.post("/large")
def take() -> str:
    stream, digest = BodyStream(request, limit=1 << 40), hashlib.sha512()
    while chunk := stream.read(1 << 16):
        digest.update(chunk * 10)
    return digest.hexdigest()
"""
WAYS = ("read_body(request, limit=1000, seconds=0.5)", "read_pieces()")


@pytest.fixture(scope="module", params=WAYS, ids=["whole", "in pieces"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that reads a body that way."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "served.py").write_text(SERVED.replace("READ", request.param))
    path = str(folder / "s")
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gevent",
        "-b",
        f"unix:{path}",
        "--no-control-socket",
        "served:app",
    ]
    environ = os.environ | {"PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}", "PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: Path(path).exists())
        yield path
    finally:
        server.terminate()
        server.wait(10)


def test_a_body_that_arrives_is_read_whole(address: str) -> None:
    assert _post(address, b"Content-Length: 5", b"hello").startswith(b"HTTP/1.1 200")
    assert _post(address, b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n").endswith(b"5")


@pytest.mark.parametrize(
    ("header", "body"), [(b"Content-Length: 500", b"hel"), (b"Transfer-Encoding: chunked", b"5\r\nhel")]
)
def test_a_body_that_stalls_is_given_up_and_the_connection_closed(address: str, header: bytes, body: bytes) -> None:
    began = time.monotonic()

    answer = _post(address, header, body)

    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 2


def test_a_body_that_trickles_in_is_given_up_too(address: str) -> None:
    with _connection(address) as connection:
        connection.sendall(_head(b"Content-Length: 500"))
        began = time.monotonic()
        while time.monotonic() - began < 5 and not _has_answer(connection):
            connection.sendall(b"x")
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"Content-Length: 1001", b"x" * 1001),
        (b"Transfer-Encoding: chunked", b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"),
    ],
)
def test_a_body_above_the_limit_is_refused(address: str, header: bytes, body: bytes) -> None:
    assert _post(address, header + b"\r\nConnection: close", body).startswith(b"HTTP/1.1 413")


def test_a_broken_chunk_is_the_clients_mistake(address: str) -> None:
    assert _post(address, b"Transfer-Encoding: chunked", b"zz\r\nhello\r\n0\r\n\r\n").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "header",
    [b"Content-Encoding: gzip", b"Content-Encoding: identity, br", b"Transfer-Encoding: gzip, chunked"],
)
def test_a_compressed_body_is_refused(address: str, header: bytes) -> None:
    framing = b"" if header.startswith(b"Transfer") else b"\r\nTransfer-Encoding: chunked"

    answer = _post(address, header + framing + b"\r\nConnection: close", b"5\r\nhello\r\n0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 415")


@pytest.mark.parametrize("address", [WAYS[1]], indirect=True)
def test_a_large_body_that_comes_fast_keeps_nobody_from_being_answered(address: str) -> None:
    is_over = threading.Event()

    def send() -> None:
        with _connection(address) as connection, suppress(OSError):
            connection.sendall(b"POST /large HTTP/1.1\r\nHost: served\r\nContent-Length: 999999999999\r\n\r\n")
            while not is_over.is_set():
                connection.sendall(bytes(1 << 20))

    sending = threading.Thread(target=send)
    sending.start()
    try:
        time.sleep(0.2)
        assert _post(address, b"Content-Length: 5", b"hello").startswith(b"HTTP/1.1 200")
    finally:
        is_over.set()
        sending.join()


def _post(address: str, header: bytes, body: bytes) -> bytes:
    """The answer until the server closes the connection or has nothing more to say."""
    with _connection(address) as connection:
        connection.sendall(_head(header) + body)
        return _read(connection)


def _head(header: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: served\r\n" + header + b"\r\n\r\n"


def _connection(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(address)
    return connection


def _read(connection: socket.socket) -> bytes:
    answer = b""
    while part := connection.recv(65536):
        answer += part
        head, _, rest = answer.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200") and rest:
            break
    return answer


def _has_answer(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        connection.settimeout(10)
