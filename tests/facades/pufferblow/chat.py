"""A chat server with real sockets: gunicorn as it is in service, people on it, and what may be done behind its back."""

from __future__ import annotations

import itertools
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
from sqlalchemy import delete, insert, select

from activitypub import build
from activitypub.fetch import Document
from activitypub.vocabulary import PUBLIC
from app import db
from app.actions import keys as rsa_keys
from app.actions import presence, remote_actors
from app.actions.installation import prepare_installation
from app.models import Actor, Presence, RoleGrant, Space
from app.pipeline import Received, compose, receive, submit
from app.process import prepare
from app.projections import blocks
from app.queries import keys as proof_keys
from app.queries.actors import get_by_id
from app.queries.channels import get_home_space
from app.queries.permissions import get_permissions
from app.queries.viewers import Viewer
from app.services.bus import Bus
from app.settings import Settings
from app.uris import Uris
from tests.e2e.processes import ManagedProcess, free_port
from tests.e2e.waiting import eventually
from tests.facades.conftest import PASSWORD, Person
from tests.founding import person
from tests.live.raw import CLOSE, PING, PONG, TEXT, UPGRADE, Frame, RawClient

REPOSITORY = Path(__file__).resolve().parents[3]
SECRET = "chat-" * 8
Heard = dict[str, Any]


class Listener(RawClient):
    """A client's socket. What it has heard is kept, in order."""

    def __init__(self, port: int, path: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(port, path, headers=UPGRADE | (headers or {}))
        self.heard: list[Heard] = []
        self._waiting = 0

    def join(self) -> None:
        """Wait until the server serves the socket; what is heard before is not passed over."""
        self.say({"type": "ping"})
        self.heard.remove(self.wait_for("pong"))
        self._waiting = 0

    def say(self, body: object) -> None:
        self.send_frame(TEXT, (body if isinstance(body, str) else json.dumps(body)).encode())

    def wait_for(self, type: str | None = None, **fields: Any) -> Heard:
        """The next message with these fields; what comes before it is passed over."""
        while True:
            message = self._next()
            if (type is None or message["type"] == type) and fields.items() <= message.items():
                return message

    def until(self, type: str, **fields: Any) -> list[Heard]:
        """Everything that comes before the next message with these fields."""
        began = self._waiting
        self.wait_for(type, **fields)
        return self.heard[began : self._waiting - 1]

    def wait_for_close(self) -> int | None:
        while (frame := self.next_frame()) is not None:
            if frame.opcode == CLOSE:
                return frame.code
            self._keep(frame)
        return None

    def _next(self) -> Heard:
        while self._waiting == len(self.heard):
            frame = self.next_frame()
            assert frame is not None, f"the socket ended; it heard {self.heard}"
            assert frame.opcode != CLOSE, f"closed with {frame.code}; it heard {self.heard}"
            self._keep(frame)
        self._waiting += 1
        return self.heard[self._waiting - 1]

    def _keep(self, frame: Frame) -> None:
        if frame.opcode == PING:
            self.send_frame(PONG, frame.payload)
        elif frame.opcode == TEXT:
            self.heard.append(json.loads(frame.payload))


class Process:
    """One web process of the installation."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.port = free_port()
        self.child = ManagedProcess(
            [sys.executable, "-m", "gunicorn", "--config", "python:app.gunicorn_conf", f"{__package__}.served:app"],
            log=folder / "gunicorn.log",
            env={"PATH": os.environ["PATH"], "PORT": str(self.port), "SHOAL_BIND": "127.0.0.1", **environ},
            folder=REPOSITORY,
        )

    def start(self) -> None:
        self.child.start()
        eventually(self._answers, what="gunicorn answers")

    def _answers(self) -> bool:
        self.child.check_running()
        try:
            return urllib3.request("GET", f"http://127.0.0.1:{self.port}/healthz", retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False


class Chat:
    """An installation. `near` serves what a test asks over HTTP; `far()` is a second process on the same data."""

    def __init__(self, *, database_url: str | None, redis_url: str, name: str, folder: Path) -> None:
        self.environ = {
            "SHOAL_DATA": str(folder),
            "SHOAL_ORIGIN": f"https://{name}.example",
            "SHOAL_SECRET_KEY": SECRET,
            "SHOAL_TRUSTED_PROXIES": "127.0.0.0/8",
            "DATABASE_URL": database_url or "",  # Without one, it is a file in the folder.
            "REDIS_URL": redis_url,
            "SHOAL_RATE_LIMIT": "999999",  # All tests of a run come from one address.
        }
        self._folder = folder
        self._names = itertools.count(1)
        self.settings = Settings.from_env(self.environ, None)
        self.bus = Bus(redis_url, installation=self.settings.origin)
        self.http = urllib3.PoolManager(retries=False, timeout=30)
        self.prepare()
        prepare_installation(self.settings)
        self._far: Process | None = None
        self.near = self.start_process()
        self.owner = self.sign_up("owner")
        self.lobby = self.create_channel()
        db.database().engine.dispose()

    def prepare(self) -> None:
        """Let this test process work on the installation's database, too."""
        prepare(self.settings)
        for cache in (proof_keys._opened, rsa_keys._opened, remote_actors._keys, remote_actors._refused):
            cache.clear()

    def hint(self, kind: str, _key: str) -> None:
        """As a worker does: the sockets' processes hear of what this test process commits."""
        if kind == "events":
            self.bus.publish("events")

    def start_process(self) -> Process:
        process = Process(self.environ, self._folder / f"process-{next(self._names)}")
        process.start()
        return process

    def far(self) -> Process:
        """One for all tests that ask; if one ended it, it is another for the next."""
        if self._far is None or not self._far.child.is_running:
            self._far = self.start_process()
        return self._far

    def kill(self) -> None:
        for process in (self.near, self._far):
            if process is not None:
                process.child.kill()

    # Over HTTP.

    def call(self, method: str, path: str, person: Person | None = None, **body: Any) -> Any:
        headers = {"Content-Type": "application/json", **(person.bearer if person else {})}
        url = f"http://127.0.0.1:{self.near.port}{path}"
        answer = self.http.request(method, url, body=json.dumps(body).encode(), headers=headers)
        assert answer.status < 300, (method, path, answer.status, answer.data)
        return answer.json()

    def sign_up(self, name: str = "somebody") -> Person:
        username = f"{name}{next(self._names)}"
        session = self.call("POST", "/api/v1/users/signup", username=username, password=PASSWORD)
        profile = self.call("POST", "/api/v1/users/profile", auth_token=session["auth_token"])
        return Person(profile["user_data"]["user_id"], username, session)

    def sign_in(self, person: Person) -> Person:
        """The same person's other device."""
        session = self.call("POST", "/api/v1/users/signin", username=person.username, password=PASSWORD)
        return replace(person, session=session)

    def create_channel(self, *, is_private: bool = False) -> str:
        name = f"channel {next(self._names)}"
        answer = self.call("POST", "/api/v1/channels/create/", self.owner, channel_name=name, is_private=is_private)
        return str(answer["channel_data"]["channel_id"])

    def send(self, person: Person, channel_id: str, text: str) -> dict[str, Any]:
        sent = self.call("POST", f"/api/v1/channels/{channel_id}/send_message", person, message=text)
        message: dict[str, Any] = sent["message_data"]
        return message

    def status(self, person: Person) -> str:
        """As everybody sees it in the list."""
        users = self.call("GET", f"/api/v1/users/list?auth_token={self.owner.token}")["users"]
        return next(str(user["status"]) for user in users if user["user_id"] == person.id)

    # Sockets.

    def connect(
        self, person: Person, channel_id: str | None = None, *, process: Process | None = None, ip: str | None = None
    ) -> Listener:
        path = f"/ws/channels/{channel_id}" if channel_id else "/ws"
        headers = {"X-Forwarded-For": ip} if ip else {}
        listener = Listener((process or self.near).port, f"{path}?auth_token={person.token}", headers=headers)
        assert listener.status == 101, listener.status
        listener.join()  # It is told of everything from here on,
        if process is not None:  # and of what is not recorded once its process has subscribed to the bus.
            eventually(lambda: self._reaches(listener), what="the bus reaches the other process")
        return listener

    def _reaches(self, listener: Listener) -> bool:
        hello = {"body": {"type": "hello"}, "users": None, "channel_id": None}
        self.bus.publish("ephemeral", json.dumps(hello))
        frame = listener.next_frame(seconds=0.2)
        return frame is not None and b"hello" in frame.payload

    def fence(self, *listeners: Listener, channel_id: str | None = None) -> list[list[Heard]]:
        """What each heard until now of what is recorded: a message that all of them hear comes after it."""
        text = f"fence {next(self._names)}"
        self.send(self.owner, channel_id or self.lobby, text)
        return [listener.until("message", message=text) for listener in listeners]

    # Behind its back, as a worker or a route to come would.

    def actor(self, person: Person) -> Actor:
        with db.reading() as session:
            return session.scalars(select(Actor).where(Actor.id == person.id)).one()

    def viewer(self, person: Person) -> Viewer:
        actor = self.actor(person)
        with db.reading() as session:
            return get_permissions(session, actor).viewer

    def let_in(self, person: Person, channel_id: str) -> None:
        submit(compose.admission(self.viewer(self.owner), channel_id, self.actor(person)))

    def put_out(self, person: Person, channel_id: str) -> None:
        submit(compose.expulsion(self.viewer(self.owner), channel_id, self.actor(person)))

    def grant(self, person: Person, role: str) -> None:
        with db.transaction() as session:
            home = session.scalar(select(Space.actor_id).where(Space.is_home))
            session.execute(insert(RoleGrant).values(actor_id=person.id, space_id=home, role=role))

    def take_role(self, person: Person) -> None:
        with db.transaction() as session:
            session.execute(delete(RoleGrant).where(RoleGrant.actor_id == person.id))

    def set_status(self, person: Person, status: str) -> None:
        presence.set_status(person.id, status)

    def processes_of(self, person: Person) -> int:
        """How many processes have said that the person has a socket in them."""
        with db.reading() as session:
            return len(session.scalars(select(Presence.process_id).where(Presence.actor_id == person.id)).all())

    def ban(self, person: Person) -> None:
        owner = self.viewer(self.owner)
        with db.reading() as session:
            home = get_by_id(session, get_home_space(session).actor_id)
        submit(build.block(actor=owner.uri, object=self.actor(person).uri, target=home.uri))

    def ban_unheard(self, person: Person) -> None:
        """As a ban is between its commit and the event that ends the person's sockets."""
        with db.transaction() as session:
            home = get_by_id(session, get_home_space(session).actor_id)
            owner, banned = (get_by_id(session, who.id) for who in (self.owner, person))
            blocks.add(session, owner, banned, space_id=home.id, activity_uri="", now=datetime.now(UTC))

    def receive_message(self, author: Actor, channel_id: str, text: str) -> None:
        """What another server sent to a channel, once it is verified."""
        channel, number = Uris(self.settings.origin).channel(channel_id), next(self._names)
        note = build.note(
            id=f"https://{author.host}/notes/{number}",
            author=author.uri,
            content=f"<p>{text}</p>",
            source=text,
            published=datetime.now(UTC),
            to=[channel, PUBLIC],
            audience=[channel],
        )
        activity = build.create(actor=author.uri, object=note)
        receive(Received(build.with_id(activity, f"https://{author.host}/activities/{number}"), datetime.now(UTC)))

    def meet(self, name: str, *, host: str = "pond.example") -> Actor:
        """Somebody of another server."""
        uri = f"https://{host}/users/{name}{next(self._names)}"
        described = person(uri, uri.rpartition("/")[2], shared_inbox=f"https://{host}/inbox")
        return remote_actors.save_actor(Document(described, uri, uri))
