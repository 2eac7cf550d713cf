"""The machine this process runs on: how busy it is, and how full."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import msgspec
import psutil

_FRESH_SECONDS: Final = 2.0
_FIRST_LOOK_SECONDS: Final = 0.1
_GIGABYTE: Final = 1024**3
_MEGABYTE: Final = 1024**2


class MachineUsage(msgspec.Struct, frozen=True):
    """`cpu_percent` is of all processors together; rates are since the look before."""

    cpu_percent: float
    ram_used_gb: float
    ram_total_gb: float
    ram_percent: float
    disk_read_mb_per_sec: float
    disk_write_mb_per_sec: float
    storage_used_gb: float
    storage_total_gb: float
    storage_percent: float
    uptime_seconds: float


class _Counters(msgspec.Struct, frozen=True):
    at: float
    read_bytes: int
    written_bytes: int


class Machine:
    """Looks at the machine at most every two seconds, however many ask. `folder` tells which disk is meant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._before: _Counters | None = None
        self._usage: MachineUsage | None = None

    def usage(self) -> MachineUsage:
        with self._lock:
            before = self._before
            if self._usage is None or before is None or time.monotonic() - before.at >= _FRESH_SECONDS:
                self._usage = self._look(before or self._look_first())
            return self._usage

    def _look_first(self) -> _Counters:
        """Rates need two looks; a short one is enough for whoever asks first."""
        psutil.cpu_percent(interval=None)
        counters = _count()
        time.sleep(_FIRST_LOOK_SECONDS)
        return counters

    def _look(self, before: _Counters) -> MachineUsage:
        self._before = now = _count()
        seconds = max(now.at - before.at, 0.001)
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(self._folder))
        return MachineUsage(
            cpu_percent=psutil.cpu_percent(interval=None),
            ram_used_gb=_round(memory.used / _GIGABYTE),
            ram_total_gb=_round(memory.total / _GIGABYTE),
            ram_percent=memory.percent,
            disk_read_mb_per_sec=_round((now.read_bytes - before.read_bytes) / _MEGABYTE / seconds),
            disk_write_mb_per_sec=_round((now.written_bytes - before.written_bytes) / _MEGABYTE / seconds),
            storage_used_gb=_round(disk.used / _GIGABYTE),
            storage_total_gb=_round(disk.total / _GIGABYTE),
            storage_percent=disk.percent,
            uptime_seconds=self.uptime_seconds(),
        )

    def uptime_seconds(self) -> float:
        """How long this process has been running."""
        started_at: float = psutil.Process().create_time()
        return round(max(0.0, time.time() - started_at), 1)


def _count() -> _Counters:
    counters = psutil.disk_io_counters()  # None where a container hides the disks.
    return _Counters(time.monotonic(), counters.read_bytes if counters else 0, counters.write_bytes if counters else 0)


def _round(value: float) -> float:
    return round(max(value, 0.0), 2)
