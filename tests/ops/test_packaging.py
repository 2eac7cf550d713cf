"""What the package says that it needs, and what it needs."""

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.ops.processes import ROOT

OWN = {"app", "activitypub", "tasks", "migrations", "wsgi"}
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(\[\w+\])?([<>=~!].*)?$")


def test_every_import_is_of_a_declared_dependency() -> None:
    """A library that another one happens to bring is missing on the day that one stops."""
    distributions = packages_distributions()

    undeclared = {
        (str(path.relative_to(ROOT)), module)
        for path in runtime_files()
        for module in imported_modules(path)
        if module not in OWN | set(sys.stdlib_module_names)
        and not declared() & {normal(name) for name in distributions.get(module, [])}
    }

    assert undeclared == set()


def test_the_locks_pin_every_package_to_one_version() -> None:
    runtime, development = locked("requirements.lock"), locked("requirements-dev.lock")

    assert declared() <= runtime.keys()
    assert not runtime.keys() & development.keys()


def test_the_installed_versions_of_the_lock_meet_the_declared_ranges() -> None:
    from packaging.requirements import Requirement

    versions = locked("requirements.lock")

    for line in declared_lines():
        requirement = Requirement(line)
        assert requirement.specifier.contains(versions[normal(requirement.name)]), line


def runtime_files() -> Iterator[Path]:
    for name in OWN:
        yield from (ROOT / name).rglob("*.py")
    yield ROOT / "wsgi.py"


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def declared_lines() -> list[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    # The lock has the extra too: what it is for is imported when it is asked for.
    lines = [
        *config["options"]["install_requires"].splitlines(),
        *config["options.extras_require"]["s3"].splitlines(),
    ]
    return [line for line in lines if line and not line.startswith("#")]


def declared() -> set[str]:
    return {normal(match[1]) for line in declared_lines() if (match := REQUIREMENT.match(line))}


def locked(name: str) -> dict[str, str]:
    """Version by package; a line that is not `name==version` fails."""
    lines = (ROOT / name).read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith(("#", "-r "))]
    return {normal(package): version for package, version in pins}


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
