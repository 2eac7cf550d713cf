"""gunicorn with our settings, over a small application."""

import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.answers import refusal
from tests.ops.processes import clean_environ, free_port, is_running, started, wait_until


class Web:
    """A running gunicorn."""

    def __init__(self, port: int, pid: int, log: Path) -> None:
        self.port = port
        self.arbiter = psutil.Process(pid)
        self._log = log

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def log(self) -> str:
        return self._log.read_text()

    def answers(self) -> bool:
        try:
            return self.get("/")[0] == 200
        except OSError:
            return False


@pytest.fixture
def start_web(tmp_path: Path) -> Iterator[Callable[..., Web]]:
    with ExitStack() as stack:

        def start(
            settings: str = "app.gunicorn_conf", *, until: Callable[[Web], bool] = Web.answers, **environ: str
        ) -> Web:
            port, log = free_port(), tmp_path / "log"
            argv = [sys.executable, "-m", "gunicorn", "--config", f"python:{settings}", "tests.ops.small_app:app"]
            full = clean_environ(PORT=str(port), SHOAL_DATA=str(tmp_path / "data"), HOME=str(tmp_path), **environ)
            web = Web(port, stack.enter_context(started(argv, log=log, environ=full)).pid, log)
            wait_until(lambda: until(web), what="a start")
            return web

        yield start


def test_the_application_is_loaded_after_the_worker_was_patched(start_web: Callable[..., Web]) -> None:
    web = start_web()

    assert web.get("/") == (200, "http True")
    assert "Warning" not in web.log()


def test_an_error_is_logged_without_the_query(start_web: Callable[..., Web]) -> None:
    web = start_web(SHOAL_LOG_LEVEL="debug")

    status, _ = web.get("/fail?auth_token=very-secret")

    assert status == 500
    assert "failed on purpose" in web.log()
    assert "very-secret" not in web.log()


def test_what_is_no_request_is_refused_in_json_and_not_repeated(start_web: Callable[..., Web]) -> None:
    web = start_web()
    for line, status, reason in (
        (b"GET /?auth_token=very-secret HTTP/9.9\r\n", 400, "Bad Request"),
        (b"GET /" + b"very-secret" * 1000 + b" HTTP/1.1\r\n", 414, "URI Too Long"),
        (b"GET / HTTP/1.1\r\nContent-Length: very-secret\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\nExpect: very-secret\r\n", 417, "Expectation Failed"),
    ):
        with socket.create_connection(("127.0.0.1", web.port), timeout=5) as connection:
            connection.sendall(line + b"Host: x\r\n\r\n")
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")

        assert head.startswith(f"HTTP/1.1 {status} {reason}\r\n".encode())
        assert b"Content-Type: application/json" in head
        assert (status, json.loads(body)) == refusal(status, reason)


def test_headers_are_not_too_long_together_either(start_web: Callable[..., Web]) -> None:
    web = start_web()
    for count, status in ((3, 200), (5, 400), (99, 400)):
        with socket.create_connection(("127.0.0.1", web.port), timeout=5) as connection:
            accepts = b"".join(b"Accept: " + b"a," * 4000 + b"\r\n" for _ in range(count))
            connection.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n" + accepts + b"\r\n")
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")

        assert head.split()[1] == b"%d" % status
        assert status == 200 or json.loads(body) == refusal(400, "Bad Request")[1]


def chunked(path: str, *chunks: bytes) -> bytes:
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + pieces


@pytest.mark.parametrize(
    ("chunks", "answer"),
    [
        ([b"x"] * 1000, (200, "1000")),
        ([b"x" * 256] * 4096, (200, str(1 << 20))),
        ([b"x"] * 1100, (400, "")),
        ([b"x" * 200_000, *[b"x"] * 3000], (400, "")),
    ],
)
def test_a_body_has_no_very_many_small_chunks(
    start_web: Callable[..., Web], chunks: list[bytes], answer: tuple[int, str]
) -> None:
    web = start_web()
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as connection:
        connection.sendall(chunked("/body", *chunks))
        connection.shutdown(socket.SHUT_WR)
        answered = b""
        with suppress(ConnectionResetError):  # What is left of a body that was refused is not read.
            while read := connection.recv(1 << 16):
                answered += read

    status, length = answer
    assert answered.startswith(f"HTTP/1.1 {status} ".encode())
    assert length.encode() in answered
    assert web.answers()


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", bytes(1 << 20)),
        (chunked("/")[:-5], b"10000\r\n" + bytes(1 << 16) + b"\r\n"),
        (chunked("/")[:-5], b"1\r\nx\r\n" * 1000),
    ],
)
def test_a_body_that_nobody_wants_and_that_has_no_end_keeps_nobody_from_being_answered(
    start_web: Callable[..., Web], start: bytes, piece: bytes
) -> None:
    web = start_web("tests.ops.impatient_conf")
    began_at = time.monotonic()
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as connection:

        def flood() -> None:
            with suppress(OSError):
                connection.sendall(start)
                while time.monotonic() < began_at + 10:
                    connection.sendall(piece)

        flooding = threading.Thread(target=flood)
        flooding.start()
        assert web.answers()
        flooding.join()

    assert time.monotonic() < began_at + 9
    assert web.answers()


def test_who_asks_and_does_not_read_is_not_waited_for_and_others_are_read_to(start_web: Callable[..., Web]) -> None:
    web = start_web("tests.ops.impatient_conf")
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as silent:
        silent.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")

        assert len(web.get("/large")[1]) == 1000 << 16  # Takes longer than the patience for one piece of it.
        wait_until(lambda: web.log().count("done with it") == 2, what="an end of waiting")

        received = 0
        with suppress(ConnectionResetError):
            while read := silent.recv(1 << 20):
                received += len(read)
        assert received < 1000 << 16
    assert web.answers()
    assert "Traceback" not in web.log()


def test_while_very_much_waits_to_be_read_nobody_new_is_waited_for_long(start_web: Callable[..., Web]) -> None:
    web = start_web("tests.ops.crowded_conf")
    request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", web.port), timeout=5) as first,
        socket.create_connection(("127.0.0.1", web.port), timeout=5) as second,
    ):
        first.sendall(request)
        wait_until(lambda: web.log().count("began it") == 1, what="a beginning")
        second.sendall(request)

        wait_until(lambda: web.log().count("done with it") == 1, what="an end of waiting")
        assert len(web.get("/large")[1]) == 1000 << 16

        received = 0
        while received < 1000 << 16:  # Who was there before may take their time.
            read = first.recv(1 << 20)
            assert read
            received += len(read)


def test_who_reads_slowly_and_without_end_gets_all_of_it(start_web: Callable[..., Web]) -> None:
    """Twice as fast as is asked for, which a large buffer would hide for longer than the patience lasts."""
    web = start_web("tests.ops.impatient_conf")
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as slow:
        slow.sendall(b"GET /eight-megabytes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = 0
        while read := slow.recv(1 << 16):
            received += len(read)
            time.sleep(len(read) / (2 << 20))

    assert received > 128 << 16


def test_a_request_line_that_makes_no_sense_is_logged_without_the_query(start_web: Callable[..., Web]) -> None:
    web = start_web()

    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as connection:
        connection.sendall(b"GET /?auth_token=very-secret\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 400")

    assert "Invalid request from ip=127.0.0.1: Invalid HTTP request line: 'GET /?...'" in web.log()
    assert "very-secret" not in web.log()


def test_a_proxys_word_on_the_scheme_counts_only_when_it_is_trusted(start_web: Callable[..., Web]) -> None:
    assert start_web().get("/", **{"X-Forwarded-Proto": "https"}) == (200, "http True")


def test_a_trusted_proxys_word_on_the_scheme_counts(start_web: Callable[..., Web]) -> None:
    web = start_web(SHOAL_TRUSTED_PROXIES="127.0.0.0/8")

    assert web.get("/", **{"X-Forwarded-Proto": "https"}) == (200, "https True")


def test_the_application_hears_of_a_stop(start_web: Callable[..., Web]) -> None:
    web = start_web()

    web.arbiter.send_signal(signal.SIGTERM)

    assert web.arbiter.wait(timeout=5) == 0
    assert web.log().count("told to stop") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_loads_its_code_is_stopped_at_once(start_web: Callable[..., Web], number: int) -> None:
    web = start_web("tests.ops.sleepy_conf", until=lambda web: "begins to load" in web.log())

    web.arbiter.send_signal(number)

    assert web.arbiter.wait(timeout=2) == 0  # gunicorn is patient for 3 s.


@pytest.mark.slow
def test_a_client_that_says_nothing_does_not_hold_up_a_stop(start_web: Callable[..., Web]) -> None:
    web = start_web()
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(64).startswith(b"HTTP/1.1 200")

        web.arbiter.send_signal(signal.SIGTERM)

        assert web.arbiter.wait(timeout=4.5) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_workers_end_with_a_killed_arbiter(start_web: Callable[..., Web]) -> None:
    web = start_web()
    workers = [child.pid for child in web.arbiter.children()]

    web.arbiter.kill()

    assert len(workers) == 1
    wait_until(lambda: not is_running(workers[0]), seconds=0.9, what="the end of the worker")  # gunicorn takes 1 s.


def test_no_control_socket_is_left_in_the_home_folder(start_web: Callable[..., Web], tmp_path: Path) -> None:
    start_web()

    assert list(tmp_path.rglob("*.ctl")) == []
