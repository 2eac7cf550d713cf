"""The tour in README.md, done as a reader would do it, against a real server."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from tests.docs.markdown import blocks, read, section
from tests.ops.processes import answers, clean_environ, free_port, started, wait_until

TOUR = "A five-minute tour"
PYTHON = ".venv/bin/python"
SERVER = "localhost:7575"
SECONDS = 60


@dataclass(frozen=True)
class Step:
    """Commands, and what the README shows of their output: `…` is any text, a line of it any lines."""

    commands: str
    shown: str


def steps() -> list[Step]:
    found = blocks(section(read("README.md"), TOUR))
    assert [block.language for block in found] == ["bash", "text"] * (len(found) // 2)
    return [Step(commands.text, shown.text) for commands, shown in zip(found[::2], found[1::2], strict=True)]


def pattern_of(shown: str) -> str:
    lines = [
        r"(?:[^\n]*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", r"[^\n]*?") + r"\n"
        for line in shown.strip().splitlines()
    ]
    return "".join(lines)


def is_as_shown(output: str, shown: str) -> bool:
    """Spaces at the ends of lines, which nobody sees, do not count."""
    seen = "\n".join(line.rstrip() for line in output.strip().splitlines())
    return re.fullmatch(pattern_of(shown), f"{seen}\n") is not None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Host and port of a new server."""
    port = free_port()
    environ = clean_environ(PORT=str(port), SHOAL_BIND="127.0.0.1")
    with started(["shoal", "serve"], log=tmp_path / "log", environ=environ, cwd=tmp_path) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=SECONDS, what="the start of the server")
        yield f"localhost:{port}"
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


@pytest.mark.e2e
def test_every_step_of_the_tour_gives_what_the_readme_shows(server: str, tmp_path: Path) -> None:
    mark = "-- the next step --"
    tour = [Step(*(text.replace(SERVER, server) for text in (step.commands, step.shown))) for step in steps()]
    script = f"echo '{mark}'\n".join(step.commands for step in tour)

    with (tmp_path / "output").open("w") as output:  # Not a pipe: the socket's listener would hold its other end.
        subprocess.run(
            ["bash", "-c", script.replace(PYTHON, shlex.quote(sys.executable))],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )

    outputs = (tmp_path / "output").read_text().split(f"{mark}\n")
    for step, seen in zip(tour, outputs, strict=False):
        assert is_as_shown(seen, step.shown), f"{step.commands}\ngave\n{seen}\nand not\n{step.shown}"
    assert len(outputs) == len(tour)


def test_the_tour_needs_no_more_than_a_fresh_server_has() -> None:
    commands = "".join(step.commands for step in steps())

    assert PYTHON in commands
    assert SERVER in commands
    assert not re.search(r"\bjq\b|--json|\bpip\b", commands)


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("one\ntwo\nthree\n", "one\n…\nthree\n"),
        ("one\nthree\n", "one\n…\nthree\n"),
        ('{"id":"user_01","a":1}\n', '{"id":"user_…","a":1}\n'),
        ("message_deleted \n", "message_deleted\n"),
    ],
)
def test_output_with_something_left_out_is_as_shown(output: str, shown: str) -> None:
    assert is_as_shown(output, shown)


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("one\ntwo\n", "one\n"),
        ("one\n", "one\ntwo\n"),
        ("one\ntwo\nfour\n", "one\n…\nthree\n"),
        ('{"id":"user_01",\n"a":1}\n', '{"id":"user_…","a":1}\n'),
        ("", "pong\n"),
    ],
)
def test_output_that_differs_is_not_as_shown(output: str, shown: str) -> None:
    assert not is_as_shown(output, shown)


@pytest.mark.e2e
def test_a_group_is_a_group_at_the_address_of_the_tour(server: str) -> None:
    """Which begins with http: nothing from elsewhere is taken under one, and our own is."""
    http, root = urllib3.PoolManager(), f"http://{server}/api/v1"
    signed_up = [
        http.request("POST", f"{root}/users/signup", json={"username": name, "password": "correct-horse"}).json()
        for name in ("ann", "ben", "cat")
    ]
    ann, ben, cat = ({"Authorization": f"Bearer {one['auth_token']}"} for one in signed_up)
    members = [http.request("GET", f"{root}/accounts", headers=one).json()["id"] for one in (ben, cat)]
    wanted = {"channel_type": "direct_message", "members": members}
    group = http.request("POST", f"{root}/channels", headers=ann, json=wanted).json()["id"]

    said = http.request("POST", f"{root}/channels/{group}/messages", headers=ben, json={"content": "here?"}).json()

    assert said["parent_channel"] == group
    read = http.request("GET", f"{root}/channels/{group}/messages", headers=cat).json()
    assert read["id_list"] == [said["id"]]
