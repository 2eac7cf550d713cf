"""Settings in a file: NAME=value lines, as a shell has them."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(
    r"""\s*(export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    ("(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>([^\s"'#]\S*([^\S\n]+[^\s#]\S*)*)?))
    (\s+\#.*)?\s*""",
    re.VERBOSE,
)


def read_dotenv(path: Path) -> dict[str, str]:
    """`export`, quotes and # comments mean what they mean in a shell, but nothing is expanded.

    Raises ValueError, which names the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{path} line {number} is not NAME=value")
        found[match["name"]] = next(value for value in match.group("double", "single", "bare") if value is not None)
    return found
