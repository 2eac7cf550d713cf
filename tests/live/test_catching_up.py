"""A socket that is told what it missed: what is new waits meanwhile, and no more of it than a socket is worth."""

from __future__ import annotations

from typing import cast

import pytest

from app.live.catching_up import CatchingUp
from app.live.connection import Connection
from app.live.frames import text_frame
from app.live.writer import QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX


class Slow:
    """A client's socket that takes nothing but while somebody waits for it to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.waiting: list[bytes] = []
        self.closed: list[int] = []
        self.closes_when_waited_for = False

    @property
    def has_room(self) -> bool:
        if len(self.waiting) < 64:
            return True
        if self.closes_when_waited_for:
            self.close(1011, "")
        self.taken += self.waiting
        self.waiting.clear()
        return False

    @property
    def all(self) -> list[bytes]:
        return self.taken + self.waiting

    @property
    def is_finished(self) -> bool:
        return bool(self.closed)

    def offer(self, text: str) -> bool:
        return self.offer_frame(text.encode())

    def offer_frame(self, frame: bytes) -> bool:
        if len(self.waiting) == QUEUE_FRAMES_MAX:
            self.close(1013, "too slow")
            return False
        self.waiting.append(frame)
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
    assert (socket.all, socket.closed) == ([], [])

    catching_up.finish()

    assert socket.all == [b"%d" % number for number in range(QUEUE_FRAMES_MAX)]
    assert catching_up.offer(None, b"new")
    assert socket.all[-1] == b"new"


def test_what_was_kept_back_follows_as_the_client_takes_what_is_before_it(
    socket: Slow, catching_up: CatchingUp
) -> None:
    """Together they are more than may wait."""
    missed = [b"missed %d" % number for number in range(100)]
    held = [b"held %d" % number for number in range(QUEUE_FRAMES_MAX)]
    assert all(catching_up.say(number, text.decode()) for number, text in enumerate(missed))
    assert all(catching_up.offer(100 + number, frame) for number, frame in enumerate(held))

    catching_up.finish(last_words="resync")

    assert (socket.all, socket.closed) == ([*missed, text_frame("resync"), *held], [])


def test_who_goes_meanwhile_is_not_waited_for(socket: Slow, catching_up: CatchingUp) -> None:
    assert all(catching_up.offer(number, b"%d" % number) for number in range(QUEUE_FRAMES_MAX))
    socket.closes_when_waited_for = True

    catching_up.finish()

    assert len(socket.all) == 64
    assert socket.closed == [1011]


@pytest.mark.parametrize("size", [1, QUEUE_BYTES_MAX // 8])
def test_no_more_is_kept_back_than_a_socket_may_have_waiting(socket: Slow, catching_up: CatchingUp, size: int) -> None:
    frames = min(QUEUE_FRAMES_MAX, QUEUE_BYTES_MAX // size)
    assert all(catching_up.offer(number, b"x" * size) for number in range(frames))

    assert [catching_up.offer(number, b"x" * size) for number in range(frames, frames + 9)] == [False] * 9

    assert socket.closed == [1013]
    assert not catching_up.say(1, "missed")
    catching_up.finish()
    assert socket.all == []
