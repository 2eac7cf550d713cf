"""What a client hears takes what asking for it takes: reports and pings have scopes of their own beside a socket's."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select

from app.db import reading
from app.facades.pufferblow.sockets import SCOPES_OF_LISTENING
from app.models import Event
from tests.facades.pufferblow.chat import Chat, Heard, Listener
from tests.facades.pufferblow.test_sockets import as_client

Connect = Callable[..., Listener]
SCOPED = {"report_created", "report_resolved", "ping_received", "ping_acked"}


def happen(chat: Chat) -> None:
    """A report and its end, and a ping to the owner and one of theirs."""
    bob = chat.sign_up()
    chat.call("POST", "/api/v1/moderation/reports/users", chat.owner, target_user_id=bob.id, category="spam")
    (report, *_) = chat.call("POST", "/api/v1/moderation/reports", chat.owner)["reports"]
    chat.call("POST", f"/api/v1/moderation/reports/{report['id']}/resolve", chat.owner, action="dismiss")
    for sender, target in ((bob, chat.owner), (chat.owner, bob)):
        ping = chat.call("POST", "/api/v1/ping/send", sender, target=target.id, message="psst")["ping"]
        chat.call("POST", f"/api/v1/ping/ack/{ping['ping_id']}", target)


def scoped(heard: list[Heard]) -> set[str]:
    return {told["type"] for told in heard} & SCOPED


def test_a_client_hears_no_more_than_it_may_ask_for(chat: Chat, connect: Connect) -> None:
    listening, pinged, moderating, everything = (
        connect(as_client(chat.owner, *SCOPES_OF_LISTENING)),
        connect(as_client(chat.owner, *SCOPES_OF_LISTENING, "conference:read")),
        connect(as_client(chat.owner, *SCOPES_OF_LISTENING, "message:moderate")),
        connect(chat.owner),
    )

    happen(chat)
    heard = chat.fence(listening, pinged, moderating, everything)

    assert [scoped(ear) for ear in heard] == [
        set(),
        {"ping_received", "ping_acked"},
        {"report_created", "report_resolved"},
        SCOPED,
    ]


def test_nor_when_it_comes_back(chat: Chat, connect: Connect) -> None:
    with reading() as session:
        since = session.scalar(select(func.max(Event.position))) or 0
    happen(chat)

    told = []
    for scopes in (SCOPES_OF_LISTENING, (*SCOPES_OF_LISTENING, "message:moderate")):
        client = as_client(chat.owner, *scopes)
        with Listener(chat.near.port, f"/ws?auth_token={client.token}&since={since}") as ear:
            ear.say({"type": "ping"})
            told.append(scoped(ear.until("pong")))

    assert told == [set(), {"report_created", "report_resolved"}]
