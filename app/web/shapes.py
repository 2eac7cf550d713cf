"""What every answer of an API has in common."""

from __future__ import annotations

import msgspec


class Shape(msgspec.Struct):
    """An answer, or a part of one: its fields are the keys of a JSON object, and its docstring describes it.

    What a field is given at run time is not looked at: mypy and the tests' server hold it to its type. What `msgspec`
    does not encode, such as a generator or a `Markup`, is a TypeError.
    """
