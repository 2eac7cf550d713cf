"""How much work it is to read a request, however it is cut."""

from __future__ import annotations

import time

import pytest
from flask import Flask, request
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, InvalidRequestLine, LimitRequestHeaders
from gunicorn.http.unreader import SocketUnreader

from app.web.bodies import BodyStream
from app.web.incoming import Incoming, pass_over

START = b"GET /nothing HTTP/1.1\r\nHost: x\r\n"


class Cut:
    """A socket on which so many bytes come at once."""

    def __init__(self, data: bytes, size: int) -> None:
        self._pieces = iter([data[at : at + size] for at in range(0, len(data), size)])

    def recv(self, _size: int) -> bytes:
        return next(self._pieces, b"")


def read(data: bytes, size: int) -> Incoming:
    return Incoming(Config(), SocketUnreader(Cut(data, size)), ("127.0.0.1", 1))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 8192])
def test_a_head_is_the_same_in_whatever_pieces_it_comes(size: int) -> None:
    request = read(START + b"X-Long: " + b"a" * 2000 + b"\r\nContent-Length: 5\r\n\r\nHello, and more", size)

    assert (request.method, request.path) == ("GET", "/nothing")
    assert [name for name, _ in request.headers] == ["HOST", "X-LONG", "CONTENT-LENGTH"]
    assert request.body.read() == b"Hello"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 8192])
def test_a_line_that_ends_badly_is_refused_at_once(size: int) -> None:
    with pytest.raises(InvalidRequestLine):
        read(b"GET /nothing HTTP/1.1\nHost: x\r\n\r\n", size)
    with pytest.raises(InvalidHeader):
        read(START + b"X: y\n" + b"Y: z\r\n" * 99, size)


def test_a_long_head_in_small_pieces_is_not_looked_through_for_each_of_them() -> None:
    began_at = time.process_time()

    with pytest.raises(LimitRequestHeaders):
        read(START + b"X: " + b"a" * 1_000_000, 100)

    assert time.process_time() - began_at < 1


@pytest.mark.parametrize("size", [1, 100, 8192])
def test_what_follows_a_body_is_short(size: int) -> None:
    body = START.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n"

    assert read(body + b"X: " + b"a" * 5000 + b"\r\n\r\n", size).body.read() == b"Hello"
    with pytest.raises(LimitRequestHeaders):
        read(body + b"X: " + b"a" * 17_000 + b"\r\n\r\n", size).body.read()


@pytest.mark.parametrize("is_wanted", [True, False])
def test_others_have_a_turn_after_each_piece_of_a_body_that_is_there(
    monkeypatch: pytest.MonkeyPatch, is_wanted: bool
) -> None:
    turns: list[float] = []
    monkeypatch.setattr(time, "sleep", turns.append)
    data = bytes(5 << 16)

    if is_wanted:
        with Flask(__name__).test_request_context("/", method="POST", data=data):
            stream = BodyStream(request, limit=1 << 20)
            while stream.read(1 << 16):
                pass
    else:
        head = START.replace(b"GET", b"POST") + b"Content-Length: %d\r\n\r\n" % len(data)
        assert pass_over(read(head + data, 8192).body, 5)

    assert turns == [0] * 5
