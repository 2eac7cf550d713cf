"""One child process: started in a group of its own, its output passed on with its name before each line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import BinaryIO

from app.supervisor.lifeline import Lifeline
from app.supervisor.program import Program

_READ_BYTES = 65536


class Output:
    """Where everybody's lines go. A reader that went away does not stop the server."""

    def __init__(self, stream: BinaryIO, *, name_width: int) -> None:
        self._stream = stream
        self._name_width = name_width

    def write(self, name: str, text: bytes) -> None:
        prefix = f"{name:<{self._name_width}} | ".encode()
        lines = b"".join(prefix + line + b"\n" for line in text.splitlines())
        try:
            self._stream.write(lines)
            self._stream.flush()
        except OSError:
            return


class Child:
    """A running program. Its process group has the number of its process.

    The standard input of one that is held stays open until `let_go`.
    """

    def __init__(self, program: Program, output: Output, lifeline: Lifeline, *, is_held: bool = False) -> None:
        self.program = program
        self._output = output
        self._unfinished = b""
        parent = os.getpid()
        self._process = subprocess.Popen(
            program.argv,
            env=program.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            # Safe here: the supervisor has one thread, so no lock can be held by another at the fork.
            preexec_fn=_in_child(lifeline, parent),  # noqa: PLW1509
        )
        self.pid = self._process.pid
        self.started_at = time.monotonic()
        self._feed(program.config)
        if not is_held:
            self.let_go()
        self._stdout = self._process.stdout
        os.set_blocking(self.fileno(), False)

    def fileno(self) -> int:
        if self._stdout is None:
            raise ValueError("the child has no output pipe")
        return self._stdout.fileno()

    def relay(self) -> bool:
        """Pass on what it has written; False when there will be no more."""
        while True:
            try:
                chunk = os.read(self.fileno(), _READ_BYTES)
            except BlockingIOError:
                return True
            if not chunk:
                self._finish_line()
                return False
            self._pass_on(chunk)

    def let_go(self) -> None:
        """End its standard input, which says that it may begin."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def reaped(self, status: int) -> None:
        """Its process was waited for by somebody else, with this exit code."""
        self._process.returncode = status

    def close(self) -> None:
        """Pass on the last of its output and let go of the pipe, though a grandchild may hold the other end."""
        self.relay()
        self._finish_line()
        self.let_go()
        if self._stdout is not None:
            self._stdout.close()

    def signal_group(self, signum: signal.Signals) -> None:
        try:
            os.killpg(self.pid, signum)
        except (ProcessLookupError, PermissionError):
            return  # Nobody is left in it; macOS says EPERM when all that are left are zombies.

    def _feed(self, config: bytes) -> None:
        if self._process.stdin is None:
            return
        try:
            self._process.stdin.write(config)
        except BrokenPipeError:
            return  # It ended at once; its exit code tells.

    def _pass_on(self, chunk: bytes) -> None:
        whole, newline, rest = (self._unfinished + chunk).rpartition(b"\n")
        if newline:
            self._output.write(self.program.name, whole)
        self._unfinished = rest
        if len(rest) > _READ_BYTES:
            self._finish_line()

    def _finish_line(self) -> None:
        if self._unfinished:
            self._output.write(self.program.name, self._unfinished)
            self._unfinished = b""


def _in_child(lifeline: Lifeline, parent: int) -> Callable[[], None]:
    def prepare() -> None:
        lifeline.hold(parent)

    return prepare
