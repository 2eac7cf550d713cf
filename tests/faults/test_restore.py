"""Fault F31: yesterday's backup is put back, and the rest of the world is a day ahead of us."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.waiting import eventually
from tests.faults import hosts
from tests.faults.fleet import Fleet
from tests.faults.rooms import reaches_peer, room, words
from tests.faults.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_INBOX = f"{hosts.A.origin}/ap/inbox"
# The backup may hold the lease of a worker that was at it: it runs out after 60 s, and a sweep comes by.
_RESTORED_SECONDS = 100.0


def test_f31_an_old_backup_takes_what_peers_repeat_and_gives_no_id_twice(fleet: Fleet, tmp_path: Path) -> None:
    site, harbour, uri = fleet.sites["a"], room(fleet, "harbour", "a"), fleet.channel_uris["harbour"]
    kept, lost, said = words(), words(), words()
    before, after = fleet.peer.create(uri, kept, kept), fleet.peer.create(uri, lost, lost)
    assert fleet.peer.post(before, _INBOX) == 202
    harbour.hears(kept, seconds=30)
    backup = _copy_of(site, tmp_path)
    assert fleet.peer.post(after, _INBOX) == 202
    harbour.hears(lost, seconds=30)
    forgotten = harbour.say(said)
    assert forgotten.status == 201
    reaches_peer(fleet, said, seconds=30)

    _put_back(site, backup)

    assert [harbour.count(text) for text in (kept, lost, said)] == [1, 0, 0]
    for activity in (after, before, after):
        assert fleet.peer.post(activity, _INBOX) == 202
    harbour.hears(lost, seconds=_RESTORED_SECONDS)
    assert harbour.count(kept) == 1

    later = words()
    sent = harbour.say(later)
    assert sent.status == 201
    assert _message_id(sent.document) != _message_id(forgotten.document)
    reaches_peer(fleet, later, seconds=_RESTORED_SECONDS)
    for name in "bc":
        room(fleet, "harbour", name).hears(later, seconds=_RESTORED_SECONDS)


def test_f31_who_follows_again_after_an_old_backup_is_let_in(fleet: Fleet, tmp_path: Path) -> None:
    site, uri = fleet.sites["a"], fleet.channel_uris["harbour"]
    follow = fleet.peer.follow(uri, words())
    undone = fleet.peer.undo(follow, words())
    for activity in (follow, undone):
        assert fleet.peer.post(activity, _INBOX) == 202
    backup = _copy_of(site, tmp_path)

    _put_back(site, backup)

    again = fleet.peer.follow(uri, words())
    assert fleet.peer.post(again, _INBOX) == 202
    eventually(
        lambda: str(again.id) in _accepted(fleet), timeout_seconds=_RESTORED_SECONDS, what="the peer is let in again"
    )
    text = words()
    assert room(fleet, "harbour", "a").say(text).status == 201
    reaches_peer(fleet, text, seconds=_RESTORED_SECONDS)


def _copy_of(site: Site, folder: Path) -> Path:
    """As `sqlite3 .backup` makes it, while the server runs (docs/operators.md)."""
    backup = folder / "shoal.db"
    with closing(sqlite3.connect(site.data / "shoal.db")) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    return backup


def _put_back(site: Site, backup: Path) -> None:
    site.stop()
    for file in site.data.glob("shoal.db*"):
        file.unlink()
    shutil.copy(backup, site.data / "shoal.db")
    site.start()
    site.wait_ready()


def _message_id(answer: dict[str, object]) -> object:
    message = answer["message_data"]
    assert isinstance(message, dict)
    return message["message_id"]


def _accepted(fleet: Fleet) -> set[str]:
    """What the peer was told is accepted, by id."""
    objects = [
        arrival.activity.get("object") for arrival in fleet.peer.arrivals if arrival.activity["type"] == "Accept"
    ]
    return {str(given["id"] if isinstance(given, dict) else given) for given in objects}
