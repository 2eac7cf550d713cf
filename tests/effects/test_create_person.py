"""Create and Update a Person: signing up, and describing oneself."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from activitypub import build
from activitypub.documents import Activity
from app.db import transaction
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.ids import new_id
from app.models import Actor, RoleGrant, Space
from tests.databases import BACKENDS
from tests.founding import URIS, person
from tests.together import at_once
from tests.world import World, moment

pytestmark = pytest.mark.parametrize("world", BACKENDS, indirect=True)
ORIGINS = pytest.mark.parametrize("origin", ["local", "remote"])


def signing_up(name: str, *, by: str = URIS.instance, uri: str | None = None) -> Activity:
    return build.create(actor=by, object=person(uri or URIS.user(new_id("user")), name), to=[])


def sign_up(world: World, name: str) -> Actor:
    outcome = world.perform(signing_up(name), private={"password_hash": "a hash"})
    return world.reload(URIS.user(outcome.found["actor_id"]))


def test_first_account_owns_the_server_and_the_second_does_not(world: World) -> None:
    assert world.viewer(world.alice).roles == {"owner"}
    assert world.viewer(world.bob).roles == {"user"}


def test_account_is_a_member_of_the_home_space(world: World) -> None:
    carol = sign_up(world, "Carol")

    assert world.followers(world.home) == ["alice", "bob", "carol"]
    assert (carol.local_name, carol.name, carol.host) == ("carol", "Carol", None)
    assert [(event.type, event.channel_id, event.actor_id) for event in world.event_rows()] == [
        ("member_added", world.home.id, carol.id)
    ]
    assert ("keys", carol.id) in world.wakes
    assert [row.type for row in world.log()[-2:]] == ["Create", "Join"]


def test_password_is_in_no_document(world: World) -> None:
    sign_up(world, "carol")

    assert not any(b"a hash" in document for document in world.documents().values())


@pytest.mark.parametrize("name", ["bob", "BOB", "instance", "home"])
def test_name_is_given_once(world: World, name: str) -> None:
    with world.refuses(ConflictError):
        sign_up(world, name)


def test_name_of_a_deleted_account_is_not_given_again(world: World) -> None:
    tombstone = build.tombstone(id=world.bob.uri, former_type="Person", deleted=moment())
    world.perform(build.delete(actor=world.bob.uri, object=tombstone, to=[]))
    world.forget()

    with world.refuses(ConflictError):
        sign_up(world, "bob")


def test_name_of_a_channel_is_not_a_persons(world: World) -> None:
    world.channel("lobby")

    with world.refuses(ConflictError):
        sign_up(world, "lobby")


@ORIGINS
def test_only_the_instance_makes_accounts(world: World, origin: str) -> None:
    mallory = world.actor("mallory", origin)

    with world.refuses(ForbiddenError):
        world.perform(signing_up("carol", by=mallory.uri), private={"password_hash": "x"})


def test_account_is_made_under_an_address_of_ours(world: World) -> None:
    with world.refuses(ForbiddenError):
        world.perform(signing_up("carol", uri="https://evil.example/users/carol"), private={"password_hash": "x"})


def test_same_name_at_the_same_moment_is_given_to_one(world: World) -> None:
    outcomes = at_once(lambda: sign_up(world, "carol"), times=4)

    assert sum(isinstance(outcome, Actor) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 3


def test_server_has_one_owner_though_many_come_first(world: World) -> None:
    with transaction() as session:
        session.execute(update(Space).values(owner_id=None))
        session.execute(delete(RoleGrant))
    names = iter(["carol", "dave", "erin", "frank"])

    accounts = at_once(lambda: sign_up(world, next(names)), times=4)

    (owner,) = [account for account in accounts if world.viewer(account).roles == {"owner"}]
    assert [space[1] for space in world.stored()["spaces"]] == [owner.id]


# Profiles.


def test_one_of_ours_describes_itself_anew(world: World) -> None:
    zoe = world.actor("zoe")

    world.perform(build.update(actor=zoe.uri, object=person(zoe.uri, "zoe", summary="new") | {"name": "Zoë"}, to=[]))

    zoe = world.reload(zoe.uri)
    assert (zoe.name, zoe.summary, zoe.preferred_username) == ("Zoë", "new", "zoe")
    assert world.events() == []  # No client has an event for it (contracts/pufferblow.md, 7).


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_what_an_update_from_elsewhere_says_of_an_actor_is_not_believed(world: World, hours: int) -> None:
    """All of it is read from the actor's home, by the worker that gathers for the Update."""
    zoe = world.actor("zoe", "remote")
    before = world.stored()
    described = person(zoe.uri, "old", summary="new") | {"inbox": "https://evil.example/inbox"}

    world.perform(build.update(actor=zoe.uri, object=described, to=[]), signed_at=moment(hours=hours))

    after = world.stored()
    assert [after[table] for table in ("actors", "actor_keys")] == [before[table] for table in ("actors", "actor_keys")]
    assert world.events() == []


@ORIGINS
@pytest.mark.parametrize("victim", ["local", "remote"])
def test_nobody_describes_anybody_else(world: World, origin: str, victim: str) -> None:
    mallory, zoe = world.actor("mallory", origin), world.actor("zoe", victim)

    with world.refuses(ForbiddenError):
        world.perform(build.update(actor=mallory.uri, object=person(zoe.uri, "fool"), to=[]))


def test_who_is_not_known_is_not_described(world: World) -> None:
    with world.refuses(NotFoundError):
        world.perform(build.update(actor=world.bob.uri, object=person(URIS.user("user_nobody"), "x"), to=[]))
