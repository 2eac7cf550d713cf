"""Work in real threads under gevent: names that nobody answers keep nothing else from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Twelve, because gevent has ten threads for all that is done off the loop.
STUCK = """
from gevent import monkey
monkey.patch_all()
import _socket, gevent, os, socket
from app.services.threads import look_up_names_apart, off_the_loop

waited_for, end = os.pipe()  # A real thread may not wait for anything of gevent's.
asked = []

def stuck(host, port, *others, **named):
    asked.append(host)
    os.read(waited_for, 1)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

_socket.getaddrinfo = stuck
look_up_names_apart()
lookups = [gevent.spawn(socket.getaddrinfo, f"stuck{number}.test", 443) for number in range(12)]
with gevent.Timeout(10):
    while len(asked) < 12:
        gevent.sleep(0.01)
    print(off_the_loop(lambda: "done"), flush=True)
os.write(end, bytes(12))
gevent.joinall(lookups, raise_error=True)
"""


@pytest.mark.parametrize("resolver", ["thread", "ares", "block"])
def test_names_that_nobody_answers_keep_no_other_work_waiting(resolver: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", STUCK],
        cwd=Path(__file__).parents[2],
        env={"GEVENT_RESOLVER": resolver},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (finished.returncode, finished.stdout) == (0, "done\n"), finished.stderr
