"""The supervisor's loop: output, ends, restarts and the stop, in one thread that sleeps until something happens."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from app.supervisor.child import Child, Output
from app.supervisor.lifeline import Lifeline
from app.supervisor.program import Program, RestartPolicy

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_OWN_NAME = "shoal"


class Supervisor:
    """Keeps programs running until SIGTERM or SIGINT, then ends them within `grace_seconds` and a moment.

    Must live in the main thread, and wait for no other children while it runs: it reaps whatever ends.
    """

    def __init__(
        self,
        output: Output,
        lifeline: Lifeline,
        *,
        policy: RestartPolicy,
        grace_seconds: float,
    ) -> None:
        self._output = output
        self._lifeline = lifeline
        self._policy = policy
        self._grace_seconds = grace_seconds
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, Child] = {}
        self._kept: set[str] = set()
        self._held: set[str] = set()
        self._crashes: dict[str, int] = {}
        self._restarts: dict[str, tuple[float, Program]] = {}
        self._completed: dict[str, int] = {}
        self._stops_asked = 0

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Wake the loop by signals, and put everything back afterwards; whatever still runs then is killed."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        previous = {number: signal.signal(number, _note) for number in (*_STOP_SIGNALS, signal.SIGCHLD)}
        previous_wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ)
        try:
            yield
        finally:
            self._kill(list(self._running.values()))
            signal.set_wakeup_fd(previous_wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._selector.close()
            self._lifeline.close()
            os.close(reader)
            os.close(writer)

    def keep(self, program: Program, *, is_held: bool = False) -> None:
        """Start a program and start it again whenever it ends.

        One that is held may get ready, but waits for the end of its standard input: that is when it is let go.
        """
        self._kept.add(program.name)
        if is_held:
            self._held.add(program.name)
        self._spawn(program)

    def let_go(self, name: str) -> None:
        self._held.remove(name)
        for child in self._running.values():
            if child.program.name == name:
                child.let_go()

    def complete(self, program: Program) -> int | None:
        """Run a program to its end, the others meanwhile; its exit code, or None when a stop was asked for."""
        self._spawn(program)
        while program.name not in self._completed and not self._stops_asked:
            self._turn()
        return self._completed.pop(program.name, None)

    def run_until_stopped(self) -> None:
        while not self._stops_asked:
            self._turn()

    def stop(self, last: Sequence[str] = ()) -> None:
        """End all programs, those named in `last` after the rest. A second signal is taken as impatience."""
        deadline = time.monotonic() + self._grace_seconds
        self._restarts.clear()
        self._stops_asked = 1
        first = [child for child in self._running.values() if child.program.name not in last]
        self._end(first, deadline)
        self._end(list(self._running.values()), deadline)

    def _end(self, children: Sequence[Child], deadline: float) -> None:
        for child in children:
            child.signal_group(signal.SIGTERM)
        while any(child.pid in self._running for child in children):
            if time.monotonic() >= deadline or self._stops_asked > 1:
                return self._kill(children)
            self._turn(deadline)
        return None

    def _kill(self, children: Sequence[Child]) -> None:
        left = [child for child in children if child.pid in self._running]
        for child in left:
            self._say(f"{child.program.name} does not stop: killed")
            child.signal_group(signal.SIGKILL)
        while any(child.pid in self._running for child in left):
            self._turn()

    def _turn(self, deadline: float = float("inf")) -> None:
        """Sleep until there is something to do, then do it."""
        self._start_due()
        wake_at = min([deadline, *(at for at, _ in self._restarts.values())])
        timeout = None if wake_at == float("inf") else max(0.0, wake_at - time.monotonic())
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._count_stops(key.fd)
            elif not key.data.relay():
                self._selector.unregister(key.fd)
        self._reap()

    def _count_stops(self, reader: int) -> None:
        self._stops_asked += sum(number in _STOP_SIGNALS for number in os.read(reader, 4096))

    def _start_due(self) -> None:
        now = time.monotonic()
        for at, program in list(self._restarts.values()):
            if at <= now:
                del self._restarts[program.name]
                self._start_again(program)

    def _start_again(self, program: Program) -> None:
        """A machine that is short of memory or of processes, or a program that is just being replaced, ends nobody who
        runs."""
        try:
            self._spawn(program)
        except OSError as error:
            self._crashes[program.name] += 1
            self._put_off(program, f"cannot be started ({error.strerror})")

    def _spawn(self, program: Program) -> None:
        child = Child(program, self._output, self._lifeline, is_held=program.name in self._held)
        self._lifeline.add(child.pid)
        self._running[child.pid] = child
        self._selector.register(child.fileno(), selectors.EVENT_READ, child)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._running:
                self._ended(self._running.pop(pid), os.waitstatus_to_exitcode(status))

    def _ended(self, child: Child, code: int) -> None:
        child.reaped(code)
        child.signal_group(signal.SIGKILL)  # What it left behind in its group must not meet its successor.
        self._lifeline.remove(child.pid)
        if child.fileno() in self._selector.get_map():
            self._selector.unregister(child.fileno())
        child.close()
        if child.program.name in self._kept and not self._stops_asked:
            self._start_again_later(child, code)
        else:
            self._completed[child.program.name] = code

    def _start_again_later(self, child: Child, code: int) -> None:
        name = child.program.name
        now = time.monotonic()
        is_first = now - child.started_at >= self._policy.steady_after_seconds
        self._crashes[name] = 1 if is_first else self._crashes.get(name, 0) + 1
        self._put_off(child.program, f"ended with code {code}")

    def _put_off(self, program: Program, why: str) -> None:
        pause = self._policy.pause_seconds(self._crashes[program.name])
        self._restarts[program.name] = (time.monotonic() + pause, program)
        self._say(f"{program.name} {why}; starting it again in {pause:g} s")

    def _say(self, text: str) -> None:
        self._output.write(_OWN_NAME, text.encode())


def _note(_number: int, _frame: FrameType | None) -> None:
    """Signals must have a handler to reach the wake-up pipe; the loop reads them there."""
