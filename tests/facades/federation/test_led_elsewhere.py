"""An address that leads to somebody of another server names nobody: neither its own server nor we take them for whom it
names."""

from __future__ import annotations

import pytest

from tests.facades.federation.conftest import World, outcome
from tests.facades.federation.punctum import Pond, a_ping, an_account, pond

__all__ = ["pond"]

LURE = "https://evil.example/users/lure"


@pytest.fixture(params=["what it says", "a redirect"])
def lure(world: World, request: pytest.FixtureRequest) -> str:
    """An address at the evil server that leads to zoe."""
    if request.param == "a redirect":
        world.wire.moved[LURE] = world.zoe.uri
    else:
        world.wire.serve(LURE, world.zoe.document)
    return LURE


@pytest.mark.parametrize("is_known", [True, False])
def test_an_instance_has_nobody_elsewhere_for_an_account_of_its_own(
    pond: Pond, world: World, lure: str, *, is_known: bool
) -> None:
    if is_known:
        world.known(world.zoe)

    told = pond.told(pond.evil, an_account("eve", activitypub_id=lure, status="mine"))
    pond.told(pond.evil, a_ping("DELETE", "eve", "eve"))

    zoe = world.stored_actor(world.zoe.uri)
    assert (zoe is not None) is is_known
    assert zoe is None or (zoe.id != told["id"] and zoe.deleted_at is None)
    known = pond.told(pond.peer, an_account(activitypub_id=world.zoe.uri))["id"]
    assert world.known(world.zoe).id == known


def test_who_describes_themselves_anew_and_leads_elsewhere_is_as_before(world: World, lure: str) -> None:
    mallory = world.known(world.mallory)
    world.wire.moved[world.mallory.uri] = lure

    world.receive(world.mallory, world.mallory.activity("Update", world.mallory.document))

    assert outcome()[0] == "dropped"
    assert world.actor(mallory.id).inbox == mallory.inbox
    assert world.stored_actor(world.zoe.uri) is None


def test_whoever_is_addressed_by_such_an_address_is_not_met(world: World, lure: str) -> None:
    world.known(world.mallory)
    mention = {"type": "Mention", "href": lure}
    note = world.mallory.note(to=[world.actor(world.alice.id).uri, lure], tag=[mention])

    world.receive(world.mallory, world.mallory.activity("Create", note))

    assert outcome()[0] == "done"
    assert world.stored_actor(world.zoe.uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "https://EVIL.example/users/mallory",
        "https://evil.example:443/users/mallory",
        "https://evil.example/users/../users/mallory",
        f"https://evil.example/{''.join(map(chr, range(0x4E00, 0x4E00 + 2000)))}",
    ],
)
def test_an_address_that_is_no_id_is_nobody_s(pond: Pond, world: World, uri: str) -> None:
    """It is spelt in another way than ids are, or longer than one."""
    told = pond.told(pond.evil, an_account("eve", activitypub_id=uri))

    assert world.actor(told["id"]).uri == "https://evil.example/api/v1/id/eve"
    assert world.stored_actor(uri) is None
