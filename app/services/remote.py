"""Other servers: the one guarded client of this process."""

from __future__ import annotations

import threading
from importlib.metadata import version

from activitypub.addresses import AddressPolicy
from activitypub.fetch import GuardedClient
from app.settings import current

_client: GuardedClient | None = None
_client_lock = threading.Lock()


def remote_client() -> GuardedClient:
    """Its connections are kept for the life of the process, so it is made once."""
    global _client  # noqa: PLW0603  One pool a process.
    with _client_lock:
        if _client is None:
            settings = current()
            _client = GuardedClient(
                policy=AddressPolicy(settings.allow_networks),
                ca_file=settings.ca_file,
                is_refused=is_refused,
                user_agent=f"Shoal/{version('shoal')} (+{settings.origin})",
            )
        return _client


def is_refused(host: str) -> bool:
    """Whether the operator blocks it, or it is ours: who sends us to ourselves would have one of our threads wait for
    another, and what we say of ourselves is never learned from outside."""
    settings = current()
    return host == settings.host or settings.refuses(host)
