"""Everybody who may ask for something of Punctum's, and one of each thing that they may ask for."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import func, select

from app.db import database, reading
from app.models import Activity
from app.queries.blocked_networks import forget_blocks
from app.queries.server_settings import forget_server_settings
from tests.facades.conftest import Person, Server
from tests.facades.federation.conftest import World
from tests.snapshots import take_snapshot

ASKERS: Final = ("anonymous", "outsider", "member", "moderator", "admin", "owner", "banned", "forger", "instance")
MODERATOR: Final = 1983  # contracts/punctum.md, 5.3
PREFIX: Final = "/api/v1"
_SIGNATURE: Final = 'keyId="https://pond.example/zoe#main-key",headers="date",signature="AAAA"'

# What is sent with a request, by the method and the last word of the path; `$name` is the id of a thing.
BODIES: Final[dict[str, dict[str, Any]]] = {
    "POST id": {"object_type": "message", "parent_channel": "$channel", "content": "hello"},
    "POST accounts": {"username": "echo"},
    "POST conferences": {"name": "Lake"},
    "POST members": {"user_id": "$bot"},
    "POST roles": {"name": "Guide", "permissions": 1, "parent_conference": "$conference"},
    "POST invites": {"name": "wade-in", "conference_id": "$conference"},
    "POST channels": {"name": "weeds", "parent_conference": "$conference"},
    "POST emoji": {"shortcode": "frog", "image": "https://pond.example/frog.png", "parent_conference": "$conference"},
    "POST messages": {"parent_channel": "$channel", "content": "hello"},
    "POST react": {"reaction": "thumbs_up"},
    "POST reports": {"target": "$channel", "note": "too deep"},
    "POST request": {"id_list": ["$message"]},
    "POST inbox": {"object_type": "account", "id": "yan", "username": "yan"},
    "POST join-conference-by-invite": {"user_id": "zoe"},
    "PATCH id": {"content": "changed"},
    "PATCH accounts": {"display_name": "Changed"},
    "PATCH conferences": {"name": "Changed"},
    "PATCH members": {"nickname": "Changed"},
    "PATCH roles": {"name": "Changed"},
    "PATCH invites": {"name": "changed"},
    "PATCH channels": {"name": "changed"},
    "PATCH emoji": {"note": "changed"},
    "PATCH messages": {"content": "changed"},
    "PATCH reports": {"note": "changed"},
}


class Cast:
    """A conference with its people, and an admin of the server, who is nobody in the conference; `world` has another
    instance, whose zoe is known here."""

    def __init__(self, server: Server, world: World | None = None) -> None:
        self.server, self.world = server, world
        self.people: dict[str, Person] = {}
        self.things: dict[str, str] = {}
        self.people, self.things = server.once("cast", self._gather)
        if world is not None:
            zoe = {"object_type": "account", "id": "zoe", "username": "zoe"}
            assert self.ask("instance", "POST", "/federation/inbox", zoe).status_code == 200
        self.hold()

    def ask(self, asker: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A forger has no token here, and what it signs its requests with is no signature; an instance signs them."""
        if asker == "instance":
            return self._ask_signed(method, PREFIX + path, body)
        headers = {"Signature": _SIGNATURE} if asker == "forger" else {}
        options: dict[str, Any] = {} if body is None else {"json": body}
        return self.server.call(method, PREFIX + path, person=self.people.get(asker), headers=headers, **options)

    def _ask_signed(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        assert self.world is not None
        signer = self.world.peer
        signed = signer.bare(method, path) if body is None else signer.post(body, path, method=method)
        return self.world.send(signed, Content_Type="application/json", Accept="application/json")

    def try_route(self, asker: str, method: str, path: str) -> Any:
        """A request as it should be, about things that are there. What is taken back was done before."""
        if path.endswith(("/block", "/friend")) and method == "DELETE":
            self.ask(asker, "POST", self.fill(path))
        return self.ask(asker, method, self.fill(path), self.body_of(method, path))

    def body_of(self, method: str, path: str) -> dict[str, Any] | None:
        """What is sent with such a request."""
        words = [word for word in path.split("/") if not word.startswith("{")]
        last = {"ids": "id", "by-name": words[-2]}.get(words[-1], words[-1])
        body = BODIES.get(f"{method} {last}")
        return {key: self._named(value) for key, value in body.items()} if body else None

    def fill(self, path: str) -> str:
        """The collection before a parameter says what it names."""

        def name(match: re.Match[str]) -> str:
            return f"/{match[1]}/{self.things[match[1]]}"

        path = path.replace("{child}/unban", f"{self.people['banned'].id}/unban")
        return re.sub(r"/([\w-]+(?:/by-name|/by-time)?)/\{\w+\}", name, path)

    def hold(self) -> None:
        """What is put back is what there is now."""
        self._start = take_snapshot(database())

    def put_back(self) -> None:
        """Everything as it was."""
        self._start.put_back(database())
        forget_server_settings()
        forget_blocks()

    def count_activities(self) -> int:
        with reading() as session:
            return session.scalar(select(func.count()).select_from(Activity)) or 0

    def _make(self, asker: str, path: str, **body: Any) -> str:
        answer = self.ask(asker, "POST", path, body)
        assert answer.status_code in {200, 201}, (path, answer.text)
        return str(answer.json["id"])

    def _gather(self) -> tuple[dict[str, Person], dict[str, str]]:
        names = ("founder", "outsider", "member", "moderator", "admin", "owner", "banned", "bystander")
        self.people = {name: self.server.sign_up(f"{name}_1") for name in names}
        self.server.give_role(self.people["admin"], "admin")
        self.things = {"messages/by-time": "5"}
        self._found_conference()
        self._fill_conference()
        return self.people, self.things

    def _found_conference(self) -> None:
        conference = self._make("owner", "/conferences", name="Pond")
        invite = self._make("owner", f"/conferences/{conference}/invites", name="come-in")
        self.things |= {"conferences": conference, "invites": invite, "invites/by-name": "come-in"}
        for name in ("member", "moderator", "banned", "bystander"):
            self._make(name, f"/invites/{invite}/join", _="")
        moderators = self._make("owner", f"/conferences/{conference}/roles", name="moderators", permissions=MODERATOR)
        self._change("owner", f"/conferences/{conference}/members/{self.people['moderator'].id}", roles=[moderators])
        self._change("owner", f"/conferences/{conference}/members/{self.people['banned'].id}", banned=True)
        self.things |= {"subscribe": conference, "unsubscribe": conference, "join-conference-by-invite": invite}
        self.things["members"] = self.people["bystander"].id

    def _fill_conference(self) -> None:
        conference = self.things["conferences"]
        channel = self._make("owner", f"/conferences/{conference}/channels", name="reeds")
        message = self._make("member", f"/channels/{channel}/messages", content="between us")
        image = "https://pond.example/newt.png"
        self.things |= {
            "channels": channel,
            "messages": message,
            "id": message,
            "ids": message,
            "roles": self._make("owner", f"/conferences/{conference}/roles", name="helpers", permissions=1),
            "emoji": self._make("owner", f"/conferences/{conference}/emoji", shortcode="newt", image=image),
            "accounts": self._make("owner", "/accounts", username="croak"),
            "accounts/by-name": "croak",
            "reports": self._make("member", f"/accounts/{self.people['outsider'].id}/report", note="rude"),
        }

    def _change(self, asker: str, path: str, **body: Any) -> None:
        answer = self.ask(asker, "PATCH", path, body)
        assert answer.status_code == 200, answer.text

    def _named(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._named(one) for one in value]
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        return self.things[{"bot": "accounts"}.get(value[1:], f"{value[1:]}s")]
