"""Attacks on storage: a disk that is full, a database that is restarted, and what is deleted while it is written to."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.e2e.waiting import eventually
from tests.hostile import media, snapshot
from tests.hostile.arena import Arena
from tests.hostile.asking import ask, compose
from tests.hostile.cases import Json
from tests.hostile.effects import Run
from tests.hostile.sessions import somebody_new
from tests.hostile.spare import Spare
from tests.hostile.wire import Answer

_FULL, _RESTART, _DELETE = "disk full", "PostgreSQL restarts", "the channel is deleted meanwhile"
OUTAGES: Final = frozenset({_FULL, _RESTART})
"""Setups in which a worker cannot store anything for a while, and says so in the log."""
_SENDS: Final = 100
_UPLOAD_EVERY: Final = 10
_UPLOAD_BYTES: Final = 200_000
_SENDERS: Final = 4
_UNDER_LOAD_SECONDS: Final = 0.5
_RECOVERY_SECONDS: Final = 5.0


def why_not(arena: Arena, case: Json) -> str | None:
    """Why this cannot be done to the server."""
    if not isinstance(arena, Spare):
        return None
    if case.get("setup") == _FULL and arena.disk is None:
        return "no small disk: only root can mount one"
    if case.get("setup") == _RESTART and arena.cluster is None:
        return "SQLite has no server that could be restarted"
    return None


def fill_up(run: Run) -> None:
    """Messages and files while the disk has room, then while it has none, and after there is room again."""
    arena = run.spare
    assert arena.disk is not None
    try:
        for number in range(_SENDS):
            if number == _SENDS // 5:
                _make_tight(arena)
                arena.disk.fill()
            run.answers.append(ask(run, number))
            if number % _UPLOAD_EVERY == 0:
                run.answers.append(_upload(arena))
    finally:
        arena.disk.make_room()
    if all(answer.status == 201 for answer in run.answers):
        run.problems.append("nothing was refused: the disk was not full")

    def is_well() -> bool:
        again = [ask(run, _SENDS), _upload(arena)]
        run.answers.extend(again)
        return all(answer.status == 201 for answer in again)

    eventually(is_well, timeout_seconds=_RECOVERY_SECONDS, what="messages and files are taken again")


def _make_tight(arena: Spare) -> None:
    """SQLite's log keeps the room it once had: without it, the next message needs some."""
    if not arena.is_postgresql:
        with arena.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _upload(arena: Arena) -> Answer:
    content = secrets.token_hex(_UPLOAD_BYTES // 2)
    return media.upload(arena, "/api/v1/storage/upload", {"directory": "attachments"}, "file", content)


def restart(run: Run) -> None:
    """People go on sending while it is away, and each says the same again until it is taken, and once more."""
    arena = run.spare
    is_over = threading.Event()
    with ThreadPoolExecutor(_SENDERS) as pool:
        senders = [pool.submit(_insist, run, is_over) for _ in range(_SENDERS)]
        time.sleep(_UNDER_LOAD_SECONDS)
        arena.restart_database()
        restarted = time.monotonic()
        is_over.set()
        said = [sender.result() for sender in senders]
    run.measured["wanted"] = sum(said)
    if time.monotonic() - restarted > _RECOVERY_SECONDS:
        run.problems.append(f"messages were not taken {_RECOVERY_SECONDS} s after the database was back")
    somebody_new(arena)  # The worker finds its connections cut, too, and works again.


def _insist(run: Run, is_over: threading.Event) -> int:
    """How many messages somebody sent, one more than before the end."""
    count, is_last = 0, False
    while not is_last:
        is_last = is_over.is_set()
        sent = compose(run)
        while True:
            answer = run.send_raw(sent)
            run.answers.append(answer)
            if answer.status != 503:
                break
            time.sleep(0.1)
        run.answers.append(run.send_raw(sent))
        count += 1
    return count


def delete_channel(run: Run) -> None:
    """One outcome for everybody: it was sent before it was gone, or it is not found."""
    arena = run.spare
    made = {"channel_name": f"pier-{secrets.token_hex(4)}", "is_private": False}
    channel = str(arena.api("POST", "/api/v1/channels/create/", made, who="alice")["channel_data"]["channel_id"])
    path = f"/api/v1/channels/{channel}"
    run.before = snapshot.take(arena.engine)
    with ThreadPoolExecutor(_SENDERS) as pool:
        sends = [pool.submit(_say, arena, f"{path}/send_message") for _ in range(run.case["repeat"])]
        sends[0].result()
        run.answers.append(arena.send_json("DELETE", f"{path}/delete", token=arena.words["tok:alice"]))
        run.answers += [send.result() for send in sends]
    late = [_say(arena, f"{path}/send_message"), _read(arena, f"{path}/load_messages")]
    run.problems += [f"the channel is gone, and answered {answer.status}" for answer in late if answer.status != 404]
    listed = arena.api("POST", "/api/v1/channels/list/", who="alice")
    if channel in json.dumps(listed):
        run.problems.append("the channel is gone, and listed")


def _say(arena: Arena, path: str) -> Answer:
    return arena.send_json("POST", path, {"message": "x"}, token=arena.words["tok:alice"])


def _read(arena: Arena, path: str) -> Answer:
    return arena.send_json("GET", path, token=arena.words["tok:alice"])


SCRIPTS: Final[Mapping[str, Callable[[Run], None]]] = {_FULL: fill_up, _RESTART: restart, _DELETE: delete_channel}
