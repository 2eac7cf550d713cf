"""Every route times everybody who may ask: who is let in, who is told to go, and that being told so changes nothing."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage

from tests.facades.conftest import Person, Server
from tests.facades.punctum.cast import PREFIX
from tests.facades.punctum.routes import PUNCTUM
from tests.facades.routes import API, OTHERS

# contracts/pufferblow.md, 0.6, once more: the code has its own list.
USER = {"send_messages", "view_messages", "upload_files", "view_files", "view_users"}
MODERATOR = USER | {
    "create_channels", "edit_channels", "manage_channel_users", "delete_messages", "edit_messages",
    "view_private_channels", "ban_users", "mute_users", "moderate_content",
}  # fmt: skip
ADMIN = MODERATOR | {
    "create_users", "edit_users", "reset_user_tokens", "delete_channels", "manage_server_settings",
    "view_server_stats", "manage_background_tasks", "view_audit_logs", "manage_blocked_ips", "delete_files",
}  # fmt: skip
OWNER = ADMIN | {"delete_users", "manage_server_privileges", "manage_storage"}
HOLDS = {"outsider": USER, "member": USER, "moderator": MODERATOR, "admin": ADMIN, "owner": OWNER}
ASKERS = ("anonymous", "outsider", "member", "moderator", "admin", "owner", "banned", "remote")

REFUSED = {401, 403}


class Cast:
    """Everybody who asks, and a private channel that the member is in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.people, self.private = server.once("cast", self._gather)

    def _gather(self) -> tuple[dict[str, Person], str]:
        server, people = self.server, {"owner": self.server.sign_up("alice")}
        for name in ("outsider", "member", "moderator", "admin", "banned"):
            people[name] = server.sign_up(f"{name}_1")
        for role in ("moderator", "admin"):
            server.give_role(people[role], role)
        private = server.create_channel(people["owner"], channel_name="staff", is_private=True)["channel_id"]
        for name in ("member", "banned"):
            path = f"/api/v1/channels/{private}/add_user"
            server.call("PUT", path, person=people["owner"], json={"to_add_user_id": people[name].id})
        server.ban(people["banned"])
        return people, str(private)

    def ask(self, asker: str, method: str, path: str, **options: Any) -> Any:
        """A remote one has no token here, and what it signs its requests with is none."""
        headers = dict(options.pop("headers", {}))
        if asker == "remote":
            headers["Signature"] = 'keyId="https://pond.example/zoe#main-key",headers="date",signature="AAAA"'
        return self.server.call(method, path, person=self.people.get(asker), headers=headers, **options)

    def say(self, author: str = "owner") -> str:
        return str(self.server.send(self.people[author], self.private, "between us")["message_id"])


@pytest.fixture
def cast(server: Server) -> Cast:
    return Cast(server)


def fill(path: str) -> str:
    """A path to nothing."""
    return re.sub(r"\{\w+\}", "nothing", path)


def test_every_route_has_its_row(server: Server) -> None:
    served = {
        (method, re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in server.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    punctum = {(method, PREFIX + path) for method, path in PUNCTUM}

    assert served == API.keys() | OTHERS.keys() | punctum


def test_every_row_says_what_it_does() -> None:
    assert {row.does for row in (API | OTHERS).values()} == {"read", "activity", "action", "knocks"}
    assert {row.who for row in API.values()} <= OWNER | {"anyone", "signed in"}
    assert not [key for key, row in (API | OTHERS).items() if key[0] in {"PUT", "DELETE"} and row.does == "read"]


@pytest.mark.parametrize("asker", ASKERS)
def test_each_cell(cast: Cast, asker: str) -> None:
    """Requests without what the route needs: whoever is let in gets as far as a 400 or a 404, and no further."""
    wrong = []
    for (method, path), row in API.items():
        got = cast.ask(asker, method, fill(path)).status_code
        if row.who == "anyone" and not (asker == "banned" and "/file/" in path):
            is_right = got not in REFUSED
        elif asker in {"anonymous", "remote"}:
            is_right = got == 401
        elif asker == "banned":
            is_right = got == 403  # Of a file, too: a token that is given is looked at.
        else:
            is_right = (got not in REFUSED) == (row.who == "signed in" or row.who in HOLDS[asker])
        if not is_right or got == 500:
            wrong.append((method, path, row.who, got))

    assert wrong == []


def test_who_is_refused_changes_nothing(cast: Cast) -> None:
    with cast.server.stores_nothing():
        for method, path in API:
            for asker in ("anonymous", "banned", "remote"):
                cast.ask(asker, method, fill(path))


def test_what_only_reads_changes_nothing(cast: Cast) -> None:
    cast.ask("owner", "GET", "/ap/instance")  # Its key is made when it is asked for, if no worker came to it before.
    with cast.server.stores_nothing():
        for (method, path), row in (API | OTHERS).items():
            if row.does == "read" and not path.startswith("/ws"):
                assert cast.ask("owner", method, fill(path)).status_code != 500, path


def private_requests(cast: Cast) -> list[tuple[str, str, dict[str, Any], dict[str, int]]]:
    """(method, path, options, the status for each asker) for what touches a private channel; who may not know of it
    is told what is told of one that is not there."""
    base = f"/api/v1/channels/{cast.private}"
    voice = f"/api/v2/voice/channels/{cast.private}"
    may = {"member": 200, "moderator": 200, "admin": 200, "owner": 200}
    staff = {"outsider": 403, "member": 403, "moderator": 200, "admin": 200, "owner": 200}

    def all_of(status: int) -> dict[str, int]:
        return dict.fromkeys(may, status)

    text = cast.say()
    whom = cast.people["outsider"].id
    return [
        ("GET", f"{base}/load_messages", {}, may),
        ("GET", f"{base}/search", {"query_string": {"q": "between"}}, may),
        ("PUT", f"{base}/update", {"json": {"channel_name": "staff"}}, staff | {"outsider": 403, "member": 403}),
        ("POST", f"{base}/send_message", {"data": {"message": "me too"}}, all_of(201)),
        ("POST", f"{base}/send_message", {"data": {"attachments": file_of("a")}}, all_of(201)),
        ("PUT", f"{base}/mark_message_as_read", {"json": {"message_id": text}}, all_of(201)),
        ("POST", f"{base}/messages/{text}/reactions", {"json": {"emoji": "👍"}}, all_of(201)),
        ("PUT", f"{base}/messages/{text}", {"json": {"message": "changed"}}, all_of(403) | {"owner": 200}),
        ("GET", f"{base}/audio-status", {}, all_of(400)),
        ("GET", f"{voice}/participants", {}, all_of(400)),
        ("POST", "/api/v1/moderation/reports/messages", {"json": {"message_ids": [text], "category": "x"}},
         all_of(201) | {"owner": 400}),
        ("PUT", f"{base}/add_user", {"json": {"to_add_user_id": cast.people["member"].id}}, staff),
        ("DELETE", f"{base}/remove_user", {"json": {"to_remove_user_id": whom}}, staff),
        ("DELETE", f"{base}/delete_message", {"query_string": {"message_id": text}}, all_of(401) | {
            "moderator": 200, "admin": 404, "owner": 404}),
    ]  # fmt: skip


def file_of(name: str) -> FileStorage:
    return FileStorage(BytesIO(b"words"), filename=f"{name}.txt", content_type="text/plain")


def test_a_private_channel_is_for_those_who_may_see_it(cast: Cast) -> None:
    wrong = []
    for number in range(len(private_requests(cast))):
        for asker in ASKERS:
            method, path, options, statuses = private_requests(cast)[number]
            refusals = {"anonymous": 401, "remote": 401, "banned": 403, "outsider": 404}
            expected = (refusals | statuses)[asker]
            if asker in {"admin", "owner"} and path.endswith("delete_message"):
                expected = 200  # A message of its own for each asker.
            got = cast.ask(asker, method, path, **options)
            if got.status_code != expected:
                wrong.append((asker, method, path, got.status_code, expected, got.text[:80]))

    assert wrong == []


def test_whoever_is_refused_is_told_the_same_of_what_is_not_there(cast: Cast) -> None:
    requests = [row for row in private_requests(cast) if "outsider" not in row[3] and cast.private in row[1]]
    for method, path, options, _ in requests:
        given = {"data": {"message": "me too"}} if "data" in options else options
        there = cast.ask("outsider", method, path, **given)
        not_there = cast.ask("outsider", method, path.replace(cast.private, "channel_" + "0" * 26), **given)

        assert (there.status_code, there.json) == (not_there.status_code, not_there.json), path


def test_lists_keep_a_private_channel_to_its_own(cast: Cast) -> None:
    cast.say()
    for asker in ("outsider", "member", "moderator"):
        channels = cast.ask(asker, "POST", "/api/v1/channels/list/").json["channels"]
        history = cast.ask(asker, "GET", "/api/v1/channels/read-history").json

        is_in = asker != "outsider"
        assert [channel["channel_id"] for channel in channels] == ([cast.private] if is_in else [])
        assert (cast.private in str(history)) == is_in

    for path in (f"/ap/channels/{cast.private}", f"/ap/channels/{cast.private}/outbox"):
        assert cast.ask("anonymous", "GET", path, headers={"Accept": "application/activity+json"}).status_code == 404
