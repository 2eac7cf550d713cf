"""A group of direct messages whose people are of two servers that know each other over ActivityPub."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .client import ChatClient
from .live import LiveSocket
from .punctum_client import PunctumClient
from .shoal import ShoalServer
from .tls import CertificateAuthority
from .waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SignUp = Callable[[ShoalServer, str], PunctumClient]


@pytest.fixture
def sign_up(authority: CertificateAuthority, unique: str) -> Iterator[SignUp]:
    with ExitStack() as stack:

        def signed_up(server: ShoalServer, name: str) -> PunctumClient:
            client = PunctumClient(server.origin, f"{name}{unique}", ca_file=authority.pem)
            stack.callback(client.close)
            return client

        yield signed_up


def _place_of(live: LiveSocket, text: str) -> str:
    """Where a message stands on the server that tells of it, now or soon."""
    return str(live.wait_for(lambda event: event.get("content") == text)["parent_channel"])


def test_group_goes_along_with_whom_its_messages_are_addressed_to(
    server_a: ShoalServer, server_b: ShoalServer, alice: ChatClient, olga: ChatClient, unique: str, sign_up: SignUp
) -> None:
    """On the other server each set of people has a conversation of its own, whose answers go into the group."""
    ann, abe, cid = (sign_up(server_a, name) for name in ("ann", "abe", "cid"))
    bea = sign_up(server_b, "bea")
    people = [abe.id, ann.meet(f"bea{unique}@{server_b.host.name}")]
    group = ann.do("POST", "/channels", {"channel_type": "direct_message", "members": people})
    path = f"/channels/{group['id']}"

    with bea.connect() as live:
        ann.say(group["id"], f"three {unique}")
        three = _place_of(live, f"three {unique}")
        bea.say(three, "yes")
        eventually(lambda: abe.texts(group["id"])[-1] == "yes")

        abe.do("PATCH", path, {"members": [*group["members"], cid.id]})
        assert cid.texts(group["id"]) == [f"three {unique}", "yes"]
        cid.say(group["id"], f"four {unique}")
        four = _place_of(live, f"four {unique}")
        assert four != three
        bea.say(four, "hello, cid")
        eventually(lambda: cid.texts(group["id"])[-1] == "hello, cid")

        abe.do("PATCH", path, {"members": [one for one in [*group["members"], cid.id] if one != abe.id]})
        ann.say(group["id"], f"without abe {unique}")
        members = bea.do("GET", f"/channels/{_place_of(live, f'without abe {unique}')}")["members"]

    assert len(members) == 3
    assert abe.call("GET", f"{path}/messages")[0] == 404
