"""Storage: contents by their SHA-256, on the disk of this machine or in a bucket of an S3-compatible service."""

from __future__ import annotations

import threading

from app.services.storage.disk import DiskStore
from app.services.storage.store import Content, Store, copy_hashed
from app.settings import Settings, current

__all__ = ["Content", "Store", "copy_hashed", "make_store", "store"]

_lock = threading.Lock()
_made: tuple[Settings, Store] | None = None


def store() -> Store:
    """The store that the settings of this process name."""
    global _made  # noqa: PLW0603  One process has one store, as it has one configuration.
    settings = current()
    with _lock:
        if _made is None or _made[0] is not settings:
            _made = settings, make_store(settings)
        return _made[1]


def make_store(settings: Settings) -> Store:
    """Opens no connection."""
    if settings.s3 is None:
        return DiskStore(settings.data_dir / "files")
    from app.services.storage.bucket import BucketStore  # boto3 takes a second to import and is an extra.

    return BucketStore(settings.s3)
