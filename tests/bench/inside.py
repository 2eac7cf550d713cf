"""The benchmark's end of `appside`: one process for each site, asked line by line."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.figures import NotMeasuredError

ANSWER_SECONDS = 400
_END_SECONDS = 10


class Inside:
    """Runs commands of `appside` with the settings of a site's server; within `with`, its process runs."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._env = dict(env)
        self._folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.appside"],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=_END_SECONDS)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()

    def ask(self, command: str, **arguments: Any) -> Any:
        """What the command answers. Raises NotMeasuredError when it fails or takes minutes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise NotMeasuredError(f"{command}: the process inside has ended") from None
        if not select.select([self._process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise NotMeasuredError(f"{command} took more than {ANSWER_SECONDS} s")
        line = self._process.stdout.readline()
        if not line:
            raise NotMeasuredError(f"{command} failed")
        return json.loads(line)
