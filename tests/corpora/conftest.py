"""One server for all documents, in a world of as many other servers as there are documents."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import select

from activitypub.keys import public_key_to_pem
from app.actions import hosts, keys, passwords, remote_actors
from app.actions.inbox import process
from app.actions.installation import prepare_installation
from app.db import database, reading
from app.factory import make_app
from app.ids import INSTANCE_ID
from app.models import InboxItem, Message
from app.queries.conversations import list_participants
from app.queries.messages import MessageView, view_message
from app.services import remote
from app.settings import Settings
from tests.corpora.letters import Letter, Readers
from tests.e2e.postgres import folder_in_memory
from tests.facades.conftest import ORIGIN, Server
from tests.facades.federation.conftest import World
from tests.facades.federation.remote import RemoteActor, Wire, rsa_key


class Author(RemoteActor):
    """Whoever wrote a document; all authors share one key, because making one takes longer than everything else."""

    def __post_init__(self) -> None:
        self.key = rsa_key()

    @property
    def name(self) -> str:
        return "author"


@dataclass(frozen=True)
class Fate:
    """What became of a letter. `state` and `outcome` are the queue's; None where it never got there."""

    status: int
    asked: tuple[str, ...]
    cpu_seconds: float
    state: str | None = None
    outcome: str | None = None
    message: MessageView | None = None
    people: frozenset[str] = frozenset()


class PostOffice:
    """The world's side of one server: delivers letters, and looks at what became of each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = count(1)
        channel = world.actor(world.channel("lobby"))
        self.readers = Readers(person=world.actor(world.bob.id).uri, channel=channel.uri)

    def next_host(self) -> str:
        """A name no other server has."""
        return f"s{next(self._numbers)}"

    def deliver(self, letter: Letter) -> Fate:
        """Post it to the inbox, signed by its author, and let a worker apply it."""
        author, wire = Author(letter.sender), self.world.wire
        wire.serve(letter.sender, author.document | _described(letter, author))
        wire.asked.clear()
        began = time.process_time()
        answer = self.world.send(author.post(letter.body))
        is_queued = answer.status_code == 202 and answer.json["result"]["action"] == "queued"
        if is_queued:
            process(author.host)
        took = time.process_time() - began
        if not is_queued:
            return Fate(answer.status_code, asked=tuple(wire.asked), cpu_seconds=took)
        with reading() as session:
            item = session.scalar(select(InboxItem).where(InboxItem.host == author.host))
            found = session.scalar(select(Message).where(Message.uri == (letter.note or {}).get("id")))
            message = view_message(session, found.id) if found else None
            talk = list_participants(session, found.conversation_id) if found and found.conversation_id else []
        return Fate(
            status=answer.status_code,
            state=item.state if item else None,
            outcome=item.outcome if item else None,
            message=message,
            people=frozenset(person.uri for person in talk),
            asked=tuple(wire.asked),
            cpu_seconds=took,
        )


def _described(letter: Letter, author: Author) -> dict[str, Any]:
    """What the corpus says of an actor, under the key that is the test's."""
    if not letter.actor:
        return {}
    key = {"id": author.key_id, "owner": author.uri, "publicKeyPem": public_key_to_pem(author.key.public_key())}
    return letter.actor | {"publicKey": key}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def post_office(request: pytest.FixtureRequest) -> Iterator[PostOffice]:
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory(prefix="shoal-", dir=folder_in_memory()) as folder,
    ):
        patch.setattr(passwords, "COST", 4)
        patch.setattr(keys, "generate_rsa", rsa_key)
        wire = Wire()
        patch.setattr(remote, "_client", wire)
        caches = (remote_actors._keys, remote_actors._refused, remote_actors._asked_again)
        for cache in (*caches, hosts._seen_lately, hosts._left_alone):
            cache.clear()
        environment = {"SHOAL_DATA": f"{folder}/data", "SHOAL_ORIGIN": ORIGIN, "SHOAL_SECRET_KEY": "s" * 32}
        settings = Settings.from_env(environment, None)
        app = make_app(replace(settings, database_url=_database_url(request, Path(folder))))
        connected = database()
        prepare_installation(settings)
        server = Server(app.test_client())
        world = World(server, wire, server.sign_up("alice"), server.sign_up("bob"))
        keys.make_keys(INSTANCE_ID)
        yield PostOffice(world)
        connected.engine.dispose()


def _database_url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    copy = folder / "shoal.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), copy)
    return f"sqlite:///{copy}"
