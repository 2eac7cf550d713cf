"""A socket that is told what it missed: what is new waits meanwhile, and no more of it than a socket is worth."""

from __future__ import annotations

from typing import cast

import pytest

from app.live.catching_up import CatchingUp
from app.live.connection import Connection
from app.live.writer import QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX


class Slow:
    """A client's socket that takes nothing yet."""

    has_room = False

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.closed: list[int] = []

    @property
    def is_finished(self) -> bool:
        return bool(self.closed)

    def offer(self, text: str) -> bool:
        return self.offer_frame(text.encode())

    def offer_frame(self, frame: bytes) -> bool:
        self.taken.append(frame)
        return True

    def close(self, code: int, _reason: str) -> None:
        self.closed.append(code)


@pytest.fixture
def socket() -> Slow:
    return Slow()


@pytest.fixture
def catching_up(socket: Slow) -> CatchingUp:
    return CatchingUp(cast("Connection", socket))


def test_what_is_new_waits_for_what_was_missed(socket: Slow, catching_up: CatchingUp) -> None:
    assert all(catching_up.offer(number, b"%d" % number) for number in range(QUEUE_FRAMES_MAX))
    assert (socket.taken, socket.closed) == ([], [])

    catching_up.finish()

    assert socket.taken == [b"%d" % number for number in range(QUEUE_FRAMES_MAX)]
    assert catching_up.offer(None, b"new")
    assert socket.taken[-1] == b"new"


@pytest.mark.parametrize("size", [1, QUEUE_BYTES_MAX // 8])
def test_no_more_is_kept_back_than_a_socket_may_have_waiting(socket: Slow, catching_up: CatchingUp, size: int) -> None:
    frames = min(QUEUE_FRAMES_MAX, QUEUE_BYTES_MAX // size)
    assert all(catching_up.offer(number, b"x" * size) for number in range(frames))

    assert [catching_up.offer(number, b"x" * size) for number in range(frames, frames + 9)] == [False] * 9

    assert socket.closed == [1013]
    assert not catching_up.say(1, "missed")
    catching_up.finish()
    assert socket.taken == []
