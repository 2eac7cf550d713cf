"""Both stores keep what they are given, whole or not at all, and say so when they cannot."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from app.errors import UnavailableError
from app.services.storage import Store
from app.services.storage import bucket as bucket_module
from app.services.storage.bucket import BucketStore
from app.services.storage.disk import DiskStore
from app.settings import BucketSettings
from tests.services.moto_server import BUCKET, bucket, s3_endpoint

__all__ = ["bucket", "s3_endpoint"]

CONTENT = b"0123456789" * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return DiskStore(tmp_path / "files")
    found: Store = request.getfixturevalue("bucket")
    return found


def read(store: Store, start: int = 0, length: int = len(CONTENT)) -> bytes:
    return b"".join(store.read(DIGEST, start, length))


def test_what_is_put_is_there_in_whole_and_in_part(store: Store) -> None:
    assert not store.has(DIGEST)

    store.put(DIGEST, BytesIO(CONTENT))

    assert store.has(DIGEST)
    assert read(store) == CONTENT
    assert read(store, 99_995, 10) == CONTENT[99_995:100_005]
    assert read(store, len(CONTENT) - 3, 10) == CONTENT[-3:]
    assert read(store, 5, 0) == b""


def test_a_file_stays_open_and_may_be_put_twice(store: Store) -> None:
    file = BytesIO(CONTENT)

    store.put(DIGEST, file)
    store.put(DIGEST, file)

    assert read(store) == CONTENT
    assert not file.closed


def test_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("0" * 64, 0, 10)
    store.delete("0" * 64)


def test_a_content_that_is_not_what_its_digest_says_is_not_kept(store: Store) -> None:
    with pytest.raises(ValueError, match="digest"):
        store.put("0" * 64, BytesIO(CONTENT))

    assert not store.has("0" * 64)
    assert list(store.list_contents(before=datetime.max.replace(tzinfo=UTC))) == []


def test_contents_are_listed_by_when_they_were_put(store: Store) -> None:
    store.put(DIGEST, BytesIO(CONTENT))

    now = datetime.now(UTC)
    assert [content.digest for content in store.list_contents(before=now + timedelta(minutes=1))] == [DIGEST]
    assert list(store.list_contents(before=now - timedelta(minutes=1))) == []


def test_what_is_deleted_is_gone(store: Store) -> None:
    store.put(DIGEST, BytesIO(CONTENT))

    store.delete(DIGEST)

    assert not store.has(DIGEST)


def test_large_contents_go_to_the_bucket_in_parts(bucket: BucketStore) -> None:
    data = os.urandom(2**20) * 9
    digest = hashlib.sha256(data).hexdigest()

    bucket.put(digest, BytesIO(data))

    assert b"".join(bucket.read(digest, 0, len(data))) == data
    assert bucket._client.head_object(Bucket=BUCKET, Key=f"files/{digest[:2]}/{digest}")["ETag"].endswith('-2"')


def test_uploads_that_broke_off_are_swept(bucket: BucketStore) -> None:
    bucket._client.create_multipart_upload(Bucket=BUCKET, Key=f"files/00/{DIGEST}")

    bucket.sweep(before=datetime(2000, 1, 1, tzinfo=UTC))  # moto says of all that they began in 2010.
    assert len(bucket._client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1
    bucket.sweep(before=datetime.now(UTC) + timedelta(minutes=1))
    assert "Uploads" not in bucket._client.list_multipart_uploads(Bucket=BUCKET)


def test_a_bucket_that_is_away_is_unavailable(bucket: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "_bucket", "no-such-bucket")

    with pytest.raises(UnavailableError):
        bucket.put(DIGEST, BytesIO(CONTENT))
    with pytest.raises(UnavailableError):
        list(bucket.list_contents(before=datetime.now(UTC)))
    monkeypatch.undo()


def test_a_service_that_hangs_at_a_deletion_is_soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "_BRIEF_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        given = {"endpoint": endpoint, "region": "us-east-1", "access_key": "key", "secret_key": "secret"}
        store = BucketStore(BucketSettings(bucket=BUCKET, **given))
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            store.delete(DIGEST)
        seconds = time.monotonic() - began
        for client in (store._client, store._brief_client):
            client.close()

    assert 0.3 <= seconds < 2


def test_drafts_are_swept_once_they_are_old(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    (tmp_path / "00").mkdir()
    draft = tmp_path / "00" / ".draft-x"
    draft.write_bytes(b"half")

    store.sweep(before=datetime.now(UTC) - timedelta(minutes=1))
    assert draft.exists()
    assert list(store.list_contents(before=datetime.now(UTC) + timedelta(minutes=1))) == []
    store.sweep(before=datetime.now(UTC) + timedelta(minutes=1))
    assert not draft.exists()


def test_the_file_the_rename_and_the_folders_are_synced_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(tmp_path)}"[:13])

    def rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    DiskStore(tmp_path).put(DIGEST, BytesIO(CONTENT))

    assert done == [f"sync {DIGEST[:2]}/.draft-x"[:13], "rename", f"sync {DIGEST[:2]}", "sync ."]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_disk_that_is_full_or_broken_keeps_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store = DiskStore(tmp_path / "files")

    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(UnavailableError):
            store.put(DIGEST, BytesIO(CONTENT))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    store.put(DIGEST, BytesIO(CONTENT))
    assert read(store) == CONTENT


def test_a_file_larger_than_the_system_allows_keeps_no_part(tmp_path: Path) -> None:
    """The system's own answer, as a full disk gives it."""
    code = (
        "import resource, signal, sys; from io import BytesIO; from pathlib import Path\n"
        "from app.services.storage.disk import DiskStore; from app.errors import UnavailableError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"try: DiskStore(Path({str(tmp_path)!r})).put({DIGEST!r}, BytesIO(b'0123456789' * 20_000))\n"
        "except UnavailableError: sys.exit(3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False)

    assert ended.returncode == 3
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
