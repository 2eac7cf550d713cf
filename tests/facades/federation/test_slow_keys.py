"""Keys that are long in coming: who waits for one keeps no other request waiting for good (hostile case SIG-20)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from app.actions import remote_actors
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor


def test_who_names_another_key_of_a_host_that_is_slow_to_answer_does_not_wait_for_all_before_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a few thousand requests, which cost their sender nothing, would have every connection for hours."""
    monkeypatch.setattr(remote_actors, "_IN_LINE_SECONDS", 0.1)
    is_asked, may_answer = Event(), Event()

    def slowly(_: object) -> dict[str, Any]:
        is_asked.set()
        assert may_answer.wait(30)
        return world.zoe.document

    world.wire.serve(world.zoe.uri, slowly)
    yann = world.meet(RemoteActor("https://peer.example/users/yann"))
    ask = yann.post(yann.activity("Follow", world.actor(world.alice.id).uri))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(remote_actors.key_for, world.zoe.key_id)
        assert is_asked.wait(30)
        with world.server.stores_nothing():
            behind = world.send(ask)
        may_answer.set()
        assert first.result().owner == world.zoe.uri

    assert (behind.status_code, behind.headers["Retry-After"]) == (503, "60")
    assert world.wire.asked == [world.zoe.uri]
    assert world.send(ask).status_code == 202
