"""Two Shoal servers that federate over Punctum alone: what is done on one is seen on the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from . import hosts
from .conftest import Watch
from .punctum_client import PunctumClient
from .shoal import ShoalServer
from .tls import CertificateAuthority
from .waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ALONE = {"SHOAL_ACTIVITYPUB": "off"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A conference of `owner` at home, which `guest`, of another server, has joined; ids as each server has them."""

    owner: PunctumClient
    guest: PunctumClient
    home_server: ShoalServer
    guest_server: ShoalServer
    conference: str
    channel: str
    conference_there: str
    channel_there: str
    secret: str
    guest_at_home: str


@pytest.fixture(scope="module")
def servers(folder: Path, authority: CertificateAuthority, watch: Watch) -> Iterator[tuple[ShoalServer, ShoalServer]]:
    home = ShoalServer(hosts.PUNCTUM_HOME, authority, folder / "home", ALONE)
    guest = ShoalServer(hosts.PUNCTUM_GUEST, authority, folder / "guest", ALONE)
    watch("the home of the conference", home.process)
    watch("the guest's server", guest.process)
    with home, guest:
        yield home, guest


@pytest.fixture(scope="module")
def stage(servers: tuple[ShoalServer, ShoalServer], authority: CertificateAuthority) -> Iterator[Stage]:
    home, guest_server = servers
    owner = PunctumClient(home.origin, "owner", ca_file=authority.pem)
    guest = PunctumClient(guest_server.origin, "guest", ca_file=authority.pem)
    conference = owner.do("POST", "/conferences", {"name": "The Pond"})["id"]
    channel = owner.do("POST", f"/conferences/{conference}/channels", {"name": "shore"})["id"]
    hidden = owner.do("POST", f"/conferences/{conference}/channels", {"name": "secret", "permissions": 0})["id"]
    owner.say(channel, "said before anybody came")
    owner.say(hidden, "not for guests")
    invite = owner.do("POST", f"/conferences/{conference}/invites", {"name": "come-in"})

    joined = guest.do("POST", f"/invites/by-name/{invite['name']}@{home.host.name}/join")

    there = guest.channel_named(joined["id"], "shore")
    assert there is not None
    members = owner.do("GET", f"/conferences/{conference}/members")
    at_home = next(members[id_]["user_id"] for id_ in members["id_list"] if members[id_]["user_id"] != owner.id)
    yield Stage(owner, guest, home, guest_server, conference, channel, joined["id"], there, hidden, at_home)
    owner.close()
    guest.close()


def test_activitypub_is_off(servers: tuple[ShoalServer, ShoalServer], authority: CertificateAuthority) -> None:
    origin = servers[0].origin
    with urllib3.PoolManager(ca_certs=str(authority.pem), retries=False, timeout=30) as http:
        statuses = {
            path: http.request(method, origin + path, body=body).status
            for method, path, body in (
                ("GET", "/ap/instance", None),
                ("GET", "/.well-known/webfinger?resource=acct:owner@home.shoal.test", None),
                ("POST", "/ap/inbox", b"{}"),
            )
        }

    assert list(statuses.values()) == [200, 404, 404]


def message_there(client: PunctumClient, channel_id: str, text: str) -> dict[str, Any]:
    """Raises LookupError while it is not there."""
    found = [message for message in client.messages(channel_id) if message["content"] == text]
    return found[0]


def test_who_joined_is_in_the_conference_on_both_servers(stage: Stage) -> None:
    assert stage.conference_there in stage.guest.joined()
    members = stage.owner.do("GET", f"/conferences/{stage.conference}/members")
    accounts = [stage.owner.do("GET", f"/accounts/{members[id_]['user_id']}") for id_ in members["id_list"]]
    assert {account.get("remote_id") for account in accounts} == {None, stage.guest.id}


def test_who_joined_sees_what_was_said_before(stage: Stage) -> None:
    assert "said before anybody came" in stage.guest.texts(stage.channel_there)


def test_channel_that_is_not_for_guests_is_not_sent(stage: Stage) -> None:
    stage.owner.say(stage.secret, "still not for guests")
    stage.owner.say(stage.channel, "after the secret")

    eventually(lambda: "after the secret" in stage.guest.texts(stage.channel_there))
    assert stage.guest.channel_named(stage.conference_there, "secret") is None


def test_messages_go_both_ways(stage: Stage) -> None:
    stage.owner.say(stage.channel, "hello from home")
    stage.guest.say(stage.channel_there, "hello from elsewhere")

    eventually(lambda: "hello from home" in stage.guest.texts(stage.channel_there))
    eventually(lambda: "hello from elsewhere" in stage.owner.texts(stage.channel))
    assert stage.guest.texts(stage.channel_there).count("hello from elsewhere") == 1
    told = message_there(stage.owner, stage.channel, "hello from elsewhere")
    assert told["remote_domain"] == stage.guest_server.host.name


def test_edits_go_both_ways(stage: Stage) -> None:
    mine = stage.owner.say(stage.channel, "with a misteak")
    theirs = stage.guest.say(stage.channel_there, "annother")
    eventually(lambda: "with a misteak" in stage.guest.texts(stage.channel_there))
    eventually(lambda: "annother" in stage.owner.texts(stage.channel))

    stage.owner.do("PATCH", f"/messages/{mine}", {"content": "with a mistake"})
    stage.guest.do("PATCH", f"/messages/{theirs}", {"content": "another"})

    eventually(lambda: message_there(stage.guest, stage.channel_there, "with a mistake")["edited"])
    eventually(lambda: message_there(stage.owner, stage.channel, "another")["edited"])
    assert "annother" not in stage.owner.texts(stage.channel)


def test_reactions_go_both_ways(stage: Stage) -> None:
    mine = stage.owner.say(stage.channel, "react to this")
    there = eventually(lambda: message_there(stage.guest, stage.channel_there, "react to this"))["id"]

    stage.guest.do("POST", f"/messages/{there}/react", {"reaction": "thumbs_up"})
    eventually(lambda: stage.owner.do("GET", f"/messages/{mine}").get("reactions") == ["thumbs_up"])
    stage.owner.do("POST", f"/messages/{mine}/react", {"reaction": "thumbs_up"})
    eventually(lambda: stage.guest.do("GET", f"/messages/{there}").get("reactions") == ["thumbs_up", "thumbs_up"])
    stage.guest.do("POST", f"/messages/{there}/react", {"reaction": "thumbs_up"})

    eventually(lambda: stage.owner.do("GET", f"/messages/{mine}").get("reactions") == ["thumbs_up"])
    assert stage.guest.do("GET", f"/messages/{there}")["reactions"] == ["thumbs_up"]


def test_deletions_go_both_ways(stage: Stage) -> None:
    mine = stage.owner.say(stage.channel, "gone soon at home")
    theirs = stage.guest.say(stage.channel_there, "gone soon elsewhere")
    eventually(lambda: "gone soon at home" in stage.guest.texts(stage.channel_there))
    eventually(lambda: "gone soon elsewhere" in stage.owner.texts(stage.channel))

    stage.owner.do("DELETE", f"/messages/{mine}")
    stage.guest.do("DELETE", f"/messages/{theirs}")

    eventually(lambda: "gone soon at home" not in stage.guest.texts(stage.channel_there))
    eventually(lambda: "gone soon elsewhere" not in stage.owner.texts(stage.channel))


def test_what_is_made_in_the_conference_is_seen_elsewhere(stage: Stage) -> None:
    made = stage.owner.do("POST", f"/conferences/{stage.conference}/channels", {"name": "reeds"})["id"]
    there = eventually(lambda: stage.guest.channel_named(stage.conference_there, "reeds"))

    stage.owner.do("PATCH", f"/channels/{made}", {"name": "rushes"})
    eventually(lambda: stage.guest.do("GET", f"/channels/{there}")["name"] == "rushes")
    stage.owner.do("DELETE", f"/channels/{made}")

    eventually(lambda: stage.guest.call("GET", f"/channels/{there}")[0] == 404)


def test_direct_messages_go_both_ways(stage: Stage) -> None:
    members = stage.guest.do("GET", f"/conferences/{stage.conference_there}/members")
    owner_there = next(
        members[id_]["user_id"] for id_ in members["id_list"] if members[id_]["user_id"] != stage.guest.id
    )
    there = stage.guest.do("POST", "/channels", {"channel_type": "direct_message", "members": [owner_there]})["id"]
    at_home = stage.owner.do("POST", "/channels", {"channel_type": "direct_message", "members": [stage.guest_at_home]})[
        "id"
    ]

    said = stage.guest.say(there, "between us")
    eventually(lambda: stage.owner.texts(at_home) == ["between us"])
    stage.owner.say(at_home, "and back")
    eventually(lambda: stage.guest.texts(there) == ["between us", "and back"])
    stage.guest.do("PATCH", f"/messages/{said}", {"content": "between the two of us"})
    eventually(lambda: stage.owner.texts(at_home) == ["between the two of us", "and back"])
    heard = stage.owner.messages(at_home)[0]["id"]
    stage.owner.do("POST", f"/messages/{heard}/react", {"reaction": "thumbs_up"})
    eventually(lambda: stage.guest.do("GET", f"/messages/{said}").get("reactions") == ["thumbs_up"])
    stage.guest.do("DELETE", f"/messages/{said}")
    eventually(lambda: stage.owner.texts(at_home) == ["and back"])


def test_group_goes_along_with_who_is_in_it(stage: Stage, authority: CertificateAuthority) -> None:
    third = PunctumClient(stage.home_server.origin, "third", ca_file=authority.pem)
    people = [third.id, stage.guest_at_home]
    at_home = stage.owner.do("POST", "/channels", {"channel_type": "direct_message", "members": people})["id"]
    stage.owner.say(at_home, "all of us")
    third.do("PATCH", f"/channels/{at_home}", {"name": "Crew"})

    with stage.guest.connect() as live:
        stage.owner.say(at_home, "are you there?")
        told = live.wait_for(lambda event: event.get("content") == "are you there?")
        there = str(told["parent_channel"])
        eventually(lambda: stage.guest.do("GET", f"/channels/{there}")["name"] == "Crew")
        assert stage.guest.texts(there) == ["all of us", "are you there?"]
        stage.guest.say(there, "yes")
        eventually(lambda: third.texts(at_home)[-1] == "yes")

        members = stage.guest.do("GET", f"/channels/{there}")["members"]
        assert stage.guest.call("PATCH", f"/channels/{there}", {"name": "Mine"})[0] == 403
        stage.guest.do("PATCH", f"/channels/{there}", {"members": [one for one in members if one != stage.guest.id]})
        live.wait_for(lambda event: event.get("request_target_id") == there)

    eventually(lambda: set(third.do("GET", f"/channels/{at_home}")["members"]) == {stage.owner.id, third.id})
    stage.owner.say(at_home, "the two of us")
    stage.owner.do("PATCH", f"/channels/{at_home}", {"members": [stage.owner.id, third.id, stage.guest_at_home]})
    eventually(lambda: stage.guest.texts(there)[-1] == "the two of us")
    third.close()


def test_guest_changes_nothing_of_a_conference_elsewhere(stage: Stage) -> None:
    status, answer = stage.guest.call("PATCH", f"/conferences/{stage.conference_there}", {"name": "Mine"})

    assert (status, answer["error_code"]) == (403, 3)


def test_what_happens_during_an_outage_is_told_on_return(stage: Stage) -> None:
    stage.guest_server.stop()
    said = [f"during the outage {number}" for number in range(3)]
    for text in said:
        stage.owner.say(stage.channel, text)
    edited = stage.owner.say(stage.channel, "first version")
    stage.owner.do("PATCH", f"/messages/{edited}", {"content": "newest version"})

    stage.guest_server.start()
    # The home hears of the return as soon as something comes from there.
    stage.guest.say(stage.channel_there, "back again")

    eventually(lambda: set(said) <= set(stage.guest.texts(stage.channel_there)), timeout_seconds=40)
    eventually(lambda: "newest version" in stage.guest.texts(stage.channel_there))
    assert "first version" not in stage.guest.texts(stage.channel_there)


def test_who_is_banned_is_out_on_both_servers_and_stays_so(stage: Stage) -> None:
    stage.owner.do("POST", f"/conferences/{stage.conference}/invites", {"name": "again"})
    stage.owner.do("POST", f"/conferences/{stage.conference}/members/{stage.guest_at_home}/ban")

    eventually(lambda: stage.conference_there not in stage.guest.joined())
    stage.owner.say(stage.channel, "after the ban")
    assert stage.guest.call("GET", f"/channels/{stage.channel_there}/messages")[0] in (403, 404)
    status, answer = stage.guest.call("POST", f"/invites/by-name/again@{stage.home_server.host.name}/join")
    assert (status, answer["error_code"]) == (403, 3)


def test_who_was_let_back_in_may_come_and_go(stage: Stage) -> None:
    stage.owner.do("POST", f"/conferences/{stage.conference}/members/{stage.guest_at_home}/unban")

    stage.guest.do("POST", f"/invites/by-name/again@{stage.home_server.host.name}/join")
    assert stage.conference_there in stage.guest.joined()
    stage.owner.say(stage.channel, "welcome back")
    eventually(lambda: "welcome back" in stage.guest.texts(stage.channel_there))
    stage.guest.do("POST", f"/conferences/{stage.conference_there}/leave")

    assert stage.conference_there not in stage.guest.joined()
    eventually(lambda: len(stage.owner.do("GET", f"/conferences/{stage.conference}")["members"]) == 1)
