"""Kinds of parameters that several routes ask for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from app.queries.messages import MAX_PAGE

Id = Annotated[str, Field(min_length=1, max_length=64)]


def _read_flag(value: Any) -> bool:
    """A form knows texts only, and Python's clients write True."""
    text = value.lower() if isinstance(value, str) else value
    if text is True or text == "true":
        return True
    if text is False or text == "false":
        return False
    raise ValueError("A yes or no is written true or false.")


def _check_size(value: int) -> int:
    if value > MAX_PAGE:
        raise ValueError(f"`messages_per_page` number exceeded the maximal number which is '{MAX_PAGE}'")
    if value < 1:
        raise ValueError("`messages_per_page` must be at least 1")
    return value


Flag = Annotated[bool, BeforeValidator(_read_flag)]
PageNumber = Annotated[int, Field(ge=1, le=1_000_000)]
# The official SDK looks for the parameter's name in this one's error, so the check is ours.
PageSize = Annotated[int, AfterValidator(_check_size), Field(json_schema_extra={"minimum": 1, "maximum": MAX_PAGE})]
