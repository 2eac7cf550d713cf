"""Who may see what: every viewer at every place, by each of the ways the rule is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from activitypub import build
from app.db import database, reading
from app.errors import NotFoundError
from app.models import Actor, Message
from app.pipeline import compose
from app.queries.channels import get_visible, list_visible
from app.queries.messages import get_visible as get_visible_message
from app.queries.viewers import Viewer, remote_viewer
from app.queries.visibility import Place, find_places, may_actor_see, may_see, who_may_see
from tests.snapshots import Snapshot, take_snapshot
from tests.world import World, moment

LOCAL = {"owner", "moderator", "bob", "carol"}
STAFF = {"owner", "moderator"}
# Banned from the home space, banned from the server, and deleted: they see nothing any more.
OUT = {"banned", "shut out", "deleted"}
REMOTE = {"zoe", "zoe's server", "yan", "yan's server", "open", "closed", "sea's server"}
# Carol is a member of everything, and zoe from elsewhere is, too; bob and yan are of nothing. Mallory, from elsewhere,
# was a member of everything, and is banned from the home space. In another server's channel its Group sees what is said
# to it; who besides our people is a member there, as zoe is, only its home knows.
EXPECTED: dict[str, set[str]] = {
    "public channel": LOCAL | REMOTE | {"stranger"},
    "members' message": LOCAL | {"zoe", "zoe's server"},
    "private channel": STAFF | {"carol", "zoe", "zoe's server"},
    "conversation": {"carol", "zoe", "zoe's server"},
    "open channel elsewhere": {"carol", "open", "sea's server"},
    "closed channel elsewhere": {"carol", "closed", "sea's server"},
    "deleted channel": set(),
}
PLACES = pytest.mark.parametrize("name", EXPECTED)
CHANNELS = pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith(("channel", "elsewhere"))])


class Cast:
    """Everybody, and a message at every place."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.actors: dict[str, Actor] = {
            "owner": world.alice,
            "bob": world.bob,
            "zoe": world.actor("zoe", "remote"),
            "zoe's server": world.actor("actor", "remote", type="Application"),
            "yan": world.actor("yan", "remote", host="lake.example"),
            "mallory": world.actor("mallory", "remote", host="evil.example"),
            "yan's server": world.actor("actor", "remote", host="lake.example", type="Application"),
            "sea's server": world.actor("actor", "remote", host="sea.example", type="Application"),
        } | {name: world.actor(name.replace(" ", "-")) for name in ("moderator", "carol", *OUT)}
        world.grant(self.actors["moderator"], "moderator")
        self.messages = self._messages()
        self.viewers: dict[str, Viewer | None] = {name: self._viewer(actor) for name, actor in self.actors.items()}
        self.viewers["stranger"] = None
        self._put_out()

    def _viewer(self, actor: Actor) -> Viewer:
        return self.world.viewer(actor) if actor.is_local else remote_viewer(actor)

    def _messages(self) -> Mapping[str, str]:
        world, members = self.world, [self.actors[name] for name in ("carol", "zoe", "mallory", *OUT)]
        zoe, carol = self.actors["zoe"], self.actors["carol"]
        lobby = world.channel("lobby", members=members)
        den = world.channel("den", is_private=True, members=members)
        gone = world.channel("gone", members=members)
        ours = [member for member in members if member.is_local]
        open_ = world.remote_channel("open", host="sea.example", members=ours)
        closed = world.remote_channel("closed", host="sea.example", members=ours, is_private=True)
        for channel in (open_, closed):
            self.actors[channel.actor.preferred_username] = channel.actor
            add = build.add(actor=channel.uri, object=zoe.uri, target=f"{channel.uri}/followers", to=[])
            world.perform(add)
        messages = {
            "public channel": world.say(world.alice, lobby, "x"),
            "members' message": world.say(zoe, lobby, "x", is_public=False),
            "private channel": world.say(world.alice, den, "x"),
            "conversation": world.tell(zoe, [carol], "x"),
            "open channel elsewhere": world.say(carol, open_, "x"),
            "closed channel elsewhere": world.say(carol, closed, "x"),
            "deleted channel": world.say(world.alice, gone, "x"),
        }
        world.perform(compose.channel_deletion(world.viewer(world.alice), gone.id))
        return messages

    def _put_out(self) -> None:
        world = self.world
        for name in ("banned", "mallory"):
            ban = build.block(actor=world.alice.uri, object=self.actors[name].uri, target=world.home.uri)
            world.perform(ban)
        world.change_account(self.actors["shut out"], banned_at=datetime.now(UTC))
        deleted = self.actors["deleted"]
        tombstone = build.tombstone(id=deleted.uri, former_type="Person", deleted=moment())
        world.perform(build.delete(actor=deleted.uri, object=tombstone, to=[]))

    def message(self, name: str) -> Message:
        return self.world.message(self.messages[name])

    def place(self, name: str) -> Place:
        message_id = self.message(name).id
        with reading() as session:
            return find_places(session, message_ids=[message_id], channel_ids=[])[message_id]


_casts: dict[str, tuple[Cast, Snapshot]] = {}


@pytest.fixture
def cast(world: World) -> Cast:
    """Gathered once on each database: that takes longer than asking what they see."""
    url = str(database().url)
    if url not in _casts:
        _casts[url] = Cast(world), take_snapshot(database())
        return _casts[url][0]
    cast, snapshot = _casts[url]
    snapshot.put_back(database())
    return cast


@PLACES
def test_whoever_asks_for_a_message_sees_it_or_it_is_not_there(cast: Cast, name: str) -> None:
    message = cast.message(name)

    def sees(viewer: Viewer | None) -> bool:
        with reading() as session:
            try:
                return get_visible_message(session, viewer, message.id)[0].id == message.id
            except NotFoundError:
                return False

    assert {who for who, viewer in cast.viewers.items() if sees(viewer)} == EXPECTED[name]


@PLACES
def test_whom_to_tell_and_who_may_act_is_the_same_question(cast: Cast, name: str) -> None:
    message = cast.message(name)
    people = {who: actor for who, actor in cast.actors.items() if actor.type != "Application"}

    with reading() as session:
        place = cast.place(name)
        told = who_may_see(session, place, [actor.id for actor in people.values()])
        acting = {who for who, actor in people.items() if may_actor_see(session, actor, message)}

    assert acting == {who for who, actor in people.items() if actor.id in told} == EXPECTED[name] & people.keys()


@CHANNELS
def test_channels_one_sees_are_those_one_is_listed(cast: Cast, name: str) -> None:
    channel_id = str(cast.message(name).channel_id)
    with reading() as session:
        for who, viewer in cast.viewers.items():
            if viewer is None or viewer.is_instance or who in OUT:
                continue  # No token of theirs is valid, and nobody lists channels to servers.
            listed = channel_id in [view.id for view in list_visible(session, viewer)]
            assert listed is (who in EXPECTED[name]), who
            try:
                get_visible(session, viewer, channel_id)
            except NotFoundError:
                assert not listed
            else:
                assert listed


def test_member_put_out_sees_nothing_from_then_on(cast: Cast) -> None:
    world, zoe = cast.world, cast.actors["zoe"]
    message = cast.message("private channel")
    den_id = str(message.channel_id)
    world.perform(compose.expulsion(world.viewer(world.alice), den_id, zoe))

    place = cast.place("private channel")
    with reading() as session:
        for who in ("zoe", "zoe's server"):
            assert not may_see(session, cast.viewers[who], place)


def test_home_space_is_seen_by_everybody_here(cast: Cast) -> None:
    home = cast.world.home.id

    with reading() as session:
        place = find_places(session, message_ids=[], channel_ids=[home])[home]
        told = who_may_see(session, place, [actor.id for actor in cast.actors.values()])

    assert {who for who, actor in cast.actors.items() if actor.id in told} & (LOCAL | OUT) == LOCAL


def test_nobody_sees_when_nobody_is_asked_about(cast: Cast) -> None:
    place = cast.place("public channel")

    with reading() as session:
        assert who_may_see(session, place, []) == set()
