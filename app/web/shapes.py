"""What every model of a request's parameters and of an answer has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A model that pydantic builds its validator and serializer for when it is first used.

    There are two hundred of them; to build all at each start took a tenth of its time.
    """

    model_config = ConfigDict(defer_build=True)
