"""The names of the benchmark come and go, and nobody else's do."""

from __future__ import annotations

from pathlib import Path

from tests.bench.names import resolvable

OTHERS = "127.0.0.1 localhost\n127.0.0.21 a.shoal.test\n"


def test_names_are_there_only_meanwhile(tmp_path: Path) -> None:
    hosts_file = tmp_path / "hosts"
    hosts_file.write_text(OTHERS)

    with resolvable({"one.test": "127.0.0.2", "two.test": "127.0.0.3"}, hosts_file=hosts_file):
        during = hosts_file.read_text()

    assert during.startswith(OTHERS)
    assert "127.0.0.2 one.test\n127.0.0.3 two.test\n" in during
    assert hosts_file.read_text() == OTHERS


def test_what_a_killed_run_left_goes_and_what_others_added_stays(tmp_path: Path) -> None:
    hosts_file = tmp_path / "hosts"
    hosts_file.write_text(OTHERS.rstrip("\n"))
    abandoned = resolvable({"old.test": "127.0.0.2"}, hosts_file=hosts_file)
    abandoned.__enter__()
    with hosts_file.open("a") as file:
        file.write("127.0.0.9 other.test\n")

    with resolvable({"new.test": "127.0.0.3"}, hosts_file=hosts_file):
        during = hosts_file.read_text()

    assert "old.test" not in during
    assert hosts_file.read_text() == f"{OTHERS}127.0.0.9 other.test\n"
