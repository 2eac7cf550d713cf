"""For whoever runs the server: is the process up, and can it do its work."""

from __future__ import annotations

from flask import Flask, Response
from sqlalchemy import text

from app.db import reading
from app.web.answers import json_answer
from app.web.shapes import Shape


class Health(Shape):
    status: str


def mount(app: Flask) -> None:
    app.add_url_rule("/healthz", "health.is_up", is_up)
    app.add_url_rule("/readyz", "health.is_ready", is_ready)


def is_up() -> Response:
    """Asks nothing of the database: a supervisor that restarts the process would not mend that."""
    return json_answer(Health(status="ok"))


def is_ready() -> Response:
    """503 while the database does not answer."""
    with reading() as session:
        session.execute(text("SELECT 1"))
    return json_answer(Health(status="ok"))
