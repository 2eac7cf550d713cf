"""Who sees which channel, for many at once: the same as `bits.evaluate` says of each."""

from __future__ import annotations

from itertools import product
from typing import Any

from sqlalchemy import update

from app.db import reading, transaction
from app.ids import id_beside
from app.models import Member
from app.pipeline import compose, submit
from app.queries.bits import Bit
from app.queries.sight import list_channels_touched, list_seen, who_sees_each
from app.queries.standing import find_standing, who_holds_bit
from tests.world import World


def do(composed: Any) -> dict[str, Any]:
    activity, private = composed if isinstance(composed, tuple) else (composed, {})
    return dict(submit(activity, private=private).found)


def test_everybody_sees_what_their_bits_let_them(world: World) -> None:
    owner = world.viewer(world.alice)
    space_id = do(compose.space(owner, {"name": "Pond", "permissions": 143}))["space_id"]
    for number, bits in enumerate((None, 0, 1, 2, 3, 16383)):
        values = {"name": f"c{number}", "type": "text", "permissions": bits}
        do(compose.space_channel(owner, space_id, values))
    role_id = do(compose.space_role(owner, space_id, {"name": "Drake", "permissions": 2}))["role_id"]
    activity, private = compose.invite(owner, space_id, "pond")
    invite_id = id_beside("invite", submit(activity, private=private).id)
    people = [world.alice, world.bob]
    for number, (has_role, own) in enumerate(product((False, True), (None, 0, 3))):
        person = world.actor(f"duck{number}")
        do(compose.joining(world.viewer(person), space_id, invite_id=invite_id))
        if has_role:
            do(compose.role_given(owner, person, role_id))
        with transaction() as session:
            mine = update(Member).where(Member.actor_id == person.id, Member.space_id == space_id)
            session.execute(mine.values(permissions=own))
        people.append(person)
    do(compose.space_ban(owner, space_id, people[-1]))

    with reading() as session:
        channels = list_channels_touched(session, space_ids=[space_id], channel_ids=[])
        seeing = who_sees_each(session, channels, [person.id for person in people])
        moderating = who_holds_bit(session, space_id, Bit.ROLES, [person.id for person in people], is_home=False)
        for person in people:
            seen = list_seen(session, world.viewer(person)) if person is not people[-1] else set()
            for channel in channels:
                bits = find_standing(session, person.id, space_id, channel.actor_id).bits
                is_seen = bool(bits & Bit.SEE)
                assert (person.id in seeing[channel.actor_id]) == is_seen, (person.name, channel.permissions)
                assert person is people[-1] or (channel.actor_id in seen) == is_seen
    assert moderating == {world.alice.id}


def test_channel_that_is_gone_is_seen_by_nobody(world: World) -> None:
    lobby = world.channel("lobby")
    with reading() as session:
        [channel] = list_channels_touched(session, space_ids=[], channel_ids=[lobby.id])
        assert who_sees_each(session, [channel], [world.bob.id]) == {lobby.id: {world.bob.id}}

    do(compose.channel_deletion(world.viewer(world.alice), lobby.id))

    with reading() as session:
        [channel] = list_channels_touched(session, space_ids=[], channel_ids=[lobby.id])
        assert who_sees_each(session, [channel], [world.bob.id]) == {lobby.id: frozenset()}
        assert lobby.id not in list_seen(session, world.viewer(world.bob))
