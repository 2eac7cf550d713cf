"""A server for what the documents tell to try."""

from __future__ import annotations

from tests.facades.conftest import database_url, server

__all__ = ["database_url", "server"]
