"""Cases that go on after a 101, and those that hold connections open without finishing a request."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Final

from tests.hostile.cases import Json, expand
from tests.hostile.effects import Run
from tests.hostile.wire import Answer, read_answer

HANDSHAKE: Final = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "{{wskey}}",
}
_OPEN_SECONDS: Final = 15
_FRAMES: Final = {
    "unmasked": "810568656c6c6f",
    "rsv1": "c18500000000" + b"hello".hex(),
    "opcode3": "838500000000" + b"hello".hex(),
    "close1005": "888200000000" + "03ed",
    "bad_utf8": "818200000000" + "c328",
    "ping_126": "89fe007e00000000" + "61" * 126,
    "reserved_length": "81ff80000000000000ff00000000",
    "close_of_one_byte": "888100000000" + "03",
    "fragmented_ping": "098000000000",
    "orphan_continuation": "808500000000" + b"hello".hex(),
    "opcode_b": "8b8000000000",
    "two_text_starts": "018100000000" + "61" + "018100000000" + "62",
}
"""The frames that break a rule, by the names of the cases."""


def is_socket_case(case: Json) -> bool:
    return "ws_frames" in case or case["method"] == "RAW"


def attack(run: Run) -> None:
    """Carry out the case; its named side effect is checked here, where the sockets are."""
    if run.case["method"] == "RAW":
        _RAW[run.case["body_recipe"]["raw_socket"]](run)
    elif "script" in run.case:
        _SCRIPTS[run.case["script"][1]](run)
    elif run.case["ws_frames"]:
        _send_frames(run)
    else:
        _open_many(run)


class Socket:
    """A client's WebSocket, or the refusal of one."""

    def __init__(
        self,
        run: Run,
        path: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
        source: str | None = None,
    ) -> None:
        words = run.arena.words
        filled = expand({"path": path or run.case["path"], "headers": headers or run.case["headers"]}, words)
        lines = [f"GET {filled['path']} HTTP/1.1", "Host: sut.test"]
        lines += [f"{name}: {value}" for name, value in filled["headers"].items()]
        self.connection = socket.socket()
        if receive_buffer is not None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.connection.settimeout(_OPEN_SECONDS)
        if source is not None:
            self.connection.bind((source, 0))
        self.connection.connect(("127.0.0.1", run.arena.port))
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head, _, self._left = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.1 (\d{3})", head)
        self.answer = Answer(int(match[1]) if match else 0, {}, head, 0.0)

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, frame: bytes) -> bool:
        """False when nobody takes it any more."""
        try:
            self.connection.sendall(frame)
        except OSError:
            return False
        return True

    def say(self, message: Json) -> bool:
        return self.send(masked_text(json.dumps(message)))

    def close_code(self, *, seconds: float = _OPEN_SECONDS) -> int | None:
        """Of the close frame that comes in time; 1006 where the connection ends without one, None while it is open."""
        for opcode, payload in self.frames(seconds=seconds):
            if opcode == 8:
                return int(struct.unpack("!H", payload[:2])[0]) if len(payload) >= 2 else 1005
            if opcode == -1:
                return 1006
        return None

    def frames(self, *, seconds: float) -> list[tuple[int, bytes]]:
        """What comes in time, up to a close; opcode -1 is the end of the connection."""
        deadline = time.monotonic() + seconds
        found: list[tuple[int, bytes]] = []
        while time.monotonic() < deadline:
            self.connection.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                opcode, payload = self._frame()
            except TimeoutError:
                break
            except OSError:
                opcode, payload = -1, b""
            found.append((opcode, payload))
            if opcode in (8, -1):
                break
        return found

    def _frame(self) -> tuple[int, bytes]:
        """The next whole frame; what came of one that is not whole yet stays for the next call."""
        while (whole := _first_frame(self._left)) is None:
            data = self.connection.recv(65536)
            if not data:
                return -1, b""
            self._left += data
        opcode, payload, self._left = whole
        return opcode, payload

    def _until(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data:
            try:
                more = self.connection.recv(65536)
            except ConnectionError:
                return data
            if not more:
                return data
            data += more
        return data


def _first_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Opcode, payload and what follows; a server's frames are not masked."""
    if len(data) < 2:
        return None
    length, begin = data[1] & 0x7F, 2
    if length >= 126:
        begin = 4 if length == 126 else 10
        if len(data) < begin:
            return None
        length = int.from_bytes(data[2:begin])
    end = begin + length
    return (data[0] & 0x0F, data[begin:end], data[end:]) if len(data) >= end else None


def masked_text(text: str) -> bytes:
    """A client's text frame."""
    payload = text.encode()
    mask = os.urandom(4)
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xff" + struct.pack("!Q", len(payload))
    return b"\x81" + length + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def _send_frames(run: Run) -> None:
    with Socket(run) as client:
        run.answers.append(client.answer)
        for described in run.case["ws_frames"]:
            for frame in _frames_of(run, described):
                client.send(frame)
        _expect_close(run, client)


def _frames_of(run: Run, described: Json) -> list[bytes]:
    if "recipe" in described:
        return [bytes.fromhex(_FRAMES[described["recipe"]])]
    if "raw_hex" in described:
        return [bytes.fromhex(described["raw_hex"])]
    if "text" in described:
        return [masked_text(expand(described["text"], run.arena.words))]
    message = json.dumps(expand(described["json"], run.arena.words))
    return [masked_text(message) for _ in range(described.get("repeat", 1))]


def _expect_close(run: Run, client: Socket) -> None:
    wanted = re.fullmatch(r"close:([\d/]+).*", run.case["expected_side_effect"])
    if wanted is None:
        return
    code = client.close_code()
    if code not in {int(text) for text in wanted[1].split("/")}:
        run.problems.append(f"closed with {code}, not {wanted[1]}")


def _open_many(run: Run) -> None:
    count = min(run.case.get("repeat", 1), 40)
    with ExitStack() as stack:
        clients = [stack.enter_context(Socket(run)) for _ in range(count)]
        run.answers += [client.answer for client in clients]
        opened = sum(answer.status == 101 for answer in run.answers)
        bound = re.fullmatch(r"open<=(\d+)", run.case["expected_side_effect"])
        if bound and opened > int(bound[1]):
            run.problems.append(f"{opened} sockets are open")


def _kick(run: Run) -> None:
    """Bob is put out, since nobody puts out alice, who owns the server; what he hears of an open channel is the proof
    that his socket is told still."""
    arena, bob = run.arena, run.arena.words["bob_id"]
    body = {"channel_name": f"kick-{secrets.token_hex(4)}", "is_private": True}
    channel = str(arena.api("POST", "/api/v1/channels/create/", body, who="alice")["channel_data"]["channel_id"])
    path = f"/api/v1/channels/{channel}"
    arena.words["kicked"] = channel
    arena.api("PUT", f"{path}/add_user", {"to_add_user_id": bob}, who="alice")
    with Socket(run, "/ws?auth_token={{tok:bob}}") as client:
        run.answers.append(client.answer)
        arena.say("kicked", "while he is in")
        before = _messages(client, until="while he is in")
        arena.api("DELETE", f"{path}/remove_user?to_remove_user_id={bob}", who="alice")
        arena.say("kicked", "once he is out")
        arena.say("chan_A", "for everybody")
        after = _messages(client, until="for everybody")
    run.problems += ["he heard nothing while he was in"] * ("while he is in" not in before)
    run.problems += ["he hears nothing at all any more"] * ("for everybody" not in after)
    run.problems += ["he heard what was said once he was out"] * ("once he is out" in after)


def _messages(client: Socket, *, until: str, seconds: float = 10) -> list[str]:
    """The texts that come, up to one of them."""
    texts: list[str] = []
    deadline = time.monotonic() + seconds
    while until not in texts and time.monotonic() < deadline:
        told = [json.loads(payload) for opcode, payload in client.frames(seconds=0.2) if opcode == 1]
        texts += [message["message"] for message in told if message["type"] == "message"]
    return texts


def _stop_reading(run: Run) -> None:
    """The queue of one who does not read is bounded; the others hear everything."""
    arena = run.arena
    text = "x" * 3500
    other_path = f"/ws?auth_token={arena.words['tok:bob']}"
    with Socket(run, receive_buffer=4096) as idle, Socket(run, other_path) as reader:
        run.answers += [idle.answer, reader.answer]
        sent, heard = 0, 0
        for _ in range(12):
            for _ in range(40):
                arena.say("chan_A", text)
                sent += 1
            heard += sum(b"xxxx" in payload for _, payload in reader.frames(seconds=0.5))
        heard += sum(b"xxxx" in payload for _, payload in reader.frames(seconds=3))
        if heard != sent:
            run.problems.append(f"the other heard {heard} of {sent}")
        code = idle.close_code(seconds=20)
        if code not in (1013, 1006):
            run.problems.append(f"the idle one was closed with {code}, not 1013")


def _slow(run: Run, opening: bytes, *, count: int, within_seconds: float) -> None:
    """Connections that send their beginning and then a byte now and then; others must not notice."""
    arena = run.arena
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", arena.port), timeout=5)) for _ in range(count)
        ]
        for connection in slow:
            connection.sendall(opening)
        began = time.monotonic()
        answers = [arena.send("GET", "/healthz") for _ in range(20)]
        p95 = sorted(answer.seconds for answer in answers)[18]
        if p95 > 0.5:
            run.problems.append(f"others wait {p95:.2f} s")
        statuses = {_wait_for_end(connection, began + within_seconds) for connection in slow}
        if None in statuses:
            run.problems.append(f"still open after {within_seconds} s")
        run.problems += [f"answered {status}" for status in statuses - {None, 0, *run.case["expected_status"]}]


def _wait_for_end(connection: socket.socket, deadline: float) -> int | None:
    """The status that ended it, 0 for a hang-up; None while it is open at the deadline."""
    connection.settimeout(max(0.05, deadline - time.monotonic()))
    try:
        return read_answer(connection).status
    except TimeoutError:
        return None


def _slow_headers(run: Run) -> None:
    _slow(run, b"POST /ap/inbox HTTP/1.1\r\nHost: sut.test\r\nX-A: ", count=100, within_seconds=15)


def _slow_body(run: Run) -> None:
    opening = b"POST /ap/inbox HTTP/1.1\r\nHost: sut.test\r\nContent-Type: application/activity+json\r\n"
    _slow(run, opening + b"Content-Length: 1000\r\n\r\n{", count=30, within_seconds=34)


_RAW: Final[dict[str, Callable[[Run], None]]] = {"slow_headers": _slow_headers, "slow_body": _slow_body}
_SCRIPTS: Final[dict[str, Callable[[Run], None]]] = {"kick": _kick, "stop_reading": _stop_reading}
