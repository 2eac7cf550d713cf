"""Failpoints: named places between two steps where a test has the process die, as a crash just there would.

Nothing happens at them unless `SHOAL_FAILPOINTS` names a folder, which the settings refuse for an origin that anybody
could have (docs/contributors.md).
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

# Not an operator's to set, so it is not in docs/configuration.md.
VARIABLE: Final = "SHOAL_FAILPOINTS"

_folder: Path | None = None


def folder(text: str, origin: str) -> Path | None:
    """What the variable says. Raises ValueError where it makes a server crash that people could be using.

    No server of the public internet has a name under .test (RFC 6761, section 6.2).
    """
    if text and not origin.endswith(".test"):
        raise ValueError("makes the server crash: it is for tests, with an origin under .test")
    return Path(text) if text else None


def arm(given: Path | None) -> None:
    """Look for armed failpoints in that folder from now on; None is how every server runs."""
    global _folder  # noqa: PLW0603  One process has one configuration.
    _folder = given


def reach(name: str) -> None:
    """Die here by SIGKILL if a file of that name is in the folder.

    The file is taken away first: of several processes one dies, and the one started in its place lives.
    """
    if _folder is None:
        return
    try:
        os.unlink(_folder / name)  # noqa: PTH108  One system call, which one process alone succeeds with.
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
