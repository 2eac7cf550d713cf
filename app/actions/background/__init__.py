"""Background tasks: what the server does for itself every so often, and what its staff sees of that."""

from app.actions.background.asking import run_now, toggle
from app.actions.background.running import due, install, run

__all__ = ["due", "install", "run", "run_now", "toggle"]
