"""What sockets are told of outside of the pipeline, whose own step is `app/pipeline/publish.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db import wake
from app.models import Event


def tell(
    session: Session,
    type_: str,
    *,
    now: datetime,
    channel_id: str | None = None,
    conversation_id: str | None = None,
    message_id: str | None = None,
    **data: Any,
) -> None:
    """After the commit, in every process. Who hears of it is decided when it is sent (app/facades)."""
    session.execute(
        insert(Event).values(
            type=type_,
            channel_id=channel_id,
            conversation_id=conversation_id,
            message_id=message_id,
            data=data,
            created_at=now,
        )
    )
    wake(session, "events")
