"""Lifelines: what ends the children of a supervisor that was killed and could not end them itself."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Lifeline(Protocol):
    """Told of each child; each child calls `hold` between fork and exec."""

    def hold(self, parent: int) -> None: ...

    def add(self, group: int) -> None: ...

    def remove(self, group: int) -> None: ...

    def close(self) -> None: ...


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, however that comes about. Linux only; survives exec."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # It ended before we asked.


class KernelLifeline:
    """Linux: the kernel kills the children in the same moment."""

    def hold(self, parent: int) -> None:
        die_with_parent(parent)

    def add(self, group: int) -> None:
        """Nothing to note: the kernel knows its children."""

    def remove(self, group: int) -> None:
        """Nothing to note: the kernel knows its children."""

    def close(self) -> None:
        """Nothing to end."""


class GuardLifeline:
    """Elsewhere: a small process (`guard.py`) reads a pipe that ends with us, then kills the groups it was told of."""

    def __init__(self) -> None:
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def hold(self, parent: int) -> None:
        """The guard does the holding."""

    def add(self, group: int) -> None:
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        self._tell(f"-{group}\n")

    def close(self) -> None:
        self._guard.kill()
        self._guard.communicate()

    def _tell(self, line: str) -> None:
        if self._guard.stdin is None:
            return
        try:
            self._guard.stdin.write(line.encode())
            self._guard.stdin.flush()
        except BrokenPipeError:
            return  # Somebody killed the guard; the children still end with an orderly stop.


def make_lifeline() -> Lifeline:
    return KernelLifeline() if sys.platform == "linux" else GuardLifeline()
