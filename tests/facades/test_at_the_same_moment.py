"""Requests that come at the same moment: one outcome, a clear answer for everybody, nothing twice (hostile cases
TOK-18 and STO-05)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import func, select

from app.db import reading
from app.models import Account, Conversation, HistoryGap, Message
from tests.facades.conftest import PASSWORD, Person, Server


def at_once(server: Server, ask: Callable[[Server, int], Any], *, times: int) -> Counter[int]:
    """How often each status was answered; each request is asked by a client of its own."""
    clients = [Server(server.client.application.test_client()) for _ in range(times)]
    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(lambda number: ask(clients[number], number).status_code, range(times)))


def count(table: Any) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_many_sign_up_by_one_name(server: Server, owner: Person) -> None:
    def sign_up(client: Server, number: int) -> Any:
        name = "Bob" if number % 2 else "bob"
        return client.call("POST", "/api/v1/users/signup", json={"username": name, "password": PASSWORD})

    answers = at_once(server, sign_up, times=12)

    assert answers[201] == 1
    assert set(answers) <= {201, 409, 503}
    assert count(Account) == 2


def test_the_first_direct_messages_come_together(server: Server, owner: Person, member: Person) -> None:
    def tell(client: Server, number: int) -> Any:
        person, peer = (owner, "bob") if number % 2 else (member, "alice")
        return client.call("POST", "/api/v1/dms/send", person=person, json={"peer": peer, "message": str(number)})

    answers = at_once(server, tell, times=12)

    assert set(answers) <= {201, 409, 503}
    assert (count(Conversation), count(Message)) == (1, answers[201])


def test_a_channel_is_deleted_while_people_write_in_it(server: Server, owner: Person, member: Person) -> None:
    channel = server.create_channel(owner)["channel_id"]

    def ask(client: Server, number: int) -> Any:
        if number == 5:
            return client.call("DELETE", f"/api/v1/channels/{channel}/delete", person=owner)
        path = f"/api/v1/channels/{channel}/send_message"
        return client.call("POST", path, person=member, data={"message": str(number)})

    answers = at_once(server, ask, times=12)

    assert set(answers) <= {200, 201, 404, 409, 503}
    assert answers[200] == 1
    loaded = server.call("GET", f"/api/v1/channels/{channel}/load_messages", person=member)
    assert loaded.status_code == 404


def test_one_message_is_deleted_by_many(server: Server, owner: Person) -> None:
    """And counted once as a gap: the page behind it is as long as what is left."""
    channel = server.create_channel(owner)["channel_id"]
    message_id = server.send(owner, channel, "first")["message_id"]
    server.send(owner, channel, "second")

    def delete(client: Server, _: int) -> Any:
        path = f"/api/v1/channels/{channel}/delete_message"
        return client.call("DELETE", path, person=owner, query_string={"message_id": message_id})

    answers = at_once(server, delete, times=6)

    assert set(answers) <= {200, 404, 409, 503}
    assert _gaps() == 1


def _gaps() -> int:
    with reading() as session:
        return session.scalar(select(func.sum(HistoryGap.deleted))) or 0
