"""The listening process notes when each socket has a whole frame."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.bench.figures import NotMeasuredError
from tests.bench.listeners import Listeners, _take_frame

TEXT = bytes((0x81, 5)) + b"hello"


def test_a_frame_is_taken_once_all_of_it_is_there() -> None:
    long = bytes((0x81, 126)) + (300).to_bytes(2, "big") + b"x" * 300
    received = bytearray(TEXT + long[:200])

    assert _take_frame(received) == (1, b"hello")
    assert _take_frame(received) is None
    received += long[200:]
    assert _take_frame(received) == (1, b"x" * 300)
    assert received == b""


def test_everybody_is_heard_to_have_heard() -> None:
    with _two_sockets() as (accepted, listeners):
        listeners.expect("hello")
        sent_at = time.monotonic()
        for connection in accepted:
            connection.sendall(TEXT)
        heard = listeners.heard()

    assert len(heard.times) == 2
    assert heard.times[0] >= sent_at
    assert heard.repeats == 0


def test_who_hears_a_message_twice_is_not_passed_over() -> None:
    with _two_sockets() as (accepted, listeners):
        listeners.expect("hello")
        accepted[0].sendall(TEXT + TEXT)
        accepted[1].sendall(TEXT)

        with pytest.raises(NotMeasuredError, match="2 of 2 sockets heard it, 1 repeats"):
            listeners.heard()


@contextmanager
def _two_sockets() -> Iterator[tuple[list[socket.socket], Listeners]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Listeners(server.getsockname()[1], [b"", b""]) as listeners,
        ExitStack() as stack,
    ):
        accepted = [stack.enter_context(server.accept()[0]) for _ in range(2)]
        listeners.wait_until_open()
        yield accepted, listeners
        listeners.close()
