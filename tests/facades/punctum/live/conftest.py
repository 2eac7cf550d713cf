"""The chat servers of PufferBlow's tests, with client sockets on them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.facades.conftest import Person
from tests.facades.pufferblow.chat import Chat
from tests.facades.pufferblow.conftest import chat, chats, far, postgres, stack, valkey
from tests.facades.punctum.live.clients import Client
from tests.world import world

__all__ = ["chat", "chats", "far", "postgres", "stack", "valkey", "world"]

Open = Callable[..., Client]


@pytest.fixture
def open_socket(chat: Chat, stack: ExitStack) -> Open:
    """A client socket of somebody's that is told of everything from now on; it is closed after the test."""

    def opened(person: Person) -> Client:
        client = stack.enter_context(Client(chat.near.port, person.bearer))
        assert client.status == 101, client.status
        client.ask("GET", "0")
        client.pass_over()
        return client

    return opened


@pytest.fixture
def alice(chat: Chat) -> Person:
    """She owns the conference."""
    return chat.sign_up("alice")


@pytest.fixture
def bob(chat: Chat) -> Person:
    """He is a member of the conference."""
    return chat.sign_up("bob")


@pytest.fixture
def carol(chat: Chat) -> Person:
    """She is in the home conference alone."""
    return chat.sign_up("carol")
