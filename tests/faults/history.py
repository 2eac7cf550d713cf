"""The history of a run: what each client asked for, when, and what it was told."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

# `ok`: acknowledged. `fail`: refused, so it must not have happened. `unknown`: it may have happened, once.
Result = Literal["ok", "fail", "unknown"]
Kind = Literal["send", "edit", "delete"]


@dataclass(frozen=True, slots=True)
class Op:
    """`mark` names the message: it is the first word of its text for ever. Times are monotonic seconds."""

    client: str
    sequence: int
    kind: Kind
    place: str
    mark: str
    text: str
    began_at: float
    ended_at: float = 0.0
    result: Result = "unknown"
    note: str = ""


class History:
    """Ops in the order they ended; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ops: list[Op] = []

    def end(self, op: Op, result: Result, note: str) -> None:
        with self._lock:
            self._ops.append(replace(op, ended_at=time.monotonic(), result=result, note=note))

    @property
    def ops(self) -> list[Op]:
        with self._lock:
            return list(self._ops)

    def write(self, path: Path) -> None:
        """One JSON object a line, for whoever looks into a violation."""
        path.write_text("".join(json.dumps(asdict(op)) + "\n" for op in self.ops), encoding="utf-8")
