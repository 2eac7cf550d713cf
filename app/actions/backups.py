"""Back-ups: copies of the database, whole or not at all, in the one folder that is meant for them.

A copy opens nothing without SHOAL_SECRET_KEY (or the data folder's `secret_key`), and neither is ever in it.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import URL, select, update
from sqlalchemy.orm import Session

from app.db import database, reading, transaction, upsert
from app.errors import InvalidInputError, UnavailableError
from app.models import BackgroundTask, Setting
from app.projections import audit
from app.queries.viewers import Viewer
from app.settings import current

TASK: Final = "database_backup"

_SETTING: Final = "backups"
_NAME: Final = re.compile(r"shoal-\d{8}T\d{6}Z\.(db|dump)")
_DRAFT: Final = ".shoal-draft-"
_DUMP_SECONDS: Final = 3600
_PART_BYTES: Final = 255
_PG_DUMPS: Final = "/usr/lib/postgresql/*/bin/pg_dump"


class BackupConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`folder` is below SHOAL_BACKUPS or that itself, relative to it; `max_files` are kept, the newest."""

    folder: str = "."
    schedule_hours: int = 24
    max_files: int = 7

    @property
    def path(self) -> Path:
        return _inside(self.folder)


def read_backup_config() -> BackupConfig:
    with reading() as session:
        return _read(session)


def change_backup_config(
    viewer: Viewer,
    *,
    enabled: bool | None = None,
    path: str | None = None,
    schedule_hours: int | None = None,
    max_files: int | None = None,
) -> None:
    """Change what is given. Raises InvalidInputError for a path outside of SHOAL_BACKUPS."""
    given: dict[str, Any] = {
        "folder": str(_inside(path).relative_to(current().backup_dir)) if path is not None else None,
        "schedule_hours": schedule_hours,
        "max_files": max_files,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with transaction() as session:
        config = replace(_read(session), **changes)
        _keep(session, config)
        if enabled is not None:
            session.execute(update(BackgroundTask).where(BackgroundTask.id == TASK).values(is_enabled=enabled))
        fields = [*changes, *(["enabled"] if enabled is not None else [])]
        audit.note(session, "backup_config_updated", actor_id=viewer.actor_id, target=TASK, fields=fields)


def back_up(now: datetime) -> Path:
    """Make a copy and let go of the oldest that are too many; returns the copy.

    Raises UnavailableError where that cannot be done; then there is no new file, and no old one is gone.
    """
    config = read_backup_config()
    folder = config.path
    source = database()
    name = f"shoal-{now:%Y%m%dT%H%M%SZ}.{'db' if source.is_sqlite else 'dump'}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_drafts(folder, before=now - timedelta(seconds=_DUMP_SECONDS))
        copy = _write_whole(source.url, folder, name)
        _prune(folder, newest=copy, keep=config.max_files)
    except OSError as error:
        raise UnavailableError(f"The folder for back-ups cannot be written: {error.strerror}.") from error
    return copy


def _inside(path: str) -> Path:
    """`path` below SHOAL_BACKUPS, links followed. Raises InvalidInputError for one that leads out of it."""
    base = current().backup_dir
    if any(len(os.fsencode(part)) > _PART_BYTES for part in Path(path).parts):
        raise InvalidInputError("path: a part of it is too long.")
    try:
        found = (base / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInputError("path: this is no path.") from error
    if found != base and base not in found.parents:
        raise InvalidInputError("path: back-ups stay in the folder that SHOAL_BACKUPS names.")
    return found


def _read(session: Session) -> BackupConfig:
    kept = session.scalar(select(Setting.value).where(Setting.name == _SETTING))
    return BackupConfig(**kept) if kept else BackupConfig()


def _keep(session: Session, config: BackupConfig) -> None:
    value = {"folder": config.folder, "schedule_hours": config.schedule_hours, "max_files": config.max_files}
    statement = upsert(session, Setting).values(name=_SETTING, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _write_whole(url: URL, folder: Path, name: str) -> Path:
    """Under another name until it is complete and on disk: what has the name of a back-up is one."""
    descriptor, draft_name = tempfile.mkstemp(dir=folder, prefix=_DRAFT)  # mkstemp's mode is 0600.
    os.close(descriptor)
    draft, copy = Path(draft_name), folder / name
    try:
        if url.get_backend_name() == "sqlite":
            _copy_sqlite(Path(url.database or ""), draft)
        else:
            _dump_postgresql(url, draft)
        _sync(draft)
        draft.rename(copy)
        _sync(folder)
    finally:
        draft.unlink(missing_ok=True)
    return copy


def _copy_sqlite(source: Path, draft: Path) -> None:
    """In one step: in several, every write in between would begin the copy anew. Writers do not wait for it."""
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(draft)) as copy,
        ):
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # So that one file is all of it.
            if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise UnavailableError("The copy of the database is damaged. Is the database itself?")
    except sqlite3.Error as error:
        raise UnavailableError("The database could not be copied.") from error


def _dump_postgresql(url: URL, draft: Path) -> None:
    program = _find_pg_dump()
    if program is None:
        raise UnavailableError("pg_dump is not installed where the workers run.")
    # The command line is for everybody on the machine to see.
    environ = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    command = [*_leash(), program, "--format=custom", "--no-password", f"--file={draft}", f"--dbname={address}"]
    try:
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=_DUMP_SECONDS)
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise UnavailableError("pg_dump could not copy the database; the log says more.") from RuntimeError(said)


def _find_pg_dump() -> str | None:
    """The one on PATH, or the newest of Debian's."""
    installed = sorted(Path("/").glob(_PG_DUMPS.lstrip("/")), key=lambda path: path.parts[-3].zfill(4))
    return shutil.which("pg_dump") or (str(installed[-1]) if installed else None)


def _leash() -> list[str]:
    """What has the program after it killed when this process is, where util-linux is installed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _remove_drafts(folder: Path, *, before: datetime) -> None:
    """What was last written before then is of a worker that was killed at it."""
    for path in folder.glob(f"{_DRAFT}*"):
        with suppress(FileNotFoundError):  # Another worker's, which has become a copy.
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                path.unlink()


def _prune(folder: Path, *, newest: Path, keep: int) -> None:
    """Files of other names are not ours to delete. Copies dated later than the newest are of a clock that was put back
    since, and go first."""
    copies = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    copies.sort(key=lambda path: (path.name <= newest.name, path.name))
    for path in copies[:-keep]:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
