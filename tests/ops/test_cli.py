"""The command line: what it refuses, in one line and without a traceback."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.processes import clean_environ

PRODUCTION = {"SHOAL_ORIGIN": "https://chat.example", "SHOAL_SECRET_KEY": "s" * 32}


def shoal(*arguments: str, cwd: Path, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it in `cwd` with `given` on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=cwd,
        env=clean_environ(**environ),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["serve", "web", "worker", "beat", "flower", "migrate", "check"])
def test_no_command_starts_with_an_https_origin_and_no_secret(tmp_path: Path, command: str) -> None:
    result = shoal(command, cwd=tmp_path, SHOAL_ORIGIN="https://chat.example")

    assert result.returncode == 2
    assert result.stderr == "shoal: SHOAL_SECRET_KEY is required with an https SHOAL_ORIGIN\n"
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["web", "worker", "beat", "flower"])
def test_a_separate_process_needs_a_broker_of_its_own(tmp_path: Path, command: str) -> None:
    result = shoal(command, cwd=tmp_path)

    assert result.returncode == 2
    assert result.stderr == "shoal: REDIS_URL is required for a process of its own; shoal serve brings a broker\n"


def test_flower_needs_a_password(tmp_path: Path) -> None:
    result = shoal("flower", cwd=tmp_path, REDIS_URL="redis://localhost")

    assert result.returncode == 2
    assert result.stderr == "shoal: SHOAL_FLOWER_AUTH is required: Flower shows and stops tasks\n"


def test_the_file_in_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHOAL_WORKERS=none")

    result = shoal("serve", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stderr == "shoal: SHOAL_WORKERS must be a whole number from 1 to 64, not 'none'\n"


@pytest.mark.slow
def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = shoal("serve", cwd=tmp_path, PORT=str(port), SHOAL_BIND="127.0.0.1")

    assert result.returncode == 2
    assert result.stderr == f"shoal: PORT {port} cannot be listened on: Address already in use\n"


def test_a_data_folder_in_use_is_one_line(tmp_path: Path) -> None:
    import fcntl

    data = tmp_path / "data"
    data.mkdir()
    with (data / "serve.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        result = shoal("serve", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stderr == f"shoal: SHOAL_DATA is in use by another server: {data}\n"


def test_check_tells_what_answers(tmp_path: Path) -> None:
    result = shoal("check", cwd=tmp_path, SHOAL_ORGIN="https://chat.example")

    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        f"settings: good; http://localhost:7575, data in {tmp_path}/data",
        "database: sqlite answers",
        "broker: bundled, started by shoal serve",
    ]
    assert result.stderr == "shoal: SHOAL_ORGIN is not a setting\n"


def test_check_tells_what_does_not_answer(tmp_path: Path) -> None:
    result = shoal(
        "check",
        cwd=tmp_path,
        **PRODUCTION,
        DATABASE_URL="postgres://u:p@127.0.0.1:1/x",
        REDIS_URL="redis://127.0.0.1:1",
    )

    assert result.returncode == 1
    database, broker = (line for line in result.stderr.splitlines() if line.startswith(("database: ", "broker: ")))
    assert "127.0.0.1" in database
    assert "127.0.0.1:1" in broker
    assert "Traceback" not in result.stderr


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    shoal("migrate", cwd=folder).check_returncode()
    return folder


@pytest.fixture
def folder(empty_server: Path, tmp_path: Path) -> Path:
    """The folder of a server that nobody has an account on."""
    return Path(shutil.copytree(empty_server, tmp_path / "server"))


def test_init_makes_the_owner_of_an_empty_server_and_of_no_other(folder: Path) -> None:
    arguments = ("init", "--username", "alice", "--password-stdin")

    first = shoal(*arguments, cwd=folder, given="correct horse battery\n")
    second = shoal(*arguments, cwd=folder, given="correct horse battery\n")

    assert (first.returncode, first.stdout, first.stderr) == (0, "alice owns this server now.\n", "")
    assert (second.returncode, second.stdout, second.stderr) == (1, "", "shoal: This server has an owner already.\n")


def test_init_refuses_a_password_nobody_may_have(folder: Path) -> None:
    result = shoal("init", "--username", "alice", "--password-stdin", cwd=folder, given="\n")

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1


def test_a_database_is_not_served_under_another_origin_or_secret(folder: Path) -> None:
    moved = shoal("migrate", cwd=folder, SHOAL_ORIGIN="http://elsewhere")
    locked = shoal("migrate", cwd=folder, SHOAL_SECRET_KEY="another secret of 32 characters!")

    for result, word in ((moved, "http://elsewhere"), (locked, "SHOAL_SECRET_KEY")):
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert word in result.stderr


def test_init_before_migrate_is_one_line(tmp_path: Path) -> None:
    result = shoal("init", "--username", "alice", "--password-stdin", cwd=tmp_path, given="correct horse battery\n")

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
