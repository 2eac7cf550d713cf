"""The least a Flask application can do under the same server: the limit that routes are held against.

`gunicorn tests.bench.bare:app` with BENCH_DATABASE_URL; the engine has the settings of the application's own.
"""

from __future__ import annotations

import os

from flask import Flask
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from app.db import Database

_metadata = MetaData()
_rows = Table("bare_rows", _metadata, Column("id", Integer, primary_key=True), Column("body", Text))
_engine = Database(os.environ["BENCH_DATABASE_URL"]).writing_engine
_body = "x" * 200


def make_app() -> Flask:
    _metadata.create_all(_engine)
    application = Flask(__name__)
    application.add_url_rule("/healthz", "health", lambda: "ok")
    application.add_url_rule("/", "bare", lambda: "ok", methods=["GET", "POST"])
    application.add_url_rule("/insert", "insert", store, methods=["POST"])
    return application


def store() -> tuple[str, int]:
    """One insert of SQLAlchemy Core, committed before the answer."""
    with _engine.begin() as connection:
        connection.execute(insert(_rows).values(body=_body))
    return "ok", 201


app = make_app()
