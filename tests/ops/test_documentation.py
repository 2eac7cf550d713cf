"""Settings and commands are documented."""

import re

from app.cli import main
from app.setting_docs import SETTINGS_DOCS
from tests.ops.processes import ROOT


def test_the_table_of_settings_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()

    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)

    assert rows == [tuple(doc) for doc in SETTINGS_DOCS]


def test_every_command_is_described_for_operators() -> None:
    text = (ROOT / "docs" / "operators.md").read_text()

    documented = re.findall(r"^\| `shoal ([a-z-]+)` \|", text, re.MULTILINE)

    assert sorted(documented) == sorted(main.commands)


def test_every_target_of_the_makefile_is_described_for_operators() -> None:
    text = (ROOT / "docs" / "operators.md").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    documented = re.findall(r"^\| `make ([a-z0-9-]+)[^`]*` \|", text, re.MULTILINE)

    assert sorted([*documented, "system-packages"]) == sorted(phony.split())
