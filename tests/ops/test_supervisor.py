"""The supervisor, over small programs that misbehave."""

import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.ops.processes import ROOT, clean_environ, is_running, started, wait_until

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: print('heard'))\n"
    "print('deaf')\n"
    "while True: time.sleep(60)"
)
NAMES_ITSELF = "import os, time; print('pid', os.getpid()); time.sleep(60)"
LEAVES_A_CHILD = (
    "import subprocess, sys, time; "
    "print('pid', subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid); {ending}"
)


class Supervised:
    """A supervisor process and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def wait_for(self, pattern: str, *, count: int = 1) -> list[str]:
        """The first groups, or wholes, of the first `count` matches of `pattern`."""
        wait_until(lambda: len(re.findall(pattern, self._log.read_text())) >= count, what=f"{pattern!r} x{count}")
        return re.findall(pattern, self._log.read_text())[:count]

    def ends(self, *, within_seconds: float) -> float:
        """How long it took to end with status 0."""
        since = time.monotonic()
        assert self.process.wait(timeout=within_seconds) == 0
        return time.monotonic() - since


Start = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(**description: Any) -> Supervised:
            log = tmp_path / "log"
            argv = [sys.executable, str(Path(__file__).with_name("supervised.py")), json.dumps(description)]
            return Supervised(stack.enter_context(started(argv, log=log, environ=clean_environ())), log)

        yield start


def test_each_line_of_a_child_carries_its_name(supervise: Start) -> None:
    code = "import sys; sys.stdout.write('one\\ntwo\\nunfinished'); sys.stderr.write(' line')"

    supervised = supervise(keep={"web": code})

    supervised.wait_for("ended with code")
    assert supervised.lines()[:3] == ["web   | one", "web   | two", "web   | unfinished line"]


def test_a_child_reads_its_configuration_from_standard_input(supervise: Start) -> None:
    supervised = supervise(keep={"web": f"print('got', input()); {SLEEP}"})

    assert supervised.wait_for(r"got (.+)") == ["the config"]


def test_a_crashing_child_is_started_again_after_pauses_that_double_up_to_a_limit(supervise: Start) -> None:
    code = "import time; print('at', time.monotonic()); raise SystemExit(3)"

    supervised = supervise(keep={"web": code}, policy={"first_pause_seconds": 0.1, "longest_pause_seconds": 0.3})

    starts = [float(at) for at in supervised.wait_for(r"at (\d+\.\d+)", count=5)]
    announced = supervised.wait_for(r"ended with code 3; starting it again in (\S+) s", count=4)
    assert announced == ["0.1", "0.2", "0.3", "0.3"]
    for (ended, again), pause in zip(itertools.pairwise(starts), announced, strict=True):
        assert again - ended >= float(pause)


def test_a_child_that_cannot_be_started_again_ends_nobody_and_is_started_when_it_can(
    supervise: Start, tmp_path: Path
) -> None:
    """As while a new version is installed, or without memory for one process more."""
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    leaves = f"import os, sys; print('up', os.getpid()); os.unlink({str(python)!r}); sys.exit(3)"

    supervised = supervise(keep={"web": leaves}, python=str(python), policy={"first_pause_seconds": 0.1})

    announced = supervised.wait_for(r"cannot be started \(No such file.*\); starting it again in (\S+) s", count=2)
    assert announced == ["0.2", "0.4"]
    python.symlink_to(sys.executable)
    assert len(set(supervised.wait_for(r"up (\d+)", count=2))) == 2


def test_a_steady_run_forgets_earlier_crashes(supervise: Start) -> None:
    code = "import time; time.sleep(0.3)"

    supervised = supervise(keep={"web": code}, policy={"first_pause_seconds": 0.1, "steady_after_seconds": 0.2})

    assert supervised.wait_for(r"again in (\S+) s", count=3) == ["0.1", "0.1", "0.1"]


def test_what_a_crashed_child_left_in_its_group_is_killed_before_its_successor_starts(supervise: Start) -> None:
    code = LEAVES_A_CHILD.format(ending="raise SystemExit(1)")

    supervised = supervise(keep={"web": code}, policy={"first_pause_seconds": 0.1})

    first, _second = supervised.wait_for(r"pid (\d+)", count=2)
    wait_until(lambda: not is_running(int(first)), what="the end of the left-over")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_children_and_then_the_supervisor(supervise: Start, number: signal.Signals) -> None:
    supervised = supervise(keep={"web": NAMES_ITSELF, "beat": NAMES_ITSELF})
    pids = supervised.wait_for(r"pid (\d+)", count=2)

    supervised.process.send_signal(number)

    assert supervised.ends(within_seconds=10) < 2
    assert not any(is_running(int(pid)) for pid in pids)


def test_a_child_that_ignores_sigterm_is_killed_when_the_grace_is_over(supervise: Start) -> None:
    supervised = supervise(keep={"web": STUBBORN}, grace_seconds=0.5)
    supervised.wait_for("deaf")

    supervised.process.send_signal(signal.SIGTERM)

    assert 0.4 < supervised.ends(within_seconds=10) < 2
    supervised.wait_for("web does not stop: killed")


def test_a_second_signal_ends_the_grace(supervise: Start) -> None:
    supervised = supervise(keep={"web": STUBBORN}, grace_seconds=60)
    supervised.wait_for("deaf")

    supervised.process.send_signal(signal.SIGINT)
    supervised.wait_for("heard")
    supervised.process.send_signal(signal.SIGINT)

    assert supervised.ends(within_seconds=10) < 2


def test_those_that_others_need_are_stopped_last(supervise: Start) -> None:
    says_bye = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep({pause}), print('bye'), sys.exit()))\n"
        "print('ready')\n"
        "time.sleep(60)"
    )
    supervised = supervise(keep={"redis": says_bye.format(pause=0), "web": says_bye.format(pause=0.3)}, last=["redis"])
    supervised.wait_for("ready", count=2)

    supervised.process.send_signal(signal.SIGTERM)

    supervised.ends(within_seconds=10)
    assert [line for line in supervised.lines() if line.endswith("bye")] == ["web   | bye", "redis | bye"]


def test_a_program_run_to_its_end_gives_its_exit_code_and_is_not_started_again(supervise: Start) -> None:
    supervised = supervise(once={"first": "raise SystemExit(4)", "then": "print('ran')"}, keep={"web": SLEEP})

    supervised.wait_for("then gave 0")
    assert supervised.lines() == ["first gave 4", "then  | ran", "then gave 0"]


def test_a_held_program_runs_but_waits_until_it_is_let_go(supervise: Start) -> None:
    waits = "import sys, time; print('ready'); sys.stdin.read(); print('begins'); time.sleep(60)"

    running = supervise(held={"web": waits}, once={"once": "import time; time.sleep(0.3); print('done')"})
    running.wait_for(r"web +\| begins")

    told = [line for line in running.lines() if line.endswith(("ready", "done", "gave 0", "begins"))]
    assert told.index("once  | done") < told.index("web   | begins")
    assert "web   | ready" in told


def test_a_stop_during_a_program_run_to_its_end_ends_that_too(supervise: Start) -> None:
    supervised = supervise(once={"first": NAMES_ITSELF})
    (pid,) = supervised.wait_for(r"pid (\d+)")

    supervised.process.send_signal(signal.SIGTERM)

    supervised.ends(within_seconds=10)
    assert not is_running(int(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_children_of_a_supervisor_killed_with_9_end_with_it(supervise: Start) -> None:
    supervised = supervise(keep={"web": NAMES_ITSELF, "deaf": f"import os; print('pid', os.getpid())\n{STUBBORN}"})
    pids = supervised.wait_for(r"pid (\d+)", count=2)

    supervised.process.kill()

    wait_until(lambda: not any(is_running(int(pid)) for pid in pids), seconds=2, what="the end of the children")


def test_without_that_kernel_a_guard_kills_children_and_grandchildren(supervise: Start) -> None:
    family = f"import os; print('pid', os.getpid()); {LEAVES_A_CHILD.format(ending='time.sleep(60)')}"
    supervised = supervise(keep={"web": family}, guard=True)
    pids = supervised.wait_for(r"pid (\d+)", count=2)

    supervised.process.kill()

    wait_until(lambda: not any(is_running(int(pid)) for pid in pids), seconds=5, what="the end of the family")


def test_a_guard_ends_with_an_orderly_stop(supervise: Start) -> None:
    supervised = supervise(keep={"web": NAMES_ITSELF}, guard=True)
    supervised.wait_for(r"pid (\d+)")
    guards = _children_named(supervised.process.pid, "guard.py")

    supervised.process.send_signal(signal.SIGTERM)

    supervised.ends(within_seconds=10)
    assert len(guards) == 1
    assert not is_running(guards[0])


def test_a_reader_of_the_output_that_goes_away_stops_nobody(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    code = f"import time\nwhile True:\n  open({str(ticks)!r}, 'a').write('.'); print('tick'); time.sleep(0.02)"
    argv = [sys.executable, str(Path(__file__).with_name("supervised.py")), json.dumps({"keep": {"web": code}})]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, env=clean_environ(), cwd=ROOT)
    try:
        assert process.stdout is not None
        process.stdout.readline()

        process.stdout.close()

        before = ticks.stat().st_size
        wait_until(lambda: ticks.stat().st_size > before + 5, what="more ticks")
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_children_inherit_no_files_of_the_supervisor(supervise: Start) -> None:
    lists_files = f"import os; print('files', len(os.listdir('/dev/fd'))); {SLEEP}"

    supervised = supervise(keep={"web": lists_files, "beat": lists_files})

    assert supervised.wait_for(r"files (\d+)", count=2) == ["4", "4"]  # The standard three, and the listing's own.


def _children_named(pid: int, name: str) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children() if any(name in part for part in child.cmdline())]
