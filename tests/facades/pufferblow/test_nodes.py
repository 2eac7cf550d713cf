"""Decentralized node auth: what proves a node, what its session may do, and how it ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session

from activitypub.keys import PrivateKey, public_key_to_pem, sign
from app.actions import nodes
from tests.answers import refusal
from tests.databases import ON_POSTGRESQL, ON_SQLITE
from tests.facades.conftest import PASSWORD, Person, Server
from tests.together import at_once

BASE = "/api/v1/auth/decentralized"
SECRET = "a secret of eight and more"
WRONG = refusal(401, "Invalid challenge signature")
ED25519 = Ed25519PrivateKey.generate()
RSA = generate_private_key(65537, 2048)
WEAK = generate_private_key(65537, 1024)


def challenge(server: Server, person: Person, node: str = "laptop") -> dict[str, Any]:
    answer = server.call("POST", f"{BASE}/challenge", json={"auth_token": person.token, "node_id": node})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    return body


def by_secret(asked: dict[str, Any], secret: str = SECRET, **more: Any) -> dict[str, Any]:
    """What the official SDK and web client send."""
    signature = hmac.new(secret.encode(), asked["challenge_nonce"].encode(), hashlib.sha256).hexdigest()
    return {
        "challenge_id": asked["challenge_id"],
        "node_public_key": "laptop's own name",
        "challenge_signature": signature,
        "shared_secret": secret,
    } | more


def by_key(asked: dict[str, Any], key: PrivateKey, **more: Any) -> dict[str, Any]:
    signature = base64.b64encode(sign(key, asked["challenge_nonce"].encode())).decode()
    return {
        "challenge_id": asked["challenge_id"],
        "node_public_key": public_key_to_pem(key.public_key()),
        "challenge_signature": signature,
    } | more


def verify(server: Server, body: dict[str, Any]) -> Any:
    return server.call("POST", f"{BASE}/verify", json=body)


def opened(server: Server, person: Person, node: str = "laptop") -> dict[str, Any]:
    answer = verify(server, by_secret(challenge(server, person, node)))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    return body


def introspect(server: Server, token: str) -> Any:
    return server.call("POST", f"{BASE}/introspect", json={"session_token": token})


def as_node(session: dict[str, Any]) -> dict[str, str]:
    return {"X-Pufferblow-Node-Session": session["session_token"]}


def test_a_node_that_shares_a_secret_gets_a_session(server: Server, owner: Person) -> None:
    session = opened(server, owner)

    assert {name: session[name] for name in ("node_id", "scopes")} == {
        "node_id": "laptop",
        "scopes": ["chat:read", "chat:write"],
    }
    shown = introspect(server, session["session_token"])
    assert shown.status_code == 200
    assert {name: shown.json[name] for name in ("active", "user_id", "node_id", "node_public_key", "session_id")} == {
        "active": True,
        "user_id": owner.id,
        "node_id": "laptop",
        "node_public_key": "laptop's own name",
        "session_id": session["session_id"],
    }


@pytest.mark.parametrize("key", [ED25519, RSA], ids=["ed25519", "rsa"])
def test_a_node_that_signs_needs_no_secret(server: Server, owner: Person, key: PrivateKey) -> None:
    assert verify(server, by_key(challenge(server, owner), key)).status_code == 200


def test_an_ed25519_key_may_be_its_bytes_alone(server: Server, owner: Person) -> None:
    key = base64.b64encode(ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    assert verify(server, by_key(challenge(server, owner), ED25519, node_public_key=key)).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"challenge_signature": "0" * 64},
        {"challenge_signature": "00"},
        {"challenge_signature": "not base64, not hex"},
        {"shared_secret": "another secret"},
        {"shared_secret": None},
        {"shared_secret": None, "node_public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
    ],
)
@ON_SQLITE
def test_a_wrong_answer_opens_nothing(server: Server, owner: Person, change: dict[str, Any]) -> None:
    asked = challenge(server, owner)

    with server.stores_nothing():
        answer = verify(server, by_secret(asked, **change))

    assert (answer.status_code, answer.json) == WRONG
    assert verify(server, by_secret(asked)).status_code == 200


@pytest.mark.parametrize("key", [WEAK, generate_ec(SECP256R1())], ids=["rsa of 1024 bits", "ecdsa"])
def test_a_weak_or_strange_key_opens_nothing(server: Server, owner: Person, key: Any) -> None:
    asked = challenge(server, owner)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    with server.stores_nothing():
        answer = verify(server, by_key(asked, ED25519, node_public_key=pem))

    assert (answer.status_code, answer.json) == WRONG


def test_the_first_secret_of_a_node_is_the_only_one(server: Server, owner: Person) -> None:
    opened(server, owner)
    asked = challenge(server, owner)

    with server.stores_nothing():
        answer = verify(server, by_secret(asked, "a secret of somebody else"))

    assert (answer.status_code, answer.json) == WRONG
    assert verify(server, by_secret(asked)).status_code == 200


def test_the_first_key_of_a_node_is_the_only_proof(server: Server, owner: Person) -> None:
    """Neither another key nor the weaker way of proving it, though each would do for a node never seen."""
    assert verify(server, by_key(challenge(server, owner), ED25519)).status_code == 200
    asked = challenge(server, owner)

    with server.stores_nothing():
        others = [verify(server, body).status_code for body in (by_key(asked, RSA), by_secret(asked))]

    assert others == [401, 401]
    assert verify(server, by_key(challenge(server, owner, "phone"), RSA)).status_code == 200


def test_people_do_not_share_nodes(server: Server, owner: Person, member: Person) -> None:
    opened(server, owner)

    assert verify(server, by_secret(challenge(server, member), "the secret of bob")).status_code == 200


def test_a_challenge_is_answered_once(server: Server, owner: Person) -> None:
    asked = challenge(server, owner)

    statuses = [answer.status_code for answer in at_once(lambda: verify(server, by_secret(asked)), times=3)]
    again = verify(server, by_secret(asked))

    assert sorted(statuses) == [200, 409, 409]
    assert (again.status_code, again.json) == refusal(409, "Challenge already consumed")


def test_a_challenge_lasts_two_minutes(server: Server, owner: Person) -> None:
    asked = challenge(server, owner)

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=121), tick=False):
        answer = verify(server, by_secret(asked))

    assert (answer.status_code, answer.json) == refusal(401, "Challenge expired")


@pytest.mark.parametrize("challenge_id", ["zzz", "8caa3b82-d9af-4f8b-bb67-f7cfd38f9d58"])
def test_an_unknown_challenge_is_a_404(server: Server, owner: Person, challenge_id: str) -> None:
    answer = verify(server, by_secret(challenge(server, owner), challenge_id=challenge_id))

    assert (answer.status_code, answer.json) == refusal(404, "Challenge not found")


def test_challenges_that_nobody_answers_come_to_an_end(server: Server, owner: Person) -> None:
    for _ in range(20):
        challenge(server, owner)

    with server.stores_nothing():
        answer = server.call("POST", f"{BASE}/challenge", person=owner, json={"node_id": "laptop"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "120")


@pytest.mark.parametrize(
    "body",
    [{}, {"node_id": ""}, {"node_id": "x" * 256}, {"node_id": 7}],
)
@ON_SQLITE
def test_a_bad_node_id_is_a_400(server: Server, owner: Person, body: dict[str, Any]) -> None:
    with server.stores_nothing():
        assert server.call("POST", f"{BASE}/challenge", person=owner, json=body).status_code == 400


def test_a_short_secret_is_a_400(server: Server, owner: Person) -> None:
    assert verify(server, by_secret(challenge(server, owner), "short")).status_code == 400


def test_a_session_does_what_its_scopes_say(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]
    headers = as_node(opened(server, member))

    def call(method: str, path: str, **options: Any) -> int:
        return int(server.call(method, path, headers=headers, **options).status_code)

    assert call("POST", "/api/v1/channels/list/") == 200
    assert call("POST", "/api/v1/users/profile") == 200
    assert call("GET", f"/api/v1/channels/{channel}/load_messages") == 200
    assert call("POST", f"/api/v1/channels/{channel}/send_message", data={"message": "from my laptop"}) == 201
    with server.stores_nothing():
        assert call("POST", "/api/v1/channels/create/", json={"channel_name": "mine"}) == 403
        assert call("POST", f"{BASE}/challenge", json={"node_id": "another"}) == 403
        assert call("GET", "/ws") in {400, 403}


def test_an_owners_session_is_no_owner(server: Server, owner: Person) -> None:
    headers = as_node(opened(server, owner))

    with server.stores_nothing():
        answer = server.call("POST", "/api/v1/channels/create/", headers=headers, json={"channel_name": "mine"})

    assert (answer.status_code, answer.json) == refusal(403, "This session is limited. Sign in to do this.")


def test_a_session_is_ended_by_its_own_account(server: Server, owner: Person, member: Person) -> None:
    session = opened(server, owner)
    body = {"session_id": session["session_id"]}

    with server.stores_nothing():
        foreign = server.call("POST", f"{BASE}/revoke", person=member, json=body)
    ended = server.call("POST", f"{BASE}/revoke", person=owner, json=body)
    again = server.call("POST", f"{BASE}/revoke", person=owner, json=body)

    assert (foreign.status_code, ended.status_code, again.status_code) == (404, 200, 404)
    assert ended.json == {
        "status_code": 200,
        "message": "Session revoked successfully",
        "session_id": session["session_id"],
    }
    assert introspect(server, session["session_token"]).status_code == 401
    assert server.call("POST", "/api/v1/users/profile", headers=as_node(session)).status_code == 401


def test_a_session_lasts_a_day(server: Server, owner: Person) -> None:
    session = opened(server, owner)

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=24, seconds=1), tick=False):
        shown = introspect(server, session["session_token"])
        used = server.call("POST", "/api/v1/users/profile", headers=as_node(session))

    assert (shown.status_code, shown.json) == refusal(401, "Invalid or expired session token")
    assert used.status_code == 401


def test_a_banned_account_has_no_sessions(server: Server, owner: Person, member: Person) -> None:
    session = opened(server, member)
    server.ban(member)

    assert introspect(server, session["session_token"]).status_code == 401
    assert server.call("POST", "/api/v1/users/profile", headers=as_node(session)).status_code == 403


def reset_token(server: Server, person: Person, _owner: Person) -> None:
    body = {"auth_token": person.token, "password": PASSWORD}
    assert server.call("POST", "/api/v1/users/profile/reset-auth-token", json=body).status_code == 200


def change_password(server: Server, person: Person, _owner: Person) -> None:
    body = {"old_password": PASSWORD, "new_password": "another correct horse"}
    assert server.call("PUT", "/api/v1/users/profile", person=person, json=body).status_code == 200


def ban(server: Server, person: Person, owner: Person) -> None:
    answer = server.call("POST", f"/api/v1/moderation/users/{person.id}/ban", person=owner, json={"reason": "spam"})
    assert answer.status_code == 201


@pytest.mark.parametrize("end", [reset_token, change_password, ban])
def test_a_challenge_ends_with_the_sessions(
    server: Server, owner: Person, member: Person, end: Callable[[Server, Person, Person], None]
) -> None:
    """Whoever had somebody's token for a moment keeps nothing of it, nor does who is banned, after the ban either."""
    asked = challenge(server, member)
    end(server, member, owner)

    with server.stores_nothing():
        answer = verify(server, by_secret(asked))

    assert (answer.status_code, answer.json) == refusal(404, "Challenge not found")


@pytest.mark.parametrize("kind", ["node's as a token", "token as a node's", "refresh token as a node's"])
def test_tokens_of_one_kind_are_none_of_another(server: Server, owner: Person, kind: str) -> None:
    session = opened(server, owner)
    headers = {
        "node's as a token": {"Authorization": f"Bearer {session['session_token']}"},
        "token as a node's": {"X-Pufferblow-Node-Session": owner.token},
        "refresh token as a node's": {"X-Pufferblow-Node-Session": owner.session["refresh_token"]},
    }[kind]

    assert server.call("POST", "/api/v1/users/profile", headers=headers).status_code in {400, 401}


@ON_POSTGRESQL
def test_who_answers_while_the_password_is_changed_has_no_session_after_it(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite the one comes after the other."""
    asked, open_session = challenge(server, owner), nodes._open
    given = {"old_password": PASSWORD, "new_password": "another horse"}
    with ThreadPoolExecutor(1) as pool:
        changes: list[Future[Any]] = []

        def open_meanwhile(session: Session, *details: Any) -> Any:
            opened = open_session(session, *details)
            changes.append(pool.submit(server.call, "PUT", "/api/v1/users/profile", person=owner, json=given))
            time.sleep(0.5)  # It waits for us, and nothing tells when it does.
            return opened

        monkeypatch.setattr(nodes, "_open", open_meanwhile)
        answered = verify(server, by_secret(asked))
        changed = changes[0].result()

    assert (answered.status_code, changed.status_code) == (200, 200)
    assert introspect(server, answered.json["session_token"]).status_code == 401
