"""A client that comes back: it hears exactly what it missed, and nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, func, insert, select

from app.db import reading, transaction
from app.facades.pufferblow import telling
from app.live.writer import QUEUE_FRAMES_MAX
from app.models import Event
from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat, Listener
from tests.facades.pufferblow.test_sockets import detail, knock
from tests.live.raw import CLOSE, RawClient


@pytest.fixture
def guest(chat: Chat) -> Person:
    return chat.sign_up()


@contextmanager
def returning(chat: Chat, person: Person, since: int, channel_id: str | None = None) -> Iterator[Listener]:
    """A socket that asked for what it missed, when it has been told all of that."""
    path = f"/ws/channels/{channel_id}" if channel_id else "/ws"
    with Listener(chat.near.port, f"{path}?auth_token={person.token}&since={since}") as listener:
        assert listener.status == 101
        listener.say({"type": "ping"})
        listener.wait_for("pong")
        yield listener


def head() -> int:
    with reading() as session:
        return session.scalar(select(func.max(Event.position))) or 0


def texts(listener: Listener) -> list[str]:
    return [told["message"] for told in listener.heard if told["type"] == "message"]


def test_who_comes_back_hears_what_was_missed_in_its_order(chat: Chat, guest: Person) -> None:
    channel = chat.create_channel()
    since = head()
    for number in range(120):  # More than one batch.
        chat.send(chat.owner, channel, f"message {number}")

    with returning(chat, guest, since) as listener:
        assert texts(listener) == [f"message {number}" for number in range(120)]
        positions = [told["event_id"] for told in listener.heard if "event_id" in told]
        assert positions == sorted(positions)
        assert min(positions) > since


def test_what_comes_next_is_heard_once(chat: Chat, guest: Person) -> None:
    channel = chat.create_channel()
    since = head()
    chat.send(chat.owner, channel, "missed")

    with returning(chat, guest, since) as listener:
        chat.send(chat.owner, channel, "new")
        listener.wait_for("message", message="new")

        assert texts(listener) == ["missed", "new"]


def test_nothing_is_lost_or_said_twice_while_others_go_on(chat: Chat, guest: Person) -> None:
    channel = chat.create_channel()
    since = head()
    sent: list[str] = []

    def talk() -> None:
        for number in range(60):
            chat.send(chat.owner, channel, f"message {number}")
            sent.append(f"message {number}")

    talker = threading.Thread(target=talk)
    talker.start()
    heard = []
    while talker.is_alive():
        with returning(chat, guest, since) as listener:
            heard.append(texts(listener))
    talker.join()
    with returning(chat, guest, since) as listener:
        assert texts(listener) == sent
    assert all(told == sent[: len(told)] for told in heard)


def test_who_asks_for_nothing_is_told_nothing_again(
    chat: Chat, guest: Person, connect: Callable[..., Listener]
) -> None:
    channel = chat.create_channel()
    chat.send(chat.owner, channel, "before")

    assert texts(connect(guest)) == []


def test_nobody_hears_of_what_is_not_theirs(chat: Chat, guest: Person) -> None:
    since = head()
    private = chat.create_channel(is_private=True)
    chat.send(chat.owner, private, "a secret")

    with returning(chat, guest, since) as listener:
        assert [told for told in listener.heard if told["type"] not in {"pong", "user_status_changed"}] == []
    with returning(chat, chat.owner, since) as listener:
        assert texts(listener) == ["a secret"]


def test_what_was_deleted_meanwhile_is_not_told(chat: Chat, guest: Person) -> None:
    channel = chat.create_channel()
    since = head()
    sent = chat.send(chat.owner, channel, "oops")
    chat.call("DELETE", f"/api/v1/channels/{channel}/delete_message?message_id={sent['message_id']}", chat.owner)

    with returning(chat, guest, since) as listener:
        assert texts(listener) == []
        assert [told["message_id"] for told in listener.heard if told["type"] == "message_deleted"] == [
            sent["message_id"]
        ]


def test_who_comes_back_hears_of_the_notifications_that_were_missed_and_of_no_others(chat: Chat, guest: Person) -> None:
    other = chat.sign_up()
    channel, private, left = chat.create_channel(), *(chat.create_channel(is_private=True) for _ in range(2))
    chat.let_in(guest, left)
    hello, others = f"hello @{guest.username}", f"hello @{other.username}"
    chat.send(chat.owner, channel, f"{hello}, before")
    since = head()
    first = chat.send(chat.owner, channel, hello)["message_id"]
    chat.send(chat.owner, channel, others)
    chat.send(chat.owner, private, hello)
    chat.send(chat.owner, left, hello)
    chat.put_out(guest, left)
    gone = chat.send(chat.owner, channel, hello)["message_id"]
    chat.call("DELETE", f"/api/v1/channels/{channel}/delete_message?message_id={gone}", chat.owner)
    changed = chat.send(chat.owner, channel, "hello")["message_id"]
    chat.call("PUT", f"/api/v1/channels/{channel}/messages/{changed}", chat.owner, message=hello)
    chat.send(guest, channel, f"I am @{guest.username}")
    listed = chat.call("GET", f"/api/v1/notifications/?auth_token={guest.token}")["notifications"]
    chat.call("POST", f"/api/v1/notifications/{listed[1]['notification_id']}/read", guest)

    with returning(chat, guest, since) as listener:
        told = [heard["notification"] for heard in listener.heard if heard["type"] == "notification_created"]
    with returning(chat, guest, head()) as listener:
        assert [heard for heard in listener.heard if heard["type"] == "notification_created"] == []
    now = chat.call("GET", f"/api/v1/notifications/?auth_token={guest.token}")["notifications"]
    assert [notification["message_id"] for notification in told] == [first, changed]
    assert told == now[1::-1]
    assert [notification["read_at"] is None for notification in told] == [False, True]


def test_a_socket_of_one_channel_hears_of_that_one(chat: Chat, guest: Person) -> None:
    one, other = chat.create_channel(), chat.create_channel()
    since = head()
    chat.send(chat.owner, other, "elsewhere")
    chat.send(chat.owner, one, "here")

    with returning(chat, guest, since, one) as listener:
        assert texts(listener) == ["here"]


@pytest.mark.parametrize("since", ["-1", "x", "", "1.5", "9" * 19, "999999999", "0&since=0"])
def test_an_event_that_there_is_not_opens_no_socket(chat: Chat, guest: Person, since: str) -> None:
    status, said = detail(knock(chat, f"/ws?auth_token={guest.token}&since={since}"))

    assert (status, said[:6]) == (400, "since:")


def test_who_missed_what_is_no_longer_kept_is_told_so(chat: Chat, guest: Person) -> None:
    channel = chat.create_channel()
    since = head()
    for number in range(3):
        chat.send(chat.owner, channel, f"message {number}")
    with transaction() as session:
        session.execute(delete(Event).where(Event.position <= since + 1))

    with returning(chat, guest, since) as listener:
        assert [told["type"] for told in listener.heard if told["type"] != "user_status_changed"] == ["resync", "pong"]
        chat.send(chat.owner, channel, "new")
        listener.wait_for("message", message="new")


def test_long_messages_that_were_missed_are_not_more_than_somebody_takes_who_reads_them(
    chat: Chat, guest: Person
) -> None:
    """Together they are more than a socket may have waiting."""
    channel, long = chat.create_channel(), "😀" * 49_000
    since = head()
    for number in range(12):
        chat.send(chat.owner, channel, f"{number} {long}")

    with returning(chat, guest, since) as listener:
        assert texts(listener) == [f"{number} {long}" for number in range(12)]


def test_nothing_piles_up_for_who_does_not_read_what_was_missed(chat: Chat, guest: Person) -> None:
    channel, missed = chat.create_channel(), 100
    since = head()
    for number in range(missed):
        sent = chat.send(chat.owner, channel, f"{number} " + "x" * 30_000)
    new = {"type": "message_deleted", "data": {}, "created_at": datetime.now(UTC)}
    new |= {"channel_id": channel, "message_id": sent["message_id"]}

    path = f"/ws?auth_token={guest.token}&since={since}"
    with RawClient(chat.near.port, path, receive_buffer=4096) as stopped, chat.connect(chat.owner) as reader:
        assert stopped.status == 101
        with transaction() as session:
            session.execute(insert(Event), [new] * (QUEUE_FRAMES_MAX + 10))
        chat.bus.publish("events")
        for _ in range(QUEUE_FRAMES_MAX + 10):
            reader.wait_for("message_deleted")
        told = []
        while (frame := stopped.next_frame()) is not None and frame.opcode != CLOSE:
            told.append(frame)

    assert frame is not None
    assert (frame.code, len(told) < missed) == (1013, True)


def test_nobody_is_told_all_again_however_often_they_come(chat: Chat, guest: Person) -> None:
    since = head()
    nothing = {"type": "nothing", "data": {}, "created_at": datetime.now(UTC)}
    with transaction() as session:
        session.execute(insert(Event), [nothing] * (telling.MAX_MISSED - 10))

    def returns(person: Person) -> set[str]:
        with returning(chat, person, since) as listener:
            return {told["type"] for told in listener.heard}

    assert next(number for number in range(20) if "resync" in returns(guest)) >= 10
    assert "resync" not in returns(chat.sign_up())


def test_there_is_an_end_to_what_is_told_again() -> None:
    assert telling.MAX_MISSED == 1000
