"""An S3 service for tests: moto's server, and a store in a bucket of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.services.storage.bucket import BucketStore
from app.settings import BucketSettings

BUCKET = "shoal-files"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Moto's server: S3 over HTTP, in a process of its own."""
    code = (
        "import sys, threading; from moto.server import ThreadedMotoServer\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False); server.start()\n"
        "print(server.get_host_and_port()[1], flush=True); sys.stdin.read(); server.stop()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        child.kill()


@pytest.fixture
def bucket(s3_endpoint: str) -> Iterator[BucketStore]:
    store = BucketStore(
        BucketSettings(bucket=BUCKET, endpoint=s3_endpoint, region="us-east-1", access_key="key", secret_key="secret")
    )
    store._client.create_bucket(Bucket=BUCKET)
    yield store
    for content in list(store.list_contents(before=datetime.max.replace(tzinfo=UTC))):
        store.delete(content.digest)
    for client in (store._client, store._brief_client):
        client.close()
