"""The log and the settings of the running server, for the staff (contracts/pufferblow.md, 11)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec
from pydantic import AfterValidator, Field

from app.actions.server import change_server
from app.errors import InvalidInputError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Flag
from app.facades.pufferblow.server_info import ServerChanges, changes_of
from app.queries.runtime_config import changeable, runtime_config, started_with
from app.queries.server_settings import server_settings
from app.queries.viewers import Viewer
from app.services.log_ring import LINES, read_log
from app.settings import current
from app.web.fields import Fields, Params, parse
from app.web.shapes import Shape

TAG = "Administration"

_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "critical"})
_FIELD: Final = re.compile(r'"(timestamp|level|logger|event)": "([^"\\]*)"')
_NOTE: Final = (
    f"The last {LINES} lines of web processes and workers; the newest come first. The whole log is on stdout."
)


def _check_level(given: str) -> str:
    level = given.strip().lower()
    if level not in _LEVELS | {"", "all"}:
        raise ValueError(f"level: one of {', '.join(sorted(_LEVELS))}.")
    return "" if level == "all" else level


class WhichLines(Params):
    lines: Annotated[int, Field(ge=1, le=1000)] = 100
    search: Annotated[str, Field(max_length=200)] = ""
    level: Annotated[str, Field(max_length=16), AfterValidator(_check_level)] = ""


class WhichConfig(Params):
    """`include_secrets` is taken and changes nothing: secrets are shown to nobody."""

    include_secrets: Flag = False


class ConfigChanges(Params):
    """Settings by the names that are shown, in capitals or not."""

    settings: Annotated[dict[str, Any], Field(max_length=100)]


class RuntimeChanges(ServerChanges):
    """What may be changed while the server runs."""

    max_rate_limit_requests: Annotated[int | None, Field(ge=5, le=10_000_000)] = None
    rate_limit_duration: Annotated[int | None, Field(ge=1, le=1440)] = None
    max_rate_limit_warnings: Annotated[int | None, Field(ge=1, le=10_000)] = None
    require_login_to_read: Flag | None = None


class LogLine(Shape):
    content: str
    raw: str


class LogShown(Shape):
    status_code: int
    logs: list[LogLine]
    total_lines: int
    filtered: bool
    log_file: str
    note: str


class ConfigShown(Shape):
    status_code: int
    runtime_config: dict[str, Any]


class ConfigChanged(Done):
    updated_keys: list[str]
    restart_required_keys: list[str]
    restart_required: bool
    affected_keys: list[str]


@API.signed_in(
    "POST",
    "/api/v1/system/logs",
    params=WhichLines,
    answer=LogShown,
    tag=TAG,
    summary="The last lines of the log, without secrets, the newest first",
    privilege="view_audit_logs",
    errors={503},
    scope="instance:modify",
)
def show_log(_: Viewer, params: WhichLines) -> LogShown:
    settings = current()
    known = [_Line(raw) for raw in read_log(settings.redis_url, installation=settings.origin)]
    wanted = [line for line in known if line.matches(params.search, params.level)]
    newest = wanted[: -params.lines - 1 : -1]
    return LogShown(
        status_code=200,
        logs=[LogLine(content=line.content, raw=line.raw) for line in newest],
        total_lines=len(newest),
        filtered=bool(params.search or params.level),
        log_file="stdout",
        note=_NOTE,
    )


@API.signed_in(
    "POST",
    "/api/v1/system/runtime-config",
    params=WhichConfig,
    answer=ConfigShown,
    tag=TAG,
    summary="Every setting and what it is; secrets are hidden from everybody",
    privilege="manage_server_settings",
    scope="instance:modify",
)
def show_config(_viewer: Viewer, _: WhichConfig) -> ConfigShown:
    return ConfigShown(status_code=200, runtime_config=runtime_config())


@API.signed_in(
    "PUT",
    "/api/v1/system/runtime-config",
    params=ConfigChanges,
    answer=ConfigChanged,
    tag=TAG,
    summary="Change settings while the server runs; those of the environment are changed where it is started",
    privilege="manage_server_settings",
    scope="instance:modify",
)
def change_config(viewer: Viewer, params: ConfigChanges) -> ConfigChanged:
    given = {name.upper(): value for name, value in params.settings.items()}
    _check_names(given)
    changes = changes_of(parse(RuntimeChanges, Fields(json={name.lower(): value for name, value in given.items()})))
    change_server(viewer, changes, kind="runtime_config_updated")
    keys = [name.upper() for name in changes]
    return ConfigChanged(
        status_code=200,
        message="Runtime config updated",
        updated_keys=keys,
        restart_required_keys=[],
        restart_required=False,
        affected_keys=keys,
    )


def _check_names(given: dict[str, Any]) -> None:
    """Raises InvalidInputError for a setting that there is not, or that cannot be changed from here."""
    runtime, fixed = changeable(server_settings()), started_with(current())
    for name in given:
        if name in fixed:
            raise InvalidInputError(f"{name} is set in the environment the server is started with.")
        if name not in runtime:
            raise InvalidInputError("settings: there is no such setting.")


class _Line:
    """One line of the log: JSON, the beginning of a long one, or whatever a program of others wrote."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        try:
            entry = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError:
            entry = {"event": raw} | dict(_FIELD.findall(raw))
        self.level = str(entry.get("level", ""))
        parts = (entry.get("timestamp"), self.level.upper(), entry.get("logger"), entry.get("event"))
        self.content = " | ".join(str(part) for part in parts if part)

    def matches(self, search: str, level: str) -> bool:
        return (not level or self.level == level) and search.lower() in self.raw.lower()
