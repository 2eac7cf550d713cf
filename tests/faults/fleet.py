"""Three real servers, the peer, and the people and places on them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import urllib3

from tests.e2e.hosts import ensure_hosts
from tests.e2e.postgres import PostgresCluster, find_postgres_binaries
from tests.e2e.tls import CertificateAuthority
from tests.e2e.valkey import ValkeyServer
from tests.e2e.waiting import eventually
from tests.faults import hosts
from tests.faults.fault_proxy import FaultProxy
from tests.faults.peer import Peer
from tests.faults.person import Person, new_key
from tests.faults.site import Site

CHANNELS = ("harbour", "market")  # The first lives on A, the second on B.


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or a conversation as one person has it: `target` is a channel's id here, or the peer's handle."""

    name: str
    person: Person
    target: str
    is_channel: bool


@dataclass(frozen=True, slots=True)
class Fleet:
    """A stands on SQLite and its own broker, B on PostgreSQL and Valkey behind fault proxies, C on PostgreSQL."""

    authority: CertificateAuthority
    sites: dict[str, Site]
    postgres: PostgresCluster
    valkey: ValkeyServer
    database_link: FaultProxy
    broker_link: FaultProxy
    peer: Peer
    people: dict[str, Person]
    places: list[Place]
    private_channel: str
    channel_uris: dict[str, str]

    def heal(self) -> None:
        """End every fault that holds, start what is down, and wait until all are ready."""
        self.peer.heal()
        for link in (self.database_link, self.broker_link, *(site.ingress for site in self.sites.values())):
            link.heal()
        for server in (self.postgres, self.valkey):
            if not server.process.is_running:
                server.process.kill()
                server.start()
        for site in self.sites.values():
            site.disarm()
            site.set_clock(seconds_off=0)
            site.revive()
            site.start()
        for site in self.sites.values():
            site.wait_ready()


@contextlib.contextmanager
def open_fleet(folder: Path, *, seed: int, is_split: bool) -> Iterator[Fleet]:
    """Start it all and have everybody follow everything. With `is_split`, no supervisor of Shoal's stands between us
    and web and worker, so that they can be killed every few seconds without its growing pauses.

    Raises RuntimeError where there is no PostgreSQL, HostsUnavailableError without the addresses.
    """
    binaries = find_postgres_binaries()
    if binaries is None:
        raise RuntimeError("no PostgreSQL: initdb is neither in /usr/lib/postgresql nor on PATH")
    ensure_hosts(hosts.ALL)
    authority = CertificateAuthority(folder)
    rng = random.Random(seed)
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresCluster(binaries))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey"))
        database_link = stack.enter_context(FaultProxy(postgres.port, rng))
        broker_link = stack.enter_context(FaultProxy(valkey.port, rng))
        peer = stack.enter_context(Peer(hosts.MOCK, authority))
        urls = {name: postgres.create_database(f"faults_{name}") for name in "bc"}
        behind = urls["b"].replace(f":{postgres.port}/", f":{database_link.port}/")
        broker = f"redis://127.0.0.1:{broker_link.port}"
        env: dict[str, dict[str, str]] = {
            "a": {"REDIS_URL": f"{broker}/1"} if is_split else {},
            "b": {"DATABASE_URL": behind, "REDIS_URL": f"{broker}/2"},
            "c": {"DATABASE_URL": urls["c"]} | ({"REDIS_URL": f"{broker}/3"} if is_split else {}),
        }
        sites = {
            host.name[0]: Site(host, authority, folder / host.name[0], rng, env[host.name[0]])
            for host in (hosts.A, hosts.B, hosts.C)
        }
        for name, site in sites.items():
            site.set_direct_url(urls.get(name, ""))
            site.open(stack)
        for site in sites.values():
            site.wait_ready()
        yield _settle(authority, sites, postgres, valkey, database_link, broker_link, peer)


def _settle(
    authority: CertificateAuthority,
    sites: dict[str, Site],
    postgres: PostgresCluster,
    valkey: ValkeyServer,
    database_link: FaultProxy,
    broker_link: FaultProxy,
    peer: Peer,
) -> Fleet:
    people = {
        f"{role}_{name}": site.person(f"{role}_{name}") for role in ("owner", "guest") for name, site in sites.items()
    }
    for person in people.values():
        person.sign_up()
    homes = dict(zip(CHANNELS, ("a", "b"), strict=True))
    uris = {}
    for channel, home in homes.items():
        people[f"owner_{home}"].create_channel(channel)
        uris[channel] = uri_of(sites[home], channel)
    private = people["owner_a"].create_channel("cellar", is_private=True)
    people["owner_a"].send(private, "not for guests", new_key())
    places = []
    for channel, home in homes.items():
        for name in sites:
            if name != home:
                people[f"owner_{name}"].follow(f"{channel}@{sites[home].host.name}")
                people[f"guest_{name}"].follow(f"{channel}@{sites[home].host.name}")
        _have_followed(peer, uris[channel], channel, sites[home])
        for name in sites:
            target = _channel_id(people[f"owner_{name}"], channel)
            places += [Place(channel, people[f"{role}_{name}"], target, True) for role in ("owner", "guest")]
    pairs = (("a", "b"), ("b", "c"), ("c", "a"))
    for here, there in pairs:
        one, other = people[f"owner_{here}"], people[f"owner_{there}"]
        places.append(Place(f"dm-{here}{there}", one, other.handle, False))
        places.append(Place(f"dm-{here}{there}", other, one.handle, False))
    fleet = Fleet(authority, sites, postgres, valkey, database_link, broker_link, peer, people, places, private, uris)
    eventually(lambda: _all_follow(fleet), timeout_seconds=40, what="everybody follows the channels")
    return fleet


def _have_followed(peer: Peer, uri: str, channel: str, home: Site) -> None:
    """Asked again, as peers do, of a server that was busy just then."""
    follow = peer.follow(uri, f"follow-{channel}")
    eventually(
        lambda: peer.post(follow, f"{home.host.origin}/ap/inbox") == 202, what=f"{home.host.name} takes a follow"
    )


def _channel_id(person: Person, channel: str) -> str:
    """Of what stands for the channel on the person's server, which is there once its home has accepted the follow."""
    return eventually(lambda: person.channels().get(channel, ""), what=f"{person.handle} sees {channel}")


def _all_follow(fleet: Fleet) -> bool:
    """Two people of each other server and the peer follow each channel, and every server knows of its own."""
    statement = (
        "SELECT count(*) FROM follows JOIN actors ON actors.id = follows.target_id "
        "WHERE follows.state = 'accepted' AND actors.type = 'Group' AND actors.preferred_username = '{}'"
    )
    return all(
        site.rows(statement.format(channel))[0][0] >= (5 if name == home else 2)
        for channel, home in zip(CHANNELS, ("a", "b"), strict=True)
        for name, site in fleet.sites.items()
    )


def uri_of(site: Site, name: str) -> str:
    """Of a channel or a person that lives there."""
    answer = urllib3.request(
        "GET",
        f"http://127.0.0.1:{site.port}/.well-known/webfinger?resource={quote(f'acct:{name}@{site.host.name}')}",
        headers={"Host": site.host.name, "X-Forwarded-Proto": "https"},
        timeout=10,
        retries=False,
    )
    return str(next(link["href"] for link in answer.json()["links"] if link["rel"] == "self"))
