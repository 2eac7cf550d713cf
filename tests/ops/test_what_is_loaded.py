"""What a process has in memory before anybody uses it: nothing that few need, nothing of other processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.processes import clean_environ

WEB = "from gevent import monkey; monkey.patch_all(); import wsgi"
MASTER = "import gunicorn.app.wsgiapp, gunicorn.arbiter, app.gunicorn_conf"
WORKER = """
import app.supervisor.worker, celery.apps.worker
from celery.app.utils import find_app
find_app("tasks:celery_app").loader.import_default_modules()
"""
SIGN = """
from datetime import UTC, datetime
from activitypub.keys import generate_rsa
from activitypub.signatures import sign_cavage
sign_cavage("GET", "https://peer.test/u/bob", key_id="https://chat.test/a#main-key", private_key=generate_rsa(),
            now=datetime.now(UTC))
"""
NOBODY = {
    "PIL", "puremagic", "valkey", "xml.sax", "celery.bin", "prompt_toolkit", "alembic", "boto3", "aiortc", "emoji",
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        (WEB, NOBODY | {"celery.apps", "celery.worker", "psutil"}),
        (MASTER, NOBODY | {"flask", "gevent", "msgspec", "pydantic", "sqlalchemy"}),
        (WORKER, NOBODY | {"flask", "gevent", "gunicorn", "limits"}),
        (SIGN, {"httpsig", "pkg_resources"}),
    ],
    ids=["web", "gunicorn's master", "worker", "who signs a request"],
)
def test_a_process_loads_what_it_needs(code: str, unwanted: set[str], tmp_path: Path) -> None:
    environ = clean_environ(
        SHOAL_ORIGIN="https://chat.test",
        SHOAL_DATA=str(tmp_path),
        SHOAL_SECRET_KEY="s" * 43,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
        REDIS_URL="redis://127.0.0.1:1",
    )

    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))"],
        env=environ,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    ).stdout

    assert unwanted.intersection(json.loads(printed.splitlines()[-1])) == set()
