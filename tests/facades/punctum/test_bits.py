"""How the bits of a member are evaluated, and that SQL says the same (contracts/punctum.md, 5.3)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.models import Channel, Member, Role, RoleGrant, Space
from app.queries import bits
from app.queries.bits import ALL, Bit
from app.queries.privileges import ROLES
from app.queries.rule_of_sight import TO_READ, TO_SEE
from app.queries.standing import find_standing
from app.queries.visibility import Place, who_may_see
from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import Client

C, H, R, M = "space", "channel", "roles", "member"
# Contracts/punctum.md, 5.3.
VECTORS: list[tuple[dict[str, Any], int]] = [
    ({C: 143}, 143),
    ({C: 143, H: 3}, 3),
    ({C: 143, H: 3, R: [143]}, 143),
    ({C: 143, R: [1951]}, 1951),
    ({C: 143, R: [None], M: 0}, 0),
    ({C: 143, R: [16, 64]}, 0),
    ({C: 143, M: 5}, 1),
    ({C: 143, M: 0, "is_owner": True}, ALL),
    ({C: 143, M: 143, "is_banned": True}, 0),
]


@pytest.mark.parametrize(("facts", "held"), VECTORS)
def test_the_contracts_vectors(facts: dict[str, Any], held: int) -> None:
    assert bits.evaluate(**facts) == held


def test_the_vectors_of_conversations() -> None:
    assert bits.evaluate_conversation(6147) == 3
    assert bits.evaluate_conversation(None) == 1 | 2 | 4 | 8 | 64
    assert bits.evaluate_conversation(ALL) & (Bit.ROLES | Bit.SPACE) == 0


def test_the_built_in_roles_of_the_home_conference() -> None:
    held = {name: bits.bits_of(role.privileges) for name, role in ROLES.items()}

    assert held["admin"] == 8191
    assert held["moderator"] == 1983
    assert held["user"] == bits.DEFAULT == 143


# What SQL says.


@dataclass(frozen=True)
class Scene:
    """A conference, a channel and two roles in it, and somebody who is a member."""

    space_id: str
    channel_id: str
    role_ids: tuple[str, str]
    actor_id: str
    owner_id: str

    def set(self, session: Session, facts: Mapping[str, Any]) -> None:
        """Have the rows say it."""
        of_roles = facts.get(R, [])
        owner_id = self.actor_id if facts.get("is_owner") else self.owner_id
        banned_at = datetime.now(UTC) if facts.get("is_banned") else None
        is_here = Space.actor_id == self.space_id
        session.execute(update(Space).where(is_here).values(permissions=facts[C], owner_id=owner_id))
        session.execute(update(Channel).where(Channel.actor_id == self.channel_id).values(permissions=facts.get(H)))
        session.execute(
            update(Member)
            .where(Member.space_id == self.space_id, Member.actor_id == self.actor_id)
            .values(permissions=facts.get(M), banned_at=banned_at)
        )
        session.execute(delete(RoleGrant).where(RoleGrant.space_id == self.space_id))
        for role_id, of_role in zip(self.role_ids, of_roles, strict=False):
            session.execute(update(Role).where(Role.id == role_id).values(permissions=of_role))
            grant = {"actor_id": self.actor_id, "space_id": self.space_id, "role": role_id}
            session.execute(insert(RoleGrant).values(grant))


@pytest.fixture
def scene(client: Client, owner: Person, member: Person) -> Scene:
    conference = client.conference(owner)
    client.join(owner, conference, member)
    channel = client.channel(owner, conference)
    roles = [client.role(owner, conference)["id"] for _ in range(2)]
    return Scene(conference["id"], channel["id"], (roles[0], roles[1]), member.id, owner.id)


def _combinations(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(5)
    numbers = [0, 1, 2, 3, 5, 16, 64, 143, 8191, ALL]

    def number() -> int:
        return chance.choice([*numbers, chance.randrange(ALL + 1)])

    for _ in range(count):
        yield {
            C: number(),
            H: chance.choice([None, number()]),
            R: [chance.choice([None, number()]) for _ in range(chance.randrange(3))],
            M: chance.choice([None, None, number()]),
            "is_owner": chance.random() < 0.1,
            "is_banned": chance.random() < 0.1,
        }


def test_sql_says_what_the_function_says(scene: Scene) -> None:
    """Who is owner is never banned: the rows cannot both be so."""
    with transaction() as session:
        channel = session.scalars(select(Channel).where(Channel.actor_id == scene.channel_id)).one()
        for facts in [*(facts for facts, _ in VECTORS), *_combinations(200)]:
            if facts.get("is_owner") and facts.get("is_banned"):
                continue
            scene.set(session, facts)
            session.refresh(channel)
            held = bits.evaluate(**facts)
            assert find_standing(session, scene.actor_id, scene.space_id, scene.channel_id).bits == held, facts
            of_space = bits.evaluate(**(facts | {H: None}))
            assert find_standing(session, scene.actor_id, scene.space_id).bits == of_space, facts
            for needed in (TO_SEE, TO_READ):
                place = Place(scene.channel_id, space_id=scene.space_id, is_private=True, needed=needed)
                sees = scene.actor_id in who_may_see(session, place, [scene.actor_id])
                assert sees == (held & needed == needed), (facts, needed)


def test_whoever_is_no_member_holds_nothing(scene: Scene, server: Server) -> None:
    stranger = server.sign_up("carol").id
    with transaction() as session:
        place = Place(scene.channel_id, space_id=scene.space_id, is_private=True, needed=TO_SEE)

        assert find_standing(session, stranger, scene.space_id).bits == 0
        assert who_may_see(session, place, [stranger]) == set()
