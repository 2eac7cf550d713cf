"""Background tasks and back-ups, for the staff (contracts/pufferblow.md, 10 and 11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from app.actions import background
from app.actions.background.registry import TASKS, BackgroundTask
from app.actions.backups import TASK as BACKUP
from app.actions.backups import change_backup_config, read_backup_config
from app.db import reading
from app.errors import InvalidInputError
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Flag
from app.queries.background_tasks import TaskState, get_state, list_states
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Administration"
PRIVILEGE = "manage_background_tasks"

TaskId = Annotated[str, Field(min_length=1, max_length=64)]


class WhichTask(Params):
    task_id: TaskId


class Switch(WhichTask):
    enabled: Flag


class BackupChanges(Params):
    """Whatever is left out stays as it is. The one mode is `file`; a mirror is refused."""

    enabled: Flag | None = None
    mode: Annotated[str | None, Field(max_length=16)] = None
    path: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    mirror_dsn: Annotated[str | None, Field(max_length=2048)] = None
    schedule_hours: Annotated[int | None, Field(ge=1, le=24 * 31)] = None
    max_files: Annotated[int | None, Field(ge=1, le=1000)] = None


class TaskShown(Shape):
    registered: bool
    enabled: bool
    next_run: Time | None
    running: bool
    runs: int
    errors: int
    last_run: Time | None
    last_error: str | None
    total_runtime: float
    name: str
    description: str
    schedule_label: str


class TasksShown(Shape):
    status_code: int
    tasks: dict[str, TaskShown]


class Switched(Done):
    task_id: str
    enabled: bool


class BackupConfigShown(Shape):
    enabled: bool
    mode: Literal["file"]
    path: str
    mirror_dsn: None
    schedule_hours: int
    max_files: int


class BackupConfigAnswer(Shape):
    status_code: int
    config: BackupConfigShown


class BackupConfigChanged(Done):
    config: BackupConfigShown


@API.signed_in(
    "POST",
    "/api/v1/background-tasks/status",
    params=NoParams,
    answer=TasksShown,
    tag=TAG,
    summary="How each background task has fared",
    privilege=PRIVILEGE,
    scope="instance:modify",
)
def show_tasks(_viewer: Viewer, _: NoParams) -> TasksShown:
    with reading() as session:
        states = list_states(session)
    now = datetime.now(UTC)
    shown = {task.id: _shown(task, states[task.id], now) for task in TASKS.values() if task.id in states}
    return TasksShown(status_code=200, tasks=shown)


@API.signed_in(
    "POST",
    "/api/v1/background-tasks/run",
    params=WhichTask,
    answer=Done,
    tag=TAG,
    summary="Have a background task run now, and wait for its end for up to twenty seconds",
    privilege=PRIVILEGE,
    errors={503},
    scope="instance:modify",
)
def run_task(viewer: Viewer, params: WhichTask) -> Done:
    background.run_now(viewer, params.task_id)
    return Done(status_code=200, message=f"Background task '{params.task_id}' executed successfully")


@API.signed_in(
    "POST",
    "/api/v1/background-tasks/toggle",
    params=Switch,
    answer=Switched,
    tag=TAG,
    summary="Switch a background task on or off",
    privilege=PRIVILEGE,
    scope="instance:modify",
)
def toggle_task(viewer: Viewer, params: Switch) -> Switched:
    background.toggle(viewer, params.task_id, enabled=params.enabled)
    state = "enabled" if params.enabled else "disabled"
    return Switched(
        status_code=200,
        message=f"Task '{params.task_id}' {state}.",
        task_id=params.task_id,
        enabled=params.enabled,
    )


@API.signed_in(
    "POST",
    "/api/v1/background-tasks/backup-config/get",
    params=NoParams,
    answer=BackupConfigAnswer,
    tag=TAG,
    summary="When and where back-ups of the database are made",
    privilege=PRIVILEGE,
    scope="instance:modify",
)
def show_backup_config(_viewer: Viewer, _: NoParams) -> BackupConfigAnswer:
    return BackupConfigAnswer(status_code=200, config=_backup_config())


@API.signed_in(
    "POST",
    "/api/v1/background-tasks/backup-config",
    params=BackupChanges,
    answer=BackupConfigChanged,
    tag=TAG,
    summary="Change when and where back-ups are made; a path is below the folder that SHOAL_BACKUPS names",
    privilege=PRIVILEGE,
    scope="instance:modify",
)
def set_backup_config(viewer: Viewer, params: BackupChanges) -> BackupConfigChanged:
    if params.mode not in (None, "file"):
        raise InvalidInputError("mode: only 'file' is supported.")
    if params.mirror_dsn:
        raise InvalidInputError("mirror_dsn: mirroring to another database is not supported.")
    change_backup_config(
        viewer,
        enabled=params.enabled,
        path=params.path,
        schedule_hours=params.schedule_hours,
        max_files=params.max_files,
    )
    return BackupConfigChanged(status_code=200, message="Backup configuration updated", config=_backup_config())


def _shown(task: BackgroundTask, state: TaskState, now: datetime) -> TaskShown:
    is_available = task.is_available()
    is_enabled = is_available and state.is_enabled
    return TaskShown(
        registered=is_available,
        enabled=is_enabled,
        next_run=iso(state.next_run_at) if is_enabled else None,
        running=state.is_running(now, task.longest),
        runs=state.runs,
        errors=state.errors,
        last_run=iso(state.last_run_at) if state.last_run_at else None,
        last_error=state.last_error,
        total_runtime=round(state.total_runtime, 6),
        name=task.name,
        description=task.description,
        schedule_label=_schedule(task.every()),
    )


def _schedule(every: timedelta) -> str:
    minutes = every // timedelta(minutes=1)
    return f"Every {minutes // 60}h" if minutes % 60 == 0 else f"Every {minutes}m"


def _backup_config() -> BackupConfigShown:
    config = read_backup_config()
    with reading() as session:
        is_enabled = get_state(session, BACKUP).is_enabled
    return BackupConfigShown(
        enabled=is_enabled,
        mode="file",
        path=str(config.path),
        mirror_dsn=None,
        schedule_hours=config.schedule_hours,
        max_files=config.max_files,
    )
