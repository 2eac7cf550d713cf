"""What a client may do by Punctum: each route asks for one scope, or for that of the object and of what is done."""

from __future__ import annotations

import re
from typing import Any, Final

from app.facades.punctum import ROUTES
from app.facades.punctum.scopes import DEPENDS, READING, WRITING
from app.queries.scopes import SCOPES, Scope
from tests.databases import ON_SQLITE
from tests.facades.conftest import Server
from tests.facades.oauth.flows import bearer
from tests.facades.oauth.test_scopes import token_for
from tests.facades.punctum.cast import PREFIX, Cast

FOR_EVERYBODY: Final = {("GET", "/instance"), ("GET", "/federation/inbox")}
FOR_INSTANCES: Final = {  # Which sign what they ask for; a client's token is no signature.
    ("POST", "/federation/inbox"),
    ("POST", "/federation/join-conference-by-invite/{id}"),
    ("POST", "/federation/subscribe/{id}"),
    ("POST", "/federation/unsubscribe/{id}"),
    ("DELETE", "/federation/unsubscribe/{id}"),
}
LIMITED: Final = [route for route in ROUTES if route.scope not in (None, DEPENDS)]

Case = tuple[str, Scope, str, str, dict[str, Any] | None]
READ: Final[tuple[Case, ...]] = (
    ("owner", "account:read", "GET", "/id/{accounts}", None),
    ("owner", "conference:read", "GET", "/id/{conferences}", None),
    ("owner", "conference:read", "GET", "/id/{member}", None),
    ("owner", "channel:read", "GET", "/id/{channels}", None),
    ("owner", "message:read", "GET", "/ids/{messages}", None),
    ("owner", "conference:read", "GET", "/id/{roles}", None),
    ("owner", "conference:read", "GET", "/id/{invites}", None),
    ("admin", "message:moderate", "GET", "/id/{reports}", None),
    ("owner", "conference:read", "GET", "/id/{emoji}", None),
    ("owner", "account:read", "POST", "/stash/request", {"id_list": ["{channels}", "{accounts}"]}),
    ("owner", "message:read", "POST", "/stash/request", {"id_list": ["{messages}", "{accounts}"]}),
)
IN_CONFERENCE: Final = {"parent_conference": "{conferences}"}
IN_CHANNEL: Final = {"parent_channel": "{channels}"}
MAKE: Final[tuple[Case, ...]] = (
    ("owner", "account:write", "POST", "/id", {"object_type": "account", "username": "echo"}),
    ("owner", "conference:moderate", "POST", "/id", {"object_type": "conference", "name": "Lake"}),
    ("owner", "channel:write", "POST", "/id", {"object_type": "channel", "name": "a", **IN_CONFERENCE}),
    ("owner", "message:write", "POST", "/id", {"object_type": "message", "content": "a", **IN_CHANNEL}),
    ("owner", "role:moderate", "POST", "/id", {"object_type": "role", "name": "a", **IN_CONFERENCE}),
    ("owner", "invite:create", "POST", "/id", {"object_type": "invite", "conference_id": "{conferences}"}),
    ("owner", "message:write", "POST", "/ids", {"object_type": "report", "target": "{channels}"}),
    (
        "owner", "conference:moderate", "POST", "/id",
        {"object_type": "emoji", "shortcode": "frog", "image": "/frog.png", **IN_CONFERENCE},
    ),
)  # fmt: skip
CHANGE: Final[tuple[Case, ...]] = (
    ("admin", "instance:modify", "PATCH", "/id/0", {"name": "Pond"}),
    ("owner", "account:write", "PATCH", "/id/{own}", {"bio": "a frog"}),
    ("owner", "conference:moderate", "PATCH", "/id/{conferences}", {"name": "Lake"}),
    ("owner", "channel:write", "PATCH", "/id/{channels}", {"name": "weeds"}),
    ("member", "message:write", "PATCH", "/ids/{messages}", {"content": "changed"}),
    ("owner", "role:moderate", "PATCH", "/id/{roles}", {"name": "guides"}),
    ("owner", "invite:create", "PATCH", "/id/{invites}", {"name": "wade-in"}),
    ("owner", "conference:moderate", "PATCH", "/id/{emoji}", {"note": "small"}),
    ("owner", "account:write", "DELETE", "/id/{accounts}", None),
    ("owner", "conference:moderate", "DELETE", "/id/{conferences}", None),
    ("owner", "channel:write", "DELETE", "/ids/{channels}", None),
    ("member", "message:write", "DELETE", "/id/{messages}", None),
    ("owner", "role:moderate", "DELETE", "/id/{roles}", None),
    ("owner", "invite:create", "DELETE", "/id/{invites}", None),
    ("owner", "conference:moderate", "DELETE", "/id/{emoji}", None),
)
MEMBERS: Final = "/conferences/{conferences}/members/"
# By keys, by whose it is, and by where.
DEPENDING: Final[tuple[Case, ...]] = (
    ("member", "conference_member:write_nick", "PATCH", MEMBERS + "{own}", {"nickname": "me"}),
    ("owner", "conference_member:moderate_nick", "PATCH", MEMBERS + "{bystander}", {"nickname": "you"}),
    ("owner", "conference_member:ban", "PATCH", MEMBERS + "{bystander}", {"banned": True}),
    ("owner", "conference_member:ban", "PATCH", MEMBERS + "{outsider}", {"banned": True}),
    ("owner", "role:moderate", "PATCH", MEMBERS + "{bystander}", {"permissions": 3}),
    ("owner", "role:moderate", "PATCH", "/id/{member}", {"roles": ["{roles}"]}),
    ("owner", "conference:read", "PATCH", "/id/{member}", {"type": "object"}),
    ("owner", "conference_member:kick", "DELETE", "/id/{member}", None),
    ("owner", "conference_member:kick", "POST", MEMBERS + "{bystander}/kick", None),
    ("member", "account:write", "DELETE", MEMBERS + "{own}", None),
    ("moderator", "message:moderate", "DELETE", "/messages/{messages}", None),
    ("owner", "message:moderate", "PATCH", "/messages/{messages}", {"pinned": True}),
    ("owner", "message:moderate", "POST", "/channels/{channels}/messages", {"content": "a", "pinned": True}),
    ("owner", "message:embed", "POST", "/channels/{channels}/messages", {
        "embeds": [{"embed_title": "a", "embed_type": 1}]}),
    ("member", "message:embed", "PATCH", "/messages/{messages}", {"embeds": [{"embed_title": "a", "embed_type": 1}]}),
    ("owner", "channel:moderate", "PATCH", "/channels/{channels}", {"permissions": 3}),
    ("owner", "channel:moderate", "POST", "/conferences/{conferences}/channels", {"name": "a", "permissions": 3}),
    ("founder", "instance:modify", "PATCH", "/conferences/{home}", {"name": "Pond"}),
    ("admin", "instance:modify", "POST", "/emoji", {"shortcode": "frog", "image": "/frog.png"}),
    ("founder", "instance:modify", "DELETE", "/accounts/{bystander}", None),
)  # fmt: skip


# What changes nothing, or not what is shown.
WITHOUT_READING: Final[tuple[Case, ...]] = (
    ("owner", "message:write", "PATCH", "/messages/{messages}", {"object_type": "message"}),
    ("owner", "message:write", "PATCH", "/id/{messages}", {"type": "object"}),
    ("admin", "message:write", "PATCH", "/reports/{reports}", {"object_type": "report"}),
    ("owner", "channel:write", "PATCH", "/channels/{channels}", {"object_type": "channel"}),
    ("owner", "account:write", "PATCH", "/accounts/{own}", {"object_type": "account"}),
    ("owner", "conference:moderate", "PATCH", "/conferences/{conferences}", {"object_type": "conference"}),
    ("owner", "role:moderate", "PATCH", "/roles/{roles}", {"object_type": "role"}),
    ("owner", "invite:create", "PATCH", "/invites/{invites}", {"object_type": "invite"}),
    ("member", "account:write", "POST", "/invites/{invites}/join", None),
    ("member", "account:write", "POST", "/conferences/{conferences}/members", {"user_id": "{own}"}),
    ("member", "conference_member:write_nick", "PATCH", MEMBERS + "{own}", {"nickname": "me"}),
)


def test_every_route_has_a_scope_but_those_for_everybody() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.scope is None} == FOR_EVERYBODY | FOR_INSTANCES
    assert {route.scope for route in LIMITED} <= set(SCOPES)


def test_every_kind_has_its_scopes() -> None:
    assert READING.keys() == WRITING.keys()
    assert [kind for kind, scope in READING.items() if scope is None] == ["instance"]
    assert [kind for kind, scope in WRITING.items() if scope is None] == ["conference_member"]


@ON_SQLITE
def test_a_client_is_let_in_by_the_scope_of_a_route_and_by_no_other(server: Server) -> None:
    person = server.sign_up("alice")
    tokens: dict[str | None, str] = {scope: token_for(person, scope) for scope in SCOPES}
    without: dict[str | None, str] = {scope: token_for(person, *(set(SCOPES) - {scope})) for scope in SCOPES}
    wrong = []
    for route in LIMITED:
        path, scope = PREFIX + re.sub(r"\{\w+\}", "nothing", route.path), route.scope
        with server.stores_nothing():
            refused = server.call(route.method, path, headers=bearer(without[scope]))
            let_in = server.call(route.method, path, headers=bearer(tokens[scope]))
        if (refused.status_code, missing_in(refused)) != (403, scope) or missing_in(let_in) is not None:
            wrong.append((route.method, route.path, refused.status_code, missing_in(refused), missing_in(let_in)))

    assert wrong == []


@ON_SQLITE
def test_what_depends_needs_the_scope_of_the_object_and_of_what_is_done(server: Server) -> None:
    cast = Cast(server)
    home = cast.ask("founder", "GET", "/accounts").json["joined_conferences"]
    things = cast.things | {name: person.id for name, person in cast.people.items()} | {"home": next(iter(home))}
    member = cast.ask("owner", "GET", f"/conferences/{things['conferences']}/members/{things['bystander']}")
    things["member"] = member.json["id"]
    wrong = []
    for asker, scope, method, path, body in (*READ, *MAKE, *CHANGE, *DEPENDING):
        person = cast.people[asker]
        names = things | {"own": person.id}
        filled, sent = path.format(**names), _filled(body, names)
        limited = token_for(person, *(set(SCOPES) - {scope}))
        with server.stores_nothing():
            refused = server.call(method, PREFIX + filled, headers=bearer(limited), json=sent)
        let_in = server.call(method, PREFIX + filled, headers=bearer(token_for(person, *SCOPES)), json=sent)
        cast.put_back()
        if (refused.status_code, missing_in(refused)) != (403, scope) or let_in.status_code >= 300:
            wrong.append((asker, method, path, refused.status_code, missing_in(refused), let_in.text[:200]))

    assert wrong == []


@ON_SQLITE
def test_who_may_write_and_not_read_is_told_an_id_alone(server: Server) -> None:
    cast = Cast(server)
    shown = []
    for asker, scope, method, path, body in WITHOUT_READING:
        person = cast.people[asker]
        names = cast.things | {"own": person.id}
        write_only = bearer(token_for(person, scope))
        answer = server.call(method, PREFIX + path.format(**names), headers=write_only, json=_filled(body, names))
        if answer.status_code not in {200, 201} or answer.json.keys() != {"id"}:
            shown.append((asker, method, path, answer.status_code, answer.text[:200]))

    assert shown == []


def missing_in(answer: Any) -> str | None:
    """The scope that a client is told it lacks."""
    found = re.search(r'insufficient_scope", scope="(.*)"', answer.headers.get("WWW-Authenticate", ""))
    return found[1] if found else None


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, names) for one in value]
    return value.format(**names) if isinstance(value, str) else value
