"""What another instance says of a message, read: what is wrong with it is an error, what is unknown is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from activitypub.attachments import Attachment
from app.facades.punctum.keys import MESSAGE
from app.facades.punctum.problems import WrongValueError
from app.pipeline.compose import ToldMessage


def read_message(raw: Mapping[str, Any], uri: str, in_reply_to: str | None) -> ToldMessage:
    """Raises MissingKeyError, WrongValueError, TooManyError."""
    known = {key: value for key, value in raw.items() if key != "reply_to"}
    given = MESSAGE.of_new({"content": "", **known})
    urls = [url for url in given.get("attached_files", []) if url.startswith("https://")]
    if not (given["content"].strip() or urls or given.get("embeds")):
        raise WrongValueError("content", "a text, where nothing is attached")
    now = datetime.now(UTC)
    edited = read_time("edit_date", raw["edit_date"]) if raw.get("edit_date") is not None else None
    return ToldMessage(
        uri=uri,
        text=given["content"],
        published=min(read_time("post_date", raw.get("post_date")), now),
        edited=min(edited, now) if edited is not None else None,
        in_reply_to=in_reply_to,
        links=[Attachment(url, name=url.rpartition("/")[2][:255]) for url in urls],
        embeds=given.get("embeds", []),
    )


def read_time(key: str, value: Any) -> datetime:
    """Raises WrongValueError for what is no time with an offset."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise WrongValueError(key, "a time in UTC")
    return at.astimezone(UTC)
