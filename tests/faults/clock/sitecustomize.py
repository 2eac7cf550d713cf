"""What every process of a server under fault loads first: its clock is as far off as the test says (fault F17).

Python imports a module of this name by itself, from the folder that the test puts into PYTHONPATH. Only the time of
day steps, as on a machine whose clock is set; what measures durations goes on, and so does every sleep.
"""

import ctypes
import datetime as dt
import gc
import mmap
import os
import struct
import time
from pathlib import Path
from typing import Any

import uuid_utils

with Path(os.environ["FAULTS_CLOCK"]).open("rb") as _file:
    # A number of seconds that the test changes while we run.
    _seconds_off = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
_true_time_ns = time.time_ns
_true_uuid7 = uuid_utils.uuid7


def _time_ns() -> int:
    return _true_time_ns() + int(struct.unpack_from("d", _seconds_off)[0] * 1e9)


def _time() -> float:
    return _time_ns() / 1e9


def _now(cls: type[dt.datetime], tz: dt.tzinfo | None = None) -> dt.datetime:
    return cls.fromtimestamp(_time(), tz)


def _utcnow(cls: type[dt.datetime]) -> dt.datetime:
    return cls.fromtimestamp(_time(), dt.UTC).replace(tzinfo=None)


def _uuid7() -> uuid_utils.UUID:
    return _true_uuid7(nanoseconds=_time_ns())


def _replace(kind: type, **methods: Any) -> None:
    """Also of a type that is written in C, whose attributes may not be set."""
    attributes = gc.get_referents(kind.__dict__)[0]
    attributes.update({name: classmethod(method) for name, method in methods.items()})
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


time.time_ns = _time_ns
time.time = _time
uuid_utils.uuid7 = _uuid7  # type: ignore[assignment]  # Its own signature says no more than that it is built in.
_replace(dt.datetime, now=_now, utcnow=_utcnow)
