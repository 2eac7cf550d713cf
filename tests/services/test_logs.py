"""Every line a process logs is one JSON object."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.services.logs import configure_logging


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_librarys_line_and_ours_look_alike(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")

    logging.getLogger("celery.worker").warning("lost %s", "it", extra={"host": "a.test"})
    structlog.get_logger("shoal").info("found it", host="a.test")

    library, ours = logged(capsys)
    assert (library["event"], library["level"], library["host"]) == ("lost it", "warning", "a.test")
    assert (ours["event"], ours["level"], ours["host"]) == ("found it", "info", "a.test")


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")

    try:
        raise ValueError("a mistake\nof two lines")
    except ValueError:
        logging.getLogger("shoal").exception("it failed")

    (line,) = logged(capsys)
    assert "ValueError: a mistake\nof two lines" in str(line["exception"])


def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")

    logging.getLogger("shoal").info("nothing")
    structlog.get_logger("shoal").info("nothing")

    assert logged(capsys) == []
