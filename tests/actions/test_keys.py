"""RSA keys of our actors: made once whoever asks, sealed, and opened once a process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import event, select

from activitypub.keys import generate_rsa, is_signed_by, public_key_from_multikey, sign
from app.actions import keys
from app.db import Database, reading
from app.errors import NotFoundError
from app.models import ActorKey
from tests.actions.delivery.world import ORIGIN, World


@pytest.fixture
def actor(database: Database) -> str:
    return World().local_actor("bob", has_key=False)


def rsa_rows(actor_id: str) -> list[ActorKey]:
    with reading() as session:
        return list(session.scalars(select(ActorKey).where(ActorKey.actor_id == actor_id, ActorKey.kind == "rsa")))


def test_a_new_actor_gets_the_key_its_document_will_list(actor: str) -> None:
    keys.make_keys(actor)

    (row,) = rsa_rows(actor)
    public = public_key_from_multikey(row.public)
    assert row.id == f"{ORIGIN}/ap/users/{actor}#main-key"
    assert isinstance(public, RSAPublicKey)
    assert public.key_size == 2048
    assert is_signed_by(public, sign(keys.signing_key(actor).key, b"hello"), b"hello")


def test_a_private_key_is_not_readable_in_the_database(actor: str) -> None:
    keys.make_keys(actor)

    (row,) = rsa_rows(actor)
    assert row.private is not None
    assert b"\x02\x82\x01\x01" not in row.private  # The DER of a 2048-bit integer.


def test_making_keys_twice_keeps_the_first(actor: str) -> None:
    keys.make_keys(actor)
    (before,) = rsa_rows(actor)

    keys.make_keys(actor)

    (after,) = rsa_rows(actor)
    assert after.public == before.public


def test_of_two_workers_that_make_a_key_both_use_the_one_that_was_kept(
    actor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)

    def generate_together() -> object:
        together.wait(20)
        return generate_rsa()

    monkeypatch.setattr(keys, "generate_rsa", generate_together)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(keys.signing_key, [actor, actor])

    assert len(rsa_rows(actor)) == 1
    assert first.key.private_numbers() == second.key.private_numbers()


def test_an_actor_that_needs_its_key_before_a_worker_came_gets_it_at_once(actor: str) -> None:
    key = keys.signing_key(actor)

    assert key.id == f"{ORIGIN}/ap/users/{actor}#main-key"
    assert len(rsa_rows(actor)) == 1


def test_a_key_is_opened_once(actor: str, database: Database) -> None:
    first = keys.signing_key(actor)
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    assert keys.signing_key(actor) is first
    assert asked == []


def test_nobody_elses_actor_gets_a_key(database: Database) -> None:
    stranger = World().remote_actor("stranger")

    with pytest.raises(NotFoundError):
        keys.signing_key(stranger)
    assert rsa_rows(stranger) == []
