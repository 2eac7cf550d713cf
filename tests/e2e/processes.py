"""Child processes: started in a session of their own, logged to a file, ended whole."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

LOG_TAIL_LINES = 60
REAP_SECONDS = 10.0


def free_port() -> int:
    """A loopback port nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ManagedProcess:
    """One program and all it starts. It can be started again after it ended, with the same log."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        folder: Path,
        user: str | None = None,
    ) -> None:
        self.log = log
        self._command = [str(part) for part in command]
        self._env = dict(env)
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if self.is_running:
            raise RuntimeError(f"{self._command[0]} already runs")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )

    def check_running(self) -> None:
        """Raise, with the end of the log, when it ended by itself."""
        if not self.is_running:
            code = None if self._process is None else self._process.returncode
            raise RuntimeError(f"{self._command[0]} ended with {code}:\n{self.log_tail()}")

    def stop(self, *, within_seconds: float, by: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end and wait; AssertionError, after a kill(), if it or a child outlives the time."""
        if self._process is None:
            return
        deadline = time.monotonic() + within_seconds
        left = self.family()
        self._process.send_signal(by)
        while left := [process for process in left if _is_alive(process)]:
            if time.monotonic() >= deadline:
                names = ", ".join(_describe(process) for process in left)
                self.kill()
                raise AssertionError(f"still there {within_seconds} s after {by.name}: {names}\n{self.log_tail()}")
            self._process.poll()
            time.sleep(0.02)
        self._process.wait()
        self._process = None

    def kill(self) -> None:
        """SIGKILL it and everything it started, however often that forks meanwhile."""
        if self._process is None:
            return
        deadline = time.monotonic() + REAP_SECONDS
        left = self.family()
        while left:
            for process in left:
                _kill(process)
            self._process.poll()
            if time.monotonic() >= deadline:
                raise AssertionError(f"will not die: {', '.join(_describe(process) for process in left)}")
            time.sleep(0.02)
            # Who lost the parent may be in the old list alone, who was just born is in the new one alone.
            left = [process for process in {*left, *self.family()} if _is_alive(process)]
        self._process.wait()
        self._process = None

    def log_tail(self) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def family(self) -> list[psutil.Process]:
        """The process, its descendants, and whoever of its session lost the parent; those that live."""
        if self._process is None:
            return []
        root = self._process.pid
        if self._process.poll() is not None and psutil.pid_exists(root):
            return []  # A stranger has the number, which it could not while anything of that session lived.
        everyone = psutil.process_iter()
        return [process for process in everyone if _belongs(process, root) and _is_alive(process)]


def _belongs(process: psutil.Process, root: int) -> bool:
    try:
        return os.getsid(process.pid) == root or any(parent.pid == root for parent in process.parents())
    except (OSError, psutil.Error):
        return False  # It ended while we looked.


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return  # It ended by itself, which is what was wanted.


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:80]}"
    except psutil.Error:
        return str(process.pid)
