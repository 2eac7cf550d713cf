"""A server for what the documents tell to try."""

from __future__ import annotations

from tests.facades.conftest import database_url, postgres_url, server, sqlite_folder, sqlite_template

__all__ = ["database_url", "postgres_url", "server", "sqlite_folder", "sqlite_template"]
