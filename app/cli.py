"""The command line: `shoal serve` for everything at once, the others for one thing each."""

from __future__ import annotations

import importlib.resources
import os
import sys
from collections.abc import Callable

import click

from app.settings import Settings, SettingsError, load_settings, unknown_variables
from app.supervisor import commands


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="shoal")
def main() -> None:
    """Shoal, a community chat server. Settings come from the environment and .env; see docs/configuration.md."""


@main.command()
def serve() -> None:
    """Migrate, then run web, worker, beat and (without REDIS_URL) a broker until SIGTERM or Ctrl-C."""
    from app.supervisor.embedded import serve as run

    settings = load_settings()
    _warn_of_unknown_variables()
    try:
        status = run(settings)
    except SettingsError as error:
        raise _failure(str(error), status=2) from None
    raise SystemExit(status)


@main.command()
def migrate() -> None:
    """Bring the database up to date."""
    from alembic import command
    from alembic.config import Config

    settings = load_settings()
    config = Config(attributes={"settings": settings})
    config.set_main_option("script_location", str(importlib.resources.files("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")
    _prepare(settings)


def _prepare(settings: Settings) -> None:
    from app.actions.installation import prepare_installation
    from app.errors import AppError
    from app.keyring import WrongKeyError
    from app.process import prepare

    prepare(settings)
    try:
        prepare_installation(settings)
    except (AppError, WrongKeyError) as error:
        raise _failure(str(error), status=2) from error


@main.command()
@click.option("--username", prompt=True, help="Name of the account.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
def init(*, username: str, password_stdin: bool) -> None:
    """Create the owner's account on an empty server."""
    from app.actions.accounts import create_owner
    from app.errors import AppError

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask_password()
    try:
        create_owner(load_settings(), username=username, password=password)
    except AppError as error:
        raise _failure(str(error), status=1) from error
    click.echo(f"{username} owns this server now.")


@main.command()
def web() -> None:
    """Run the web process alone."""
    _require_redis_url(load_settings())
    _become(commands.web())


@main.command()
@click.option("--beat", "with_beat", is_flag=True, help="Send the periodic tasks too; one worker may.")
def worker(*, with_beat: bool) -> None:
    """Run a Celery worker alone."""
    settings = load_settings()
    _require_redis_url(settings)
    if commands.is_compiled_lean() and sys.flags.optimize < 2:
        _become(commands.worker(with_beat=with_beat))
    from app.supervisor.worker import work

    raise SystemExit(work(settings, with_beat=with_beat))


@main.command()
def beat() -> None:
    """Run Celery's beat alone."""
    settings = load_settings()
    _require_redis_url(settings)
    _become(commands.beat(settings))


@main.command()
def flower() -> None:
    """Run Flower, the monitor of Celery, behind SHOAL_FLOWER_AUTH."""
    settings = load_settings()
    _require_redis_url(settings)
    if settings.flower_auth is None:
        raise _failure("SHOAL_FLOWER_AUTH is required: Flower shows and stops tasks", status=2)
    os.environ["FLOWER_BASIC_AUTH"] = settings.flower_auth
    _become(commands.flower(settings))


@main.command()
def check() -> None:
    """Check the settings, and that database and broker answer."""
    settings = load_settings()
    _warn_of_unknown_variables()
    click.echo(f"settings: good; {settings.origin}, data in {settings.data_dir}")
    answers = [_probe("database", lambda: _ask_database(settings)), _probe("broker", lambda: _ask_broker(settings))]
    if not all(answers):
        raise SystemExit(1)


def _probe(name: str, ask: Callable[[], str]) -> bool:
    try:
        click.echo(f"{name}: {ask()}")
    except Exception as error:  # noqa: BLE001  The answer is made here, whatever a driver raised.
        click.echo(f"{name}: {error.__cause__ or error}", err=True)
        return False
    return True


def _ask_database(settings: Settings) -> str:
    from sqlalchemy import text

    from app.db import Database

    database = Database(settings.database_url)
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    return f"{database.url.get_backend_name()} answers"


def _ask_broker(settings: Settings) -> str:
    if settings.has_own_broker:
        return "bundled, started by shoal serve"
    from redis import Redis

    Redis.from_url(settings.redis_url, socket_connect_timeout=3, socket_timeout=3).ping()
    return "answers"


def _ask_password() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _require_redis_url(settings: Settings) -> None:
    if settings.has_own_broker:
        raise _failure("REDIS_URL is required for a process of its own; shoal serve brings a broker", status=2)


def _warn_of_unknown_variables() -> None:
    for name in unknown_variables(os.environ):
        click.echo(f"shoal: {name} is not a setting", err=True)


def _failure(message: str, *, status: int) -> SystemExit:
    click.echo(f"shoal: {message}", err=True)
    return SystemExit(status)


def _become(argv: list[str]) -> None:
    os.execv(argv[0], argv)  # noqa: S606  The process manager's signals must reach the real program.


if __name__ == "__main__":
    main()
