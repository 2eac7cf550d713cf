"""What this server is (contracts/pufferblow.md, 10 and 13.27)."""

from __future__ import annotations

from importlib.metadata import version

from app.db import reading
from app.facades.pufferblow.api import API
from app.queries.instance import get_instance
from app.web.api import NoParams
from app.web.shapes import Shape

_VERSION = version("shoal")


class Info(Shape):
    status_code: int
    name: str
    version: str
    description: str


@API.public(
    "GET", "/api/v1/info", params=NoParams, answer=Info, tag="General", summary="Name and version of this server"
)
def info(_: NoParams) -> Info:
    with reading() as session:
        instance = get_instance(session)
    return Info(status_code=200, name=instance.name, version=_VERSION, description=instance.description)
