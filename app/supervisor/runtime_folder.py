"""The folder of the broker's socket: private, held for as long as the supervisor lives, and cleared away after it."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from app.settings import SettingsError

SOCKET: Final = "valkey.sock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder and hold it; the kernel lets go of it however we end, and then the next start of any server of
    this user's clears it away.

    Raises SettingsError when it is another's.
    """
    _clear_abandoned(folder)
    descriptor = _take(folder)
    try:
        yield
        with suppress(OSError):
            folder.rmdir()  # Unless something is in it that is not ours to remove.
    finally:
        os.close(descriptor)


def _take(folder: Path) -> int:
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _is_private(folder):
            raise SettingsError(f"{folder} is needed for a socket and is not private to this user: remove it")
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            # Whoever has the lock now is about to clear the folder away, and is done in a moment.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, folder):
                return descriptor
            os.close(descriptor)


def _clear_abandoned(like: Path) -> None:
    """Remove the folders of supervisors that were killed and could not do it themselves."""
    prefix = like.name.rpartition("-")[0]
    for folder in like.parent.glob(f"{prefix}-*"):
        with suppress(OSError):
            if folder != like and _is_private(folder):
                _clear_if_abandoned(folder)


def _clear_if_abandoned(folder: Path) -> None:
    """Raises OSError where it is held or holds anything else."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Servers from before there was a lock are known by their broker.
        if _is_at(descriptor, folder) and not _is_answered(folder / SOCKET):
            (folder / SOCKET).unlink(missing_ok=True)
            folder.rmdir()
    finally:
        os.close(descriptor)


def _is_private(folder: Path) -> bool:
    """The folder above it may be everybody's."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _is_at(descriptor: int, folder: Path) -> bool:
    """Whether the open folder is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.lstat())
    except FileNotFoundError:
        return False


def _is_answered(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True
