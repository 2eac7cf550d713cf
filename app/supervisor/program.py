"""What the supervisor runs, and how patient it is with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

# In the environment of a program that is to wait for the end of its standard input before it begins.
HELD: Final = "SHOAL_HELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command with a name for its output; `config` is fed to its standard input, where no other user can read it."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(repr=False)
    config: bytes = field(default=b"", repr=False)


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses before a program that ended is started again: they double up to a limit, and a steady run forgets them."""

    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 30.0
    steady_after_seconds: float = 60.0

    def pause_seconds(self, crashes: int) -> float:
        """The pause after that many crashes in a row, counted from 1."""
        doublings = min(crashes - 1, 32)  # A float has no room for the power of a server that crashed for a year.
        return min(self.first_pause_seconds * 2.0**doublings, self.longest_pause_seconds)
