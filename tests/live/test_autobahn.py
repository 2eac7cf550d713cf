"""The Autobahn test suite's cases, replayed octet by octet, hold on gunicorn."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.corpus import corpus

from .conftest import Gunicorn
from .raw import BINARY, CLOSE, PING, PONG, TEXT, Frame, RawClient

CUT_SHORT = {"2.11"}  # Its record ends after the first octet of the second of ten pings.
CASES = [
    case
    for case in json.loads((corpus("websocket-rfc6455") / "autobahn-cases.json").read_text(encoding="utf-8"))["cases"]
    if case["id"] not in CUT_SHORT
]
CODE_OF_TOO_BIG = 1009
TOO_BIG_FOR_US = {"7.1.6"}  # 256 KiB in one message.

Event = list[Any]


class Replay:
    """One case: what was seen, and how the server closed."""

    def __init__(self, client: RawClient) -> None:
        self.events: list[Event] = []
        self.close_codes: list[int | None] = []
        self.is_ended = False
        self._client = client

    def send(self, octets: str) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # Whether the server was right to close, the case says.
            self._client.sock.sendall(bytes.fromhex(octets))

    def watch(self, seconds: float, wanted: Sequence[list[Event]] = ()) -> None:
        """Note what comes, until the stream ends, the server closes, the time is over or what is wanted was seen."""
        deadline = time.monotonic() + seconds
        while not (self.is_ended or self.close_codes or self.events in wanted):
            try:
                self._note(self._client.next_frame(seconds=deadline - time.monotonic()))
            except TimeoutError:
                return

    def wait(self, seconds: float, tag: str | None) -> None:
        self.watch(seconds)
        if tag is not None and not (self.is_ended or self.close_codes):
            self.events.append(["timeout", tag])

    def say_goodbye(self) -> None:
        if not (self.is_ended or self.close_codes):
            self._client.send_frame(CLOSE, (1000).to_bytes(2, "big"))
            self.watch(2)

    def see_end(self) -> None:
        while not self.is_ended:
            self._note(self._client.next_frame(seconds=2))

    def _note(self, frame: Frame | None) -> None:
        if frame is None:
            self.is_ended = True
        elif frame.opcode == CLOSE:
            self.close_codes.append(frame.code)
        elif frame.opcode in (TEXT, BINARY):
            self.events.append(["message", f"hex:{frame.payload.hex()}", frame.opcode == BINARY])
        else:
            name = {PING: "ping", PONG: "pong"}[frame.opcode]
            self.events.append([name, f"hex:{frame.payload.hex()}"])


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_autobahn_case_holds(server: Gunicorn, case: dict[str, Any]) -> None:
    accepted = [events for name, events in case["expected"].items() if name in ("OK", "NON-STRICT")]
    close = case["expectedClose"]

    with RawClient(server.port, "/echo") as client:
        replay = Replay(client)
        for step in case["steps"]:
            if "send" in step:
                replay.send(step["send"])
            elif "wait" in step:
                replay.wait(float(step["wait"]), step.get("tag"))
            elif "wait_for_server" in step:
                # An echo needs no second; a server that must close is given all of it.
                replay.watch(float(step["wait_for_server"]), accepted if close["closedByMe"] else [])
        replay.say_goodbye()
        replay.see_end()

    assert replay.events in accepted
    codes = [CODE_OF_TOO_BIG] if case["id"] in TOO_BIG_FOR_US else close["closeCode"]
    assert len(replay.close_codes) == 1
    assert replay.close_codes[0] in codes
