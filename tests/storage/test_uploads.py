"""Uploads by a server as it runs: they take no memory to speak of, and what a crash leaves is found again."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from app import db
from app.actions.files.orphans import clean_up
from app.models import Blob, File
from app.process import prepare
from app.settings import Settings
from tests.facades.pufferblow.chat import Chat
from tests.facades.pufferblow.conftest import chats
from tests.live.conftest import postgres, valkey

__all__ = ["chats", "postgres", "valkey"]

MEGABYTE = 2**20
SIZE = 49 * MEGABYTE
REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def worker_of(chat: Chat) -> int:
    process = chat.near.child._process
    assert process is not None
    return int(psutil.Process(process.pid).children()[0].pid)


def peak_memory(pid: int) -> int:
    """The most that the process has ever had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def large_form(boundary: str) -> Iterator[bytes]:
    yield (f'--{boundary}\r\nContent-Disposition: form-data; name="attachments"; filename="large.zip"\r\n\r\n'.encode())
    for _ in range(SIZE // MEGABYTE):
        yield b"x" * MEGABYTE
    yield f"\r\n--{boundary}--\r\n".encode()


def test_fifty_megabytes_come_and_go_without_being_held(chats: Callable[[str], Chat]) -> None:
    chat = chats("sqlite")
    pid = worker_of(chat)
    chat.send(chat.owner, chat.lobby, "everything is read that is needed for sending")
    before = peak_memory(pid)
    length = sum(map(len, large_form("b")))
    client = http.client.HTTPConnection("127.0.0.1", chat.near.port, timeout=60)
    headers = {
        **chat.owner.bearer,
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(length),
        "Connection": "close",
    }

    client.request("POST", f"/api/v1/channels/{chat.lobby}/send_message", large_form("b"), headers)
    answer = client.getresponse()
    sent = answer.read()
    client.close()

    assert answer.status == 201, sent
    url = sent.decode().partition('"attachments":["')[2].partition('"')[0]
    served = chat.http.request("GET", f"http://127.0.0.1:{chat.near.port}{url}", preload_content=False)
    sum_ = hashlib.sha256()
    for chunk in served.stream(MEGABYTE):
        sum_.update(chunk)
    assert sum_.hexdigest() == hashlib.sha256(b"x" * SIZE).hexdigest()
    assert peak_memory(pid) - before < 16 * MEGABYTE


CRASH = """
import sys
from io import BytesIO
from pathlib import Path
from app.actions.installation import prepare_installation
from app.factory import make_app
from app.settings import Settings
import os
settings = Settings.from_env(os.environ, None)
client = make_app(settings).test_client()
prepare_installation(settings)
person = {"username": "alice", "password": "correct horse"}
token = client.post("/api/v1/users/signup", json=person).json["auth_token"]
(Path(os.environ["SHOAL_FAILPOINTS"]) / "upload.stored").touch()
form = {"directory": "uploads", "file": (BytesIO(b"x"), "x.txt")}
client.post(f"/api/v1/storage/upload?auth_token={token}", data=form)
sys.exit("it lives")
"""


def test_a_crash_between_the_file_and_its_row_leaves_what_the_clean_up_finds(tmp_path: Path) -> None:
    environ = {
        "SHOAL_DATA": str(tmp_path / "data"),
        "SHOAL_ORIGIN": "http://chat.test",
        "SHOAL_SECRET_KEY": "s" * 32,
        "SHOAL_FAILPOINTS": str(tmp_path),
    }
    shoal = [sys.executable, "-m", "app.cli", "migrate"]
    subprocess.run(shoal, cwd=REPOSITORY, env=os.environ | environ, check=True, capture_output=True)
    ended = subprocess.run([sys.executable, "-c", CRASH], cwd=REPOSITORY, env=os.environ | environ, check=False)
    assert ended.returncode == -signal.SIGKILL

    prepare(Settings.from_env(environ | {"SHOAL_FAILPOINTS": ""}, None))
    folder = tmp_path / "data" / "files"
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    with db.reading() as session:
        assert (session.query(File).count(), session.query(Blob).count()) == (0, 0)
    assert left == [hashlib.sha256(b"x").hexdigest()]
    assert clean_up(datetime.now(UTC)) == 0
    assert clean_up(datetime.now(UTC) + timedelta(hours=2)) == 1
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    db.database().engine.dispose()
