"""Fault F17: the clock of a whole server is put forward by an hour, and back."""

from __future__ import annotations

import pytest

from tests.e2e.waiting import eventually
from tests.faults.fleet import Fleet
from tests.faults.listener import Listener
from tests.faults.peer import Answer
from tests.faults.rooms import Room, carriers, reaches_peer, room, words
from tests.faults.site import Site
from tests.faults.workload import message_id_of

pytestmark = pytest.mark.timeout(400)

HOUR = 3600
# Two sweeps that come a little late, as for any hint that is lost.
_STEPPED_SECONDS = 45.0


@pytest.mark.e2e
def test_f17_nothing_waits_for_as_long_as_the_clock_was_put_back(fleet: Fleet) -> None:
    site, market, away = fleet.sites["b"], room(fleet, "market", "b"), room(fleet, "market", "c")
    person, port = market.place.person, site.port
    held, edited = words(), words()
    with Listener(person, port) as listener:
        eventually(lambda: listener.connections, what="the socket is open")
        site.set_clock(seconds_off=HOUR)
        # Nobody's token is good for longer than the clock says, and everybody gets another one.
        assert person.page(market.place.target).status == 401
        person.sign_in()
        _all_goes_on(fleet, site, market, away, listener)
        fleet.peer.script = lambda _activity: Answer(500)
        assert market.say(held).status == 201
        eventually(lambda: carriers(fleet, held), what="the peer is tried, and its host's timer set")
        message = _said(market, edited)
        assert person.edit(market.place.target, message, f"{edited} once").status == 200

        site.set_clock(seconds_off=0)

        fleet.peer.heal()
        reaches_peer(fleet, held, seconds=_STEPPED_SECONDS)
        _all_goes_on(fleet, site, market, away, listener)
        # The second edit is the last, although the first was made later.
        assert person.edit(market.place.target, message, f"{edited} twice").status == 200
        for side in (market, away):
            side.hears(f"{edited} twice", seconds=_STEPPED_SECONDS)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["a", "b"], ids=["SQLite", "PostgreSQL"])
def test_f17_a_server_goes_on_at_each_step_of_its_clock(fleet: Fleet, name: str) -> None:
    site, channel = fleet.sites[name], {"a": "harbour", "b": "market"}[name]
    home, away = room(fleet, channel, name), room(fleet, channel, "c")
    with Listener(home.place.person, site.port) as listener:
        eventually(lambda: listener.connections, what="the socket is open")
        for seconds_off in (-HOUR, 0, HOUR, -HOUR, 0):
            site.set_clock(seconds_off=seconds_off)
            home.place.person.sign_in()
            _all_goes_on(fleet, site, home, away, listener)


def _all_goes_on(fleet: Fleet, site: Site, home: Room, away: Room, listener: Listener) -> None:
    """Sending, delivering, being told, hearing from elsewhere, sweeping, and who is here: in the time of a sweep."""
    swept, said, heard = _last_sweep(site), words(), words()
    assert home.say(said).status == 201
    assert away.say(heard).status == 201
    away.hears(said, seconds=_STEPPED_SECONDS)
    home.hears(heard, seconds=_STEPPED_SECONDS)
    reaches_peer(fleet, said, seconds=_STEPPED_SECONDS)
    eventually(lambda: {said, heard} <= {*listener.connections[-1].told}, what="the socket is told")
    eventually(lambda: _last_sweep(site) != swept, timeout_seconds=_STEPPED_SECONDS, what="a sweep")
    eventually(lambda: _present(site) == 1, timeout_seconds=_STEPPED_SECONDS, what="the person is here")


def _said(talk: Room, text: str) -> str:
    """The id of the message."""
    return message_id_of(talk.say(text))


def _last_sweep(site: Site) -> object:
    return site.rows("SELECT value FROM settings WHERE name = 'last_sweep_at'")[0][0]


def _present(site: Site) -> int:
    count: int = site.rows("SELECT count(*) FROM presences")[0][0]
    return count
