"""What every answer of an API has in common."""

from __future__ import annotations

import msgspec


class Shape(msgspec.Struct):
    """An answer, or a part of one: its fields are the keys of a JSON object, and its docstring describes it."""
