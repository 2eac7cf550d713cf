"""Who is believed to be whom: certificates, protocol versions, handshakes that never end."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from activitypub.fetch import GuardedClient, Reason, UnreachableError
from activitypub.fetch.connection import tls_context
from tests.activitypub.conftest import GOOD_ADDRESS, FakeDns
from tests.activitypub.peer import Peer, http, server_context

StartPeer = Callable[..., Peer]
MakeClient = Callable[..., GuardedClient]


def expired(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    authority.issue_cert("good.test", not_after=yesterday).configure_cert(context)
    return context


def self_signed(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(trustme.CA(), "good.test")


def wrong_host(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "evil.test")


def address_only(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, GOOD_ADDRESS)


def common_name_only(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("evil.test", common_name="good.test").configure_cert(context)
    return context


def too_old(authority: trustme.CA) -> ssl.SSLContext:
    context = server_context(authority, "good.test")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("make_context", "reason"),
    [
        (expired, Reason.TLS),
        (self_signed, Reason.TLS),
        (wrong_host, Reason.TLS_NAME),
        (address_only, Reason.TLS_NAME),
        (common_name_only, Reason.TLS_NAME),
        (too_old, Reason.TLS),
    ],
)
def test_peer_that_cannot_prove_its_name_gets_no_request(
    authority: trustme.CA,
    start_peer: StartPeer,
    make_client: MakeClient,
    make_context: Callable[[trustme.CA], ssl.SSLContext],
    reason: Reason,
) -> None:
    peer = start_peer(GOOD_ADDRESS, context=make_context(authority))
    client = make_client(ports={peer.port}, resolver=FakeDns({"good.test": [[GOOD_ADDRESS]]}))

    with pytest.raises(UnreachableError) as failed:
        client.get(f"https://good.test:{peer.port}/")

    assert failed.value.reason is reason
    assert not failed.value.permanent
    assert peer.requests == []


def test_name_is_told_to_the_peer_though_its_address_is_dialled(
    authority: trustme.CA, start_peer: StartPeer, make_client: MakeClient
) -> None:
    names: list[str | None] = []
    context = server_context(authority, "good.test")
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    peer = start_peer(GOOD_ADDRESS, context=context)
    peer.routes["/"] = http()
    client = make_client(ports={peer.port}, resolver=FakeDns({"good.test": [[GOOD_ADDRESS]]}))

    assert client.get(f"https://good.test:{peer.port}/").status == 200

    assert names == ["good.test"]


@pytest.mark.usefixtures("system_roots")
def test_private_authority_is_believed_only_when_given(ca_file: Path) -> None:
    public_only, with_private = tls_context(None), tls_context(ca_file)

    assert with_private.cert_store_stats()["x509_ca"] == public_only.cert_store_stats()["x509_ca"] + 1
    for context in (public_only, with_private):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_peer_that_never_finishes_the_handshake_ends_at_the_deadline(make_client: MakeClient) -> None:
    with socket.create_server((GOOD_ADDRESS, 0)) as silent:
        port = silent.getsockname()[1]
        client = make_client(ports={port}, resolver=FakeDns({"good.test": [[GOOD_ADDRESS]]}))
        started = time.monotonic()

        with pytest.raises(UnreachableError) as failed:
            client.get(f"https://good.test:{port}/", deadline_seconds=0.3)

    assert failed.value.reason is Reason.TIMEOUT
    assert time.monotonic() - started < 1.5


def test_peer_that_does_not_speak_tls_is_a_tls_failure(make_client: MakeClient) -> None:
    with socket.create_server((GOOD_ADDRESS, 0)) as plain:
        port = plain.getsockname()[1]
        client = make_client(ports={port}, resolver=FakeDns({"good.test": [[GOOD_ADDRESS]]}))

        def greet() -> None:
            accepted, _ = plain.accept()
            with accepted:
                accepted.sendall(b"220 mail.good.test ESMTP\r\n")
                accepted.recv(1024)

        greeter = threading.Thread(target=greet)
        greeter.start()
        with pytest.raises(UnreachableError) as failed:
            client.get(f"https://good.test:{port}/")
        greeter.join()

    assert failed.value.reason is Reason.TLS
