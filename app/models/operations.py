"""What the server notes of its own running: background tasks and samples for charts."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Big, LongText, Name, Time


class BackgroundTask(Base):
    """How a background task has fared. Times of running are seconds; `running_since` is None while it rests."""

    __tablename__ = "background_tasks"

    id: Mapped[Name] = mapped_column(primary_key=True)
    is_enabled: Mapped[bool]
    runs: Mapped[Big] = mapped_column(default=0)
    errors: Mapped[Big] = mapped_column(default=0)
    total_runtime: Mapped[float] = mapped_column(default=0.0)
    last_run_at: Mapped[Time | None]
    last_error: Mapped[LongText | None]
    running_since: Mapped[Time | None]
    next_run_at: Mapped[Time]


class Sample(Base):
    """How much there was of something at a time, for what cannot be counted afterwards (people online)."""

    __tablename__ = "samples"

    name: Mapped[Name] = mapped_column(primary_key=True)
    taken_at: Mapped[Time] = mapped_column(primary_key=True)
    value: Mapped[Big]
