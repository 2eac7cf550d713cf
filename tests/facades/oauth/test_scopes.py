"""What a client may do: every route of the PufferBlow facade asks for one scope, or is for no client."""

from __future__ import annotations

import re
from typing import Final

import pytest
from sqlalchemy import insert

from app.actions.oauth import issuing
from app.actions.oauth.server import Server as Authorization
from app.actions.tokens import Grant
from app.db import transaction
from app.facades.oauth.words import WORDS
from app.facades.pufferblow import API
from app.facades.pufferblow.sockets import SCOPES_OF_LISTENING
from app.facades.punctum import ROUTES as PUNCTUM
from app.models import OAuthClient
from app.queries.scopes import NODE_SCOPES, SCOPES, scopes_of_node
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.oauth.flows import App, bearer, signed_in
from tests.facades.punctum.cast import PREFIX
from tests.facades.routes import API as TABLE
from tests.facades.routes import OTHERS

# What gives access that no scope limits.
NEVER: Final = {
    ("POST", "/api/v1/auth/decentralized/challenge"),
    ("POST", "/api/v1/auth/decentralized/revoke"),
    ("POST", "/api/v1/users/profile/reset-auth-token"),
}
ROUTES: Final = [route for route in API.routes if route.needs_viewer]


def token_for(person: Person, *scopes: str) -> str:
    """An access token of a client that was allowed these."""
    client = {
        "id": "client_" + "0" * 26,
        "name": "Gills",
        "auth_method": "none",
        "redirect_uris": [],
        "grant_types": [],
        "scopes": list(SCOPES),
    }
    with transaction() as session:
        server = Authorization(session)
        if server.query_client(str(client["id"])) is None:
            session.execute(insert(OAuthClient).values(**client, created_at=server.now))
        grant = Grant(str(client["id"]), frozenset(scopes))
        session_id = issuing.begin(server, person.id, grant.client_id, scopes)
        return str(issuing.first_token(server, person.id, session_id, grant, refreshable=False)["access_token"])


def test_every_route_says_its_scope_or_is_for_no_client() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.scope is None} == NEVER
    assert {route.scope for route in ROUTES if route.scope} <= set(SCOPES)


# Those ask nobody for a token, or take one that is no client's.
OPEN: Final = {(method, path) for (method, path), row in (TABLE | OTHERS).items() if row.who == "anyone"}
SOCKETS: Final = {("GET", "/ws"), ("GET", "/ws/channels/{channel_id}")}


def test_every_route_there_is_has_a_scope_or_needs_none(server: Server) -> None:
    """By what is served, so that a route past `API` is noticed, too."""
    served = {
        (method, re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in server.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(("/api/", "/storage/", "/ws"))
    }
    limited = {(route.method, route.path) for route in ROUTES}
    punctum = {(route.method, PREFIX + route.path) for route in PUNCTUM}  # Theirs: tests/facades/punctum/test_scopes.py

    assert served - OPEN == limited | SOCKETS | punctum


def test_every_scope_has_its_words() -> None:
    assert set(WORDS) == set(SCOPES)


def test_a_client_is_let_in_by_the_scope_of_a_route_and_by_no_other(server: Server, owner: Person) -> None:
    """The owner may do everything, so whoever is refused is refused for the scope."""
    tokens = {scope: token_for(owner, scope) for scope in SCOPES}
    without = {scope: token_for(owner, *(set(SCOPES) - {scope})) for scope in SCOPES}
    everything = token_for(owner, *SCOPES)
    wrong = []
    for route in ROUTES:
        path = re.sub(r"\{\w+\}", "nothing", route.path)
        refused = without[route.scope] if route.scope else everything
        with server.stores_nothing():
            answer = server.call(route.method, path, headers=bearer(refused))
        challenge = answer.headers.get("WWW-Authenticate", "")
        expected = (
            f'Bearer error="insufficient_scope"{f", scope={chr(34)}{route.scope}{chr(34)}" if route.scope else ""}'
        )
        if (answer.status_code, challenge) != (403, expected):
            wrong.append((route.method, path, answer.status_code, challenge))
        if route.scope:
            answer = server.call(route.method, path, headers=bearer(tokens[route.scope]))
            if "insufficient_scope" in answer.headers.get("WWW-Authenticate", "") or answer.status_code == 401:
                wrong.append((route.method, path, answer.status_code, "let in"))

    assert wrong == []


def test_a_client_has_no_privilege_that_its_person_lacks(server: Server, owner: Person, member: Person) -> None:
    headers = bearer(token_for(member, *SCOPES))
    with server.stores_nothing():
        answer = server.call("POST", "/api/v1/channels/create/", headers=headers, json={"channel_name": "x"})

    assert answer.status_code == 403
    assert "privilege" in answer.json["detail"]


def test_a_client_changes_no_password(server: Server, member: Person) -> None:
    body = {"old_password": PASSWORD, "new_password": "another"}
    headers = bearer(token_for(member, *SCOPES))
    with server.stores_nothing():
        answer = server.call("PUT", "/api/v1/users/profile", headers=headers, json=body)

    assert answer.status_code == 403


def test_a_moderators_client_deletes_what_others_said_only_for_moderating(
    server: Server, owner: Person, member: Person
) -> None:
    channel = server.create_channel(owner)["channel_id"]
    texts = [server.send(person, channel, "hello")["message_id"] for person in (member, owner)]

    def delete(message_id: str, *scopes: str) -> int:
        path = f"/api/v1/channels/{channel}/delete_message?message_id={message_id}"
        return int(server.call("DELETE", path, headers=bearer(token_for(owner, *scopes))).status_code)

    assert delete(texts[0], "message:write") == 403
    assert delete(texts[1], "message:write") == 200
    assert delete(texts[0], "message:write", "message:moderate") == 200


@pytest.mark.parametrize(("action", "scope"), [("ban", "conference_member:ban"), ("timeout", "conference_member:kick")])
def test_a_report_is_answered_with_what_a_client_may_do_without_one(
    server: Server, owner: Person, member: Person, action: str, scope: str
) -> None:
    about = {"target_user_id": member.id, "category": "abuse"}
    assert server.call("POST", "/api/v1/moderation/reports/users", person=owner, json=about).status_code == 201
    [report] = server.call("POST", "/api/v1/moderation/reports", person=owner).json["reports"]
    path, answered = f"/api/v1/moderation/reports/{report['id']}/resolve", {"action": action}
    narrow, wide = token_for(owner, "message:moderate"), token_for(owner, "message:moderate", scope)
    with server.stores_nothing():
        refused = server.call("POST", path, headers=bearer(narrow), json=answered)
    state = server.call("POST", "/api/v1/users/profile", person=owner, json={"user_id": member.id}).json
    [kept] = server.call("POST", "/api/v1/moderation/reports", person=owner).json["reports"]

    assert (refused.status_code, f'scope="{scope}"' in refused.headers["WWW-Authenticate"]) == (403, True)
    assert not {"is_banned", "is_timed_out"} & {key for key, on in state["user_data"]["moderation_state"].items() if on}
    assert kept["status"] == "pending"
    assert server.call("POST", path, headers=bearer(wide), json=answered).status_code == 200


@pytest.mark.parametrize("missing", SCOPES_OF_LISTENING)
def test_a_socket_needs_every_scope_of_what_it_tells(server: Server, member: Person, missing: str) -> None:
    token = token_for(member, *(set(SCOPES) - {missing}))
    headers = bearer(token) | {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    with server.stores_nothing():
        answer = server.call("GET", "/ws", headers=headers, base_url="ws://chat.example")

    assert (answer.status_code, f'scope="{missing}"' in answer.headers["WWW-Authenticate"]) == (403, True)


def test_a_private_file_needs_the_scope_to_read(server: Server, member: Person) -> None:
    path = "/api/v1/cdn/file/attachments/nothing"

    assert server.call("GET", path, headers=bearer(token_for(member, "message:write"))).status_code == 403
    assert server.call("GET", path, headers=bearer(token_for(member, "message:read"))).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/channels/nothing/load_messages"])
def test_what_the_owner_is_told_of_errors_a_client_needs_its_scope_for(
    server: Server, owner: Person, path: str
) -> None:
    def told(token: str) -> set[str]:
        with server.stores_nothing():
            answer = server.call("GET", f"{path}?debug=1", headers=bearer(token))
        assert answer.status_code == 404
        return set(answer.json)

    rest = set(SCOPES) - {"instance:modify"}

    assert "debug" not in told(token_for(owner, *rest))
    assert "debug" in told(token_for(owner, *SCOPES))


def test_no_client_makes_accounts(server: Server, owner: Person) -> None:
    private = {"is_private": True}
    assert server.call("PUT", "/api/v1/system/server-info", person=owner, json=private).status_code == 200
    headers, body = bearer(token_for(owner, *SCOPES)), {"username": "carol", "password": PASSWORD}
    with server.stores_nothing():
        answer = server.call("POST", "/api/v1/users/signup", headers=headers, json=body)

    assert answer.status_code == 403


def test_a_nodes_scopes_are_scopes_of_ours() -> None:
    assert scopes_of_node(NODE_SCOPES) <= set(SCOPES)


def test_two_names_of_one_scope_are_one(server: Server, member: Person) -> None:
    app = App(server, scope="account:modify")

    assert app.registered["scope"] == "account:write"
    assert app.tokens(signed_in(server, member))["scope"] == "account:write"
