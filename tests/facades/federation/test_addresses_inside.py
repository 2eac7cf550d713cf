"""Addresses inside our own network, wherever somebody writes them: nothing is ever asked of one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from sqlalchemy import select

from activitypub.addresses import Address, AddressPolicy
from activitypub.errors import ActivityPubError, FetchError
from activitypub.fetch import GuardedClient, Response
from app.actions.delivery import deliver
from app.actions.inbox import process
from app.actions.remote_actors import fetch_actor
from app.db import reading
from app.models import Delivery, InboxItem
from app.services import remote
from tests.activitypub.conftest import system_roots
from tests.corpus import corpus
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import Wire

__all__ = ["system_roots"]

# No database has a part in where a connection leads.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

INSIDE = ("169.254.169.254", "127.0.0.1", "fd00:ec2::254", "::ffff:a9fe:a9fe")
PUBLIC_ADDRESS = "93.184.216.34"


def payloads() -> list[str]:
    """The corpus's URLs, with https where they had http: without it nothing is asked for at all."""
    found = json.loads((corpus("ssrf-urls") / "payload-urls.json").read_text())
    return [payload["url"].replace("http://", "https://", 1) for payload in found]


class Edge(Wire):
    """The script, and a real client for whatever is not in it; every name leads inside, but for one."""

    def __init__(self, script: Wire) -> None:
        super().__init__()
        self.answers = script.answers
        self.guarded = GuardedClient(
            policy=AddressPolicy(), ca_file=None, user_agent="Shoal-test", resolver=self._addresses
        )

    def _get(self, url: str, *rest: Any) -> Response:
        return super()._get(url, *rest) if url in self.answers else self.guarded._get(url, *rest)

    def _post(self, *request: Any) -> Response:
        return self.guarded._post(*request)

    def _addresses(self, host: str, _port: int) -> list[Address]:
        return [ip_address(text) for text in ((PUBLIC_ADDRESS,) if host == "public.example" else INSIDE)]


@pytest.fixture
def edge(world: World, system_roots: None, monkeypatch: pytest.MonkeyPatch) -> Edge:
    edge = Edge(world.wire)
    monkeypatch.setattr(remote, "_client", edge)
    return edge


@pytest.fixture
def connected(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Whatever a socket was to be connected to. At the end nothing was."""
    connected: list[Any] = []

    def note(_: socket.socket, address: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", note)
    yield connected
    assert connected == []


def deliver_all() -> None:
    with reading() as session:
        hosts = session.scalars(select(Delivery.host).distinct()).all()
    for host in hosts:
        deliver(host, client=remote.remote_client(), now=lambda: datetime.now(UTC) + timedelta(minutes=1))


def test_a_public_address_would_have_been_connected_to(edge: Edge, connected: list[Any]) -> None:
    with pytest.raises(FetchError):
        edge.guarded.get("https://public.example/")

    assert connected.pop() == (PUBLIC_ADDRESS, 443)


@pytest.mark.usefixtures("connected")
def test_a_key_inside_is_not_fetched_and_proves_nothing(world: World) -> None:
    for url in payloads():
        key_id = url.encode().decode("latin-1")  # As a header carries it.
        activity = world.zoe.activity("Follow", world.actor(world.alice.id).uri) | {"actor": url}
        assert world.send(world.zoe.post(activity, key_id=key_id)).status_code in (400, 401, 403), url


@pytest.mark.usefixtures("connected")
def test_a_message_full_of_them_asks_for_none(world: World) -> None:
    alice = world.actor(world.alice.id).uri
    world.known(world.zoe)
    for number, url in enumerate(payloads()[::3]):
        to = [alice, *payloads()[3 * number : 3 * number + 10]]
        note = world.zoe.note(
            number=number,
            to=to,
            tag=[{"type": "Mention", "href": uri, "name": "@x"} for uri in to],
            attachment=[{"type": "Document", "url": uri, "mediaType": "image/png"} for uri in (url, *to)],
            **dict.fromkeys(("inReplyTo", "context", "url", "icon", "image", "audience", "replies", "likes"), url),
        )
        sent = [world.zoe.activity("Create", note, number=number, to=to)]
        if number % 6 == 0:
            sent += [world.zoe.activity(kind, url, number=number) for kind in ("Announce", "Follow", "Like", "Add")]
        for activity in sent:
            assert world.send(world.zoe.post(activity)).status_code in (202, 400, 403), url
    process(world.zoe.host)
    deliver_all()

    with reading() as session:
        states = set(session.scalars(select(InboxItem.state)))
    assert "queued" not in states


@pytest.mark.usefixtures("connected")
def test_an_actor_whose_inbox_is_inside_is_nobody(world: World) -> None:
    """An inbox is on its actor's own server, so none of these is one, whatever it leads to."""
    for url in payloads():
        named = dict.fromkeys(("inbox", "outbox", "followers", "following", "featured", "url"), url)
        icon = {"icon": {"type": "Image", "url": url}, "endpoints": {"sharedInbox": url}}
        world.wire.serve(world.zoe.uri, world.zoe.document | named | icon)

        with pytest.raises(ActivityPubError):
            fetch_actor(world.zoe.uri)

    assert world.stored_actor(world.zoe.uri) is None


@pytest.mark.usefixtures("connected")
def test_a_server_whose_name_leads_inside_is_sent_nothing(world: World) -> None:
    world.known(world.zoe)
    world.tell(world.alice, world.zoe, "hello")

    deliver_all()

    with reading() as session:
        (delivery,) = session.scalars(select(Delivery)).all()
    assert (delivery.host, delivery.state, delivery.last_status) == (world.zoe.host, "failed", None)
    assert delivery.attempts == 1
    assert delivery.last_error


@pytest.mark.usefixtures("connected")
def test_none_of_them_is_somebody_to_write_to(world: World) -> None:
    for url in payloads()[::2]:
        for handle in (url, f"@x@{url.partition('://')[2].partition('/')[0]}"):
            asked: dict[str, Any] = {
                "person": world.bob,
                "json": {"remote_handle": handle, "peer": handle, "message": "hello"},
            }
            for path in ("/api/v1/federation/follow", "/api/v1/dms/send"):
                assert world.server.call("POST", path, **asked).status_code == 400, handle
