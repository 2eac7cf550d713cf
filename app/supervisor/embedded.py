"""`shoal serve`: migrations, then web, worker and (without REDIS_URL) the bundled broker, as our children."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from app.settings import Settings, SettingsError, runtime_dir
from app.supervisor import broker, commands, runtime_folder
from app.supervisor.child import Output
from app.supervisor.lifeline import make_lifeline
from app.supervisor.listen import wait_for_port
from app.supervisor.loop import Supervisor
from app.supervisor.program import HELD, Program, RestartPolicy

GRACE_SECONDS = 4.0  # A stop is promised within 5.


def serve(settings: Settings) -> int:
    """Run the server until SIGTERM or SIGINT; the exit code of the process.

    Raises SettingsError when another server holds the data folder or the port, or when the broker cannot be run.
    """
    with ExitStack() as stack:
        stack.enter_context(_alone(settings))
        wait_for_port(settings)
        if settings.has_own_broker:
            stack.enter_context(runtime_folder.held(runtime_dir(settings.data_dir)))
        environ = {**os.environ, "REDIS_URL": settings.redis_url, "PYTHONUNBUFFERED": "1"}
        return _supervise(settings, environ)


def _supervise(settings: Settings, environ: Mapping[str, str]) -> int:
    supervisor = Supervisor(
        Output(sys.stdout.buffer, name_width=7), make_lifeline(), policy=RestartPolicy(), grace_seconds=GRACE_SECONDS
    )
    with supervisor.signals():
        if settings.has_own_broker:
            supervisor.keep(broker.broker(settings, environ))
        # Reading its code takes the web process as long as migrating takes, so both are done at once.
        web = Program(name="web", argv=commands.web(), environ={**environ, HELD: "1"})
        supervisor.keep(web, is_held=True)
        migrated = supervisor.complete(Program(name="migrate", argv=commands.migrate(), environ=environ))
        if migrated == 0:
            supervisor.let_go(web.name)
            supervisor.keep(Program(name="worker", argv=commands.worker(with_beat=True), environ=environ))
            supervisor.run_until_stopped()
        supervisor.stop(last=[broker.NAME])
    return migrated or 0  # None: a stop was asked for while it migrated.


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the data folder; the kernel lets go of it however we end."""
    try:
        lock = (settings.data_dir / "serve.lock").open("a")
    except OSError as error:
        raise SettingsError(f"SHOAL_DATA cannot be written: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f"SHOAL_DATA is in use by another server: {settings.data_dir}") from None
        yield
