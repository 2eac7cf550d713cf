"""Reads of figures that were kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Setting

STATISTICS: Final = "snapshot.statistics"
ACTIVITY: Final = "snapshot.activity"
RELEASE: Final = "snapshot.release"


class Snapshot(msgspec.Struct, frozen=True):
    taken_at: datetime
    figures: Mapping[str, Any]


def find_snapshot(session: Session, name: str) -> Snapshot | None:
    """The last one; None before the first."""
    value = session.scalar(select(Setting.value).where(Setting.name == name))
    return Snapshot(datetime.fromisoformat(value["taken_at"]), value["figures"]) if value is not None else None
