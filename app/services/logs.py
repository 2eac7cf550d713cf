"""Logs: one JSON object a line on standard output, whoever in the process writes it."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Nothing of ours logs these; a driver's or a library's exception may quote them.
_SECRETS = (
    (re.compile(r"\beyJ[\w-]{12,}(\.[\w-]+)*"), "***"),
    (re.compile(r"(://[^\s/:@\"\\]*):[^\s/@\"\\]+@"), r"\1:***@"),
    (
        re.compile(
            r"((?:auth_token|refresh_token|session_token|shared_secret|new_password|old_password|password|secret_key)"
            r"[\\\"']*\s*[=:]\s*[\\\"']*)[^\s\\\"'&,}]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
)


def without_secrets(line: str) -> str:
    """A line of the log without tokens, passwords and what opens a database."""
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    return line


def configure_logging(level: str, *, also: logging.Handler | None = None) -> None:
    """Send every logger of the process there, ours and the libraries'; `level` is debug, info, warning or error.

    `also` gets the same lines.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
    )
    handlers = [logging.StreamHandler(sys.stdout), *([also] if also is not None else [])]
    for handler in handlers:
        handler.setFormatter(formatter)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level.upper())
    # What it says to whoever debugs Authlib are the tokens themselves.
    logging.getLogger("authlib").setLevel(max(root.level, logging.INFO))


_to_json = structlog.processors.JSONRenderer()


def _render(logger: WrappedLogger, name: str, event: EventDict) -> str:
    return without_secrets(str(_to_json(logger, name, event)))
