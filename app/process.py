"""Making a process ready: which settings, which database, which keys. Web, workers and commands all begin here."""

from __future__ import annotations

from app import sealing
from app.db import connect
from app.keyring import Keyring
from app.settings import Settings, configure


def prepare(settings: Settings) -> None:
    """Connections are made when they are first needed, so this does not fail for a database that is away."""
    configure(settings)
    connect(settings.database_url)
    sealing.configure(Keyring(settings.secret_keys))
