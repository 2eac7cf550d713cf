"""Who may do what: every row of the table of needed bits, and that nobody gives or takes what they do not hold
(contracts/punctum.md, 5.4 and 5.5)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import delete, update

from app.db import transaction
from app.models import Member, RoleGrant
from app.queries.bits import ALL, Bit
from tests.facades.conftest import Person, Server
from tests.facades.punctum.conftest import DENIED, Client, Shown, is_refused

# The table (contracts/punctum.md, 5.5).


@dataclass(frozen=True)
class Stage:
    """A conference of the owner's with the member and a third one in it; it makes what an action is done to."""

    client: Client
    owner: Person
    member: Person
    third: Person
    conference: Shown
    ids: Mapping[str, str]

    def hold(self, person: Person, held: int | None) -> None:
        with transaction() as session:
            session.execute(
                update(Member)
                .where(Member.space_id == self.conference["id"], Member.actor_id == person.id)
                .values(permissions=held, banned_at=None)
            )

    def ask(self, method: str, path: str, **body: Any) -> Any:
        options = {"json": body} if body else {}
        return self.client.call(method, path, self.member, **options)

    @property
    def space(self) -> str:
        return f"/conferences/{self.conference['id']}"

    def new_channel(self) -> str:
        return f"/channels/{self.client.channel(self.owner, self.conference)['id']}"

    def message_of(self, person: Person) -> str:
        self.hold(self.member, 143)
        channel = {"id": self.ids["channel"]}
        return f"/messages/{self.client.send(person, channel)['id']}"

    def new_role(self) -> str:
        return f"/roles/{self.client.role(self.owner, self.conference)['id']}"

    def new_invite(self) -> str:
        return f"/invites/{self.client.make(f'{self.space}/invites', self.owner, **{'...': '', 'x': 1})['id']}"

    def new_emoji(self) -> str:
        emoji = self.client.make("/emoji", self.owner, shortcode=f"e{secrets.token_hex(4)}", image="/a", **self.parent)
        return f"/emoji/{emoji['id']}"

    @property
    def parent(self) -> dict[str, str]:
        return {"parent_conference": self.conference["id"]}


Action = Callable[[Stage], Callable[[], Any]]
Row = tuple[str, tuple[int, ...], Action]


def _plain(method: str, path: str, **body: Any) -> Action:
    """`path` has the ids of what stands there."""
    return lambda stage: lambda: stage.ask(method, path.format(**stage.ids), **body)


def _giving_a_role(stage: Stage) -> Callable[[], Any]:
    return lambda: stage.ask("PATCH", f"{stage.space}/members/{stage.third.id}", roles=[stage.ids["role"]])


def _to_new(method: str, make: Callable[[Stage], str], **body: Any) -> Action:
    def prepare(stage: Stage) -> Callable[[], Any]:
        path = make(stage)
        return lambda: stage.ask(method, path, **body)

    return prepare


def _own(stage: Stage) -> str:
    return stage.message_of(stage.member)


def _others(stage: Stage) -> str:
    return stage.message_of(stage.owner)


ROWS: list[Row] = [
    ("GET channel", (1,), _plain("GET", "/channels/{channel}")),
    ("GET messages", (1 | 2,), _plain("GET", "/channels/{channel}/messages")),
    ("GET messages by time", (1 | 2,), _plain("GET", "/channels/{channel}/messages/by-time/5")),
    ("GET one message", (1 | 2,), _to_new("GET", _others)),
    ("react", (1 | 2,), _to_new("POST", lambda stage: f"{_others(stage)}/react", reaction="tada")),
    ("POST message", (1 | 2 | 4,), _plain("POST", "/channels/{channel}/messages", content="x")),
    ("PATCH own message", (1 | 2 | 8,), _to_new("PATCH", _own, content="y")),
    ("DELETE own message", (1 | 2 | 8, 1 | 2 | 16), _to_new("DELETE", _own)),
    ("DELETE another's message", (1 | 2 | 16,), _to_new("DELETE", _others)),
    ("pin", (1 | 2 | 16,), _to_new("PATCH", _others, pinned=True)),
    ("POST channel", (1 | 64, 4096), _plain("POST", "/conferences/{space}/channels", name="dock")),
    ("PATCH channel", (1 | 64,), _to_new("PATCH", Stage.new_channel, name="dock")),
    ("DELETE channel", (1 | 64,), _to_new("DELETE", Stage.new_channel)),
    ("POST invite", (32,), _plain("POST", "/conferences/{space}/invites", x=1)),
    ("PATCH invite", (32,), _to_new("PATCH", Stage.new_invite, name="renamed")),
    ("DELETE invite", (32,), _to_new("DELETE", Stage.new_invite)),
    ("GET members", (0,), _plain("GET", "/conferences/{space}/members")),
    ("GET roles", (0,), _plain("GET", "/conferences/{space}/roles")),
    ("GET channels", (0,), _plain("GET", "/conferences/{space}/channels")),
    ("own nickname", (128,), _plain("PATCH", "/conferences/{space}/members/{own}", nickname="Skipper")),
    ("another's nickname", (256,), _plain("PATCH", "/conferences/{space}/members/{third}", nickname="Cook")),
    ("a member's roles", (2048,), _giving_a_role),
    ("a member's bits", (2048,), _plain("PATCH", "/conferences/{space}/members/{third}", permissions=2048)),
    ("POST role", (2048,), _plain("POST", "/conferences/{space}/roles", name="mate")),
    ("PATCH role", (2048,), _to_new("PATCH", Stage.new_role, name="mate")),
    ("DELETE role", (2048,), _to_new("DELETE", Stage.new_role)),
    ("PATCH conference", (4096,), _plain("PATCH", "/conferences/{space}", description="Ships")),
    ("POST emoji", (4096, 8192), _plain("POST", "/conferences/{space}/emoji", shortcode="buoy", image="/a")),
    ("PATCH emoji", (4096, 8192), _to_new("PATCH", Stage.new_emoji, note="x")),
    ("DELETE emoji", (4096, 8192), _to_new("DELETE", Stage.new_emoji)),
    ("DELETE another member", (512,), _plain("DELETE", "/conferences/{space}/members/{third}")),
    ("kick", (512,), _plain("POST", "/conferences/{space}/members/{third}/kick")),
    ("PATCH banned", (1024,), _plain("PATCH", "/conferences/{space}/members/{third}", banned=True)),
    ("ban", (1024,), _plain("POST", "/conferences/{space}/members/{third}/ban")),
]


@pytest.fixture
def stage(client: Client, server: Server, owner: Person, member: Person) -> Stage:
    def make() -> tuple[Person, Shown, dict[str, str]]:
        conference = client.conference(owner)
        third = server.sign_up("carol")
        own = client.join(owner, conference, member)
        client.join(owner, conference, third)
        ids = {
            "space": conference["id"],
            "channel": client.channel(owner, conference)["id"],
            "own": own["id"],
            "third": third.id,
            "role": client.role(owner, conference)["id"],
        }
        return third, conference, ids

    return Stage(client, owner, member, *server.once("stage", make))


def test_each_row_with_just_the_bits_that_it_needs_and_with_all_others(stage: Stage) -> None:
    otherwise: list[Any] = []
    for name, alternatives, prepare in ROWS:
        for held, is_allowed in _holdings(alternatives):
            act = prepare(stage)
            _be_there(stage)
            stage.hold(stage.third, 0)
            stage.hold(stage.member, held)
            answer = act()
            if (answer.status_code == 200) != is_allowed or not (is_allowed or answer.status_code == 403):
                otherwise.append((name, held, is_allowed, answer.status_code, answer.text))
            _tidy(stage, name)

    assert not otherwise


def _holdings(alternatives: tuple[int, ...]) -> Iterator[tuple[int, bool]]:
    """(bits, whether they are enough): each alternative alone, and all but what every alternative needs a part of."""
    for needed in alternatives:
        yield needed, True
    common = alternatives[0]
    for needed in alternatives[1:]:
        common &= needed
    for bit in Bit:
        if bit & common:
            yield ALL & ~bit, False
    if len(alternatives) > 1:
        apart = 0
        for needed in alternatives:
            apart |= needed & ~common
        yield ALL & ~apart, False


def _be_there(stage: Stage) -> None:
    """Whoever was put out comes back, and nobody has been given anything."""
    is_here = Member.space_id == stage.conference["id"]
    with transaction() as session:
        session.execute(update(Member).where(is_here).values(banned_at=None, nickname=None))
        session.execute(delete(RoleGrant).where(RoleGrant.space_id == stage.conference["id"]))
    if stage.client.call("GET", f"{stage.space}/members/{stage.third.id}", stage.owner).status_code != 200:
        invite = stage.client.make(f"{stage.space}/invites", stage.owner, x=1)
        assert stage.client.call("POST", f"/invites/{invite['id']}/join", stage.third).status_code == 200


def _tidy(stage: Stage, name: str) -> None:
    """Names are taken once."""
    if "ban" in name:
        stage.client.call("POST", f"{stage.space}/members/{stage.third.id}/unban", stage.owner)
    if name == "POST emoji":
        for emoji_id in stage.client.listed(f"{stage.space}/emoji", stage.owner):
            stage.client.ok("DELETE", f"/emoji/{emoji_id}", stage.owner)
    if name == "PATCH invite":
        for invite_id in stage.client.listed(f"{stage.space}/invites", stage.owner):
            stage.client.ok("DELETE", f"/invites/{invite_id}", stage.owner)


def test_what_nobody_but_the_owner_and_the_author_may(stage: Stage) -> None:
    message = stage.message_of(stage.owner)
    stage.hold(stage.member, ALL)

    assert is_refused(stage.ask("PATCH", message, content="mine"), 403, 3, "Only its author may edit a message.")
    for body in ({"owner": stage.member.id}, {"index_conference": True}):
        answer = stage.ask("PATCH", stage.space, **body)
        assert is_refused(answer, 403, 3, "Only the owner may change this."), body
    assert is_refused(stage.ask("DELETE", stage.space), 403, 3)


def test_invites_are_listed_whole_by_who_makes_them_and_else_ones_own(stage: Stage) -> None:
    stage.hold(stage.member, 32)
    own = stage.ask("POST", f"{stage.space}/invites", x=1).json["id"]
    assert len(stage.client.listed(f"{stage.space}/invites", stage.member)) == 3

    stage.hold(stage.member, ALL & ~32)
    assert stage.client.listed(f"{stage.space}/invites", stage.member) == [own]
    assert stage.ask("DELETE", f"/invites/{own}").status_code == 200


def test_channels_are_listed_where_they_are_seen(stage: Stage) -> None:
    hidden = stage.client.channel(stage.owner, stage.conference, permissions=0)
    stage.hold(stage.member, None)

    assert stage.client.listed(f"{stage.space}/channels", stage.member) == [stage.ids["channel"]]
    assert stage.client.listed(f"{stage.space}/channels", stage.owner) == [stage.ids["channel"], hidden["id"]]


# Nobody gives or takes what they do not hold (contracts/punctum.md, 5.4).


def test_no_bit_is_set_or_cleared_by_who_does_not_hold_it(stage: Stage, server: Server) -> None:
    client, owner = stage.client, stage.owner
    mine = int(Bit.SEE | Bit.READ | Bit.CHANNELS | Bit.ROLES | Bit.SPACE)
    stage.hold(stage.member, mine)
    stage.hold(stage.third, 0)
    strong, weak = (client.role(owner, stage.conference, permissions=held) for held in (mine | 16, mine))
    path = f"{stage.space}/members/{stage.third.id}"
    kept = f"/channels/{stage.ids['channel']}"
    refused: list[tuple[str, str, Shown]] = [
        ("PATCH", stage.space, {"permissions": 143 | 512}),  # Setting one.
        ("PATCH", stage.space, {"permissions": 143 & ~4}),  # Clearing one.
        ("PATCH", kept, {"permissions": 143 | 16}),
        ("PATCH", kept, {"permissions": 0}),
        ("POST", f"{stage.space}/channels", {"name": "x", "permissions": 143 | 16}),
        ("POST", f"{stage.space}/roles", {"name": "x", "permissions": 16}),
        ("PATCH", f"/roles/{weak['id']}", {"permissions": mine | 16}),
        ("PATCH", f"/roles/{strong['id']}", {"name": "mine"}),
        ("DELETE", f"/roles/{strong['id']}", {}),
        ("PATCH", path, {"roles": [strong["id"]]}),
        ("PATCH", path, {"permissions": 16}),
        ("PATCH", path, {"permissions": None}),  # They would have the conference's 143 then.
        ("PATCH", f"{stage.space}/members/{stage.ids['own']}", {"permissions": ALL}),
        ("PATCH", f"{stage.space}/members/{stage.ids['own']}", {"roles": [strong["id"]]}),
        ("PATCH", f"{stage.space}/members/{stage.ids['own']}", {"permissions": None}),
    ]
    with server.stores_nothing():
        for method, where, body in refused:
            answer = stage.ask(method, where, **body)
            assert is_refused(answer, 403, 3), (method, where, body)
    assert stage.ask("PATCH", stage.space, permissions=143 ^ 64).status_code == 200
    assert stage.ask("PATCH", path, roles=[weak["id"]], permissions=mine).status_code == 200


def test_nobody_acts_on_the_owner_or_on_who_may_do_more(stage: Stage, server: Server) -> None:
    owner_path, third_path = (f"{stage.space}/members/{person.id}" for person in (stage.owner, stage.third))
    stage.hold(stage.member, ALL & ~int(Bit.EMOJI))
    stage.hold(stage.third, int(Bit.EMOJI))
    acts: list[tuple[str, str, Shown]] = [
        ("DELETE", "", {}),
        ("POST", "/kick", {}),
        ("POST", "/ban", {}),
        ("PATCH", "", {"banned": True}),
        ("PATCH", "", {"permissions": 0}),
        ("PATCH", "", {"roles": [stage.ids["role"]]}),
        ("PATCH", "", {"nickname": "Fool"}),
    ]
    with server.stores_nothing():
        for path in (owner_path, third_path):
            for method, suffix, body in acts:
                answer = stage.ask(method, path + suffix, **body)
                assert is_refused(answer, 403, 3), (path, suffix, body)


def test_a_role_takes_no_bits_from_its_holders_that_its_editor_does_not_hold(stage: Stage) -> None:
    """A role without bits of its own leaves those of the conference; with 0 it takes them away."""
    stage.client.patch(f"{stage.space}/members/{stage.third.id}", stage.owner, roles=[stage.ids["role"]])
    stage.hold(stage.member, int(Bit.ROLES))

    assert is_refused(stage.ask("PATCH", f"/roles/{stage.ids['role']}", permissions=0), 403, 3)
    stage.client.patch(f"/roles/{stage.ids['role']}", stage.owner, permissions=0)
    assert is_refused(stage.ask("PATCH", f"/roles/{stage.ids['role']}", permissions=None), 403, 3)
    assert is_refused(stage.ask("DELETE", f"/roles/{stage.ids['role']}"), 403, 3)
    stage.hold(stage.member, int(Bit.ROLES) | 143)
    assert stage.ask("DELETE", f"/roles/{stage.ids['role']}").status_code == 200


def test_the_owner_gives_the_conference_to_a_member(stage: Stage, server: Server) -> None:
    outsider = server.sign_up("dave")
    patch = stage.client.call("PATCH", stage.space, stage.owner, json={"owner": outsider.id})
    assert is_refused(patch, 403, 3, "The new owner must be a member, and a person of this server.")

    assert stage.client.patch(stage.space, stage.owner, owner=stage.member.id)["owner"] == stage.member.id

    assert stage.ask("PATCH", stage.space, index_conference=True).status_code == 200
    assert is_refused(stage.client.call("PATCH", stage.space, stage.owner, json={"name": "x"}), 403, 3, DENIED)


def test_a_changed_role_counts_at_once(stage: Stage) -> None:
    stage.hold(stage.member, None)
    role = stage.client.role(stage.owner, stage.conference, permissions=0)
    stage.client.patch(f"{stage.space}/members/{stage.member.id}", stage.owner, roles=[role["id"]])
    channel = f"/channels/{stage.ids['channel']}/messages"

    assert is_refused(stage.ask("GET", channel), 403, 3)
    stage.client.patch(f"/roles/{role['id']}", stage.owner, permissions=3)
    assert stage.ask("GET", channel).status_code == 200
    assert is_refused(stage.ask("POST", channel, content="x"), 403, 3)
    stage.client.ok("DELETE", f"/roles/{role['id']}", stage.owner)
    assert stage.ask("POST", channel, content="x").status_code == 200
