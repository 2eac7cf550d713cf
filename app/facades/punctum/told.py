"""What another instance says of a message, read: what is wrong with it is an error, what is unknown is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from activitypub.attachments import Attachment
from app.facades.punctum.keys import MESSAGE
from app.facades.punctum.problems import WrongValueError
from app.facades.punctum.values import many
from app.pipeline.compose import ToldMessage
from app.queries.punctum.federated import MAX_REACTIONS
from app.queries.punctum.shortcodes import is_shortcode, to_sign

_READ_ELSEWHERE: Final = frozenset({"reply_to", "reactions"})


def read_message(raw: Mapping[str, Any], uri: str, in_reply_to: str | None) -> ToldMessage:
    """Raises MissingKeyError, WrongValueError, TooManyError."""
    known = {key: value for key, value in raw.items() if key not in _READ_ELSEWHERE}
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
        embeds=[_without_paths(embed) for embed in given.get("embeds", [])],
    )


def _without_paths(embed: Mapping[str, Any]) -> dict[str, Any]:
    """A path there would be one of ours here."""
    return {key: value for key, value in embed.items() if key != "embed_image" or value.startswith("https://")}


def read_reactions(raw: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Each sign with the ID of who reacted; None from an instance that does not say whose they are.

    Raises WrongValueError, TooManyError.
    """
    signs = many("reactions", raw.get("reactions") or [], most=MAX_REACTIONS)
    authors = many("reaction_authors", raw.get("reaction_authors") or [], most=MAX_REACTIONS)
    if len(authors) != len(signs):
        return None
    known = [
        (sign, id_)
        for sign, id_ in zip(signs, authors, strict=True)
        if isinstance(sign, str) and is_shortcode(sign) and isinstance(id_, str)
    ]
    return [(to_sign(sign), id_) for sign, id_ in known]


def read_time(key: str, value: Any) -> datetime:
    """Raises WrongValueError for what is no time with an offset."""
    try:
        at = datetime.fromisoformat(value)
        in_utc = at.astimezone(UTC)  # The first and the last hours that can be written are in no other zone.
    except (TypeError, ValueError, OverflowError):
        raise WrongValueError(key, "a time in UTC") from None
    if at.tzinfo is None:
        raise WrongValueError(key, "a time in UTC")
    return in_utc
