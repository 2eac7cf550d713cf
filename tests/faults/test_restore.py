"""Fault F31: yesterday's backup is put back, and the rest of the world is a day ahead of us."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.waiting import eventually
from tests.faults import hosts
from tests.faults.fleet import Fleet, Place, uri_of
from tests.faults.rooms import Room, carriers, reaches_peer, room, words
from tests.faults.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_INBOX = f"{hosts.A.origin}/ap/inbox"
# The backup may hold the lease of a worker that was at it: it runs out after 60 s, and a sweep comes by.
_RESTORED_SECONDS = 100.0


def test_f31_after_an_old_backup_what_peers_repeat_is_taken_once(fleet: Fleet, tmp_path: Path) -> None:
    site, harbour, uri = fleet.sites["a"], room(fleet, "harbour", "a"), fleet.channel_uris["harbour"]
    kept, lost, said = words(), words(), words()
    before, after = fleet.peer.create(uri, kept, kept), fleet.peer.create(uri, lost, lost)
    assert fleet.peer.post(before, _INBOX) == 202
    harbour.hears(kept, seconds=30)
    backup = _copy_of(site, tmp_path)
    assert fleet.peer.post(after, _INBOX) == 202
    harbour.hears(lost, seconds=30)
    assert harbour.say(said).status == 201
    reaches_peer(fleet, said, seconds=30)

    _put_back(site, backup)

    assert [harbour.count(text) for text in (kept, lost, said)] == [1, 0, 0]
    last = words()
    for activity in (before, after, after, fleet.peer.create(uri, last, last)):
        assert fleet.peer.post(activity, _INBOX) == 202
    harbour.hears(last, seconds=_RESTORED_SECONDS)  # One host is heard in order.
    assert [harbour.count(text) for text in (kept, lost, said)] == [1, 1, 0]

    later = words()
    assert harbour.say(later).status == 201
    reaches_peer(fleet, later, seconds=_RESTORED_SECONDS)
    for name in "bc":
        room(fleet, "harbour", name).hears(later, seconds=_RESTORED_SECONDS)


def test_f31_who_joined_since_the_backup_may_join_again(fleet: Fleet, tmp_path: Path) -> None:
    site, owner = fleet.sites["a"], fleet.people["owner_a"]
    jetty = Room(fleet, Place("jetty", owner, owner.create_channel("jetty"), True))
    uri = uri_of(site, "jetty")
    backup = _copy_of(site, tmp_path)
    _join(fleet, uri, seconds=30)

    _put_back(site, backup)

    unheard, heard = words(), words()
    assert jetty.say(unheard).status == 201
    _join(fleet, uri, seconds=_RESTORED_SECONDS)
    assert jetty.say(heard).status == 201
    reaches_peer(fleet, heard, seconds=_RESTORED_SECONDS)
    assert carriers(fleet, unheard) == []


def _join(fleet: Fleet, uri: str, *, seconds: float) -> None:
    """The peer asks, and is let in."""
    follow = fleet.peer.follow(uri, words())
    assert fleet.peer.post(follow, _INBOX) == 202
    eventually(lambda: str(follow.id) in _accepted(fleet), timeout_seconds=seconds, what="the peer is let in")


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


def _accepted(fleet: Fleet) -> set[str]:
    """What the peer was told is accepted, by id."""
    objects = [
        arrival.activity.get("object") for arrival in fleet.peer.arrivals if arrival.activity["type"] == "Accept"
    ]
    return {str(given["id"] if isinstance(given, dict) else given) for given in objects}
