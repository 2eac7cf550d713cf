"""A real server with people in it, and everything a case needs to attack it and to see what came of it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Engine, Row, func, select, text, update

from app.db import Database
from app.models import Account, Actor, ActorKey, Host, InboxItem, Message
from tests.e2e.processes import ManagedProcess, free_port
from tests.e2e.waiting import eventually
from tests.hostile import conferences, media, tokens
from tests.hostile.names import Names
from tests.hostile.remote import Remote
from tests.hostile.signing import Headers, Recipe
from tests.hostile.snapshot import Snapshot
from tests.hostile.wire import Answer, exchange, request_bytes

HOST: Final = "sut.test"
ORIGIN: Final = f"https://{HOST}"
SECRET_TEXT: Final = "the private text that nobody else may read"
ERASED_TEXT: Final = "the original text that was deleted"
PASSWORD: Final = "correct horse battery staple"
ACTIVITY_JSON: Final = "application/activity+json"
REMOTE_ADDRESS: Final = "127.0.0.98"
DEAD_ADDRESS: Final = "127.0.0.99"
"""May be connected to, and nobody listens."""
SHUT_HOST: Final = "shut.test"
"""Blocked by the operator, with all below it."""
_INJECTED: Final = Path(__file__).parent / "injected"
_PEOPLE: Final = ("alice", "bob", "carol", "banned", "suspended", "removed_member")
_START_SECONDS, _STOP_SECONDS, _STUCK_SECONDS = 60, 10, 30
_TOKEN_SECONDS = 600  # Of the 900 that one is good for: a case that expects a 401 is to have it for its own reason.
_ELSEWHERE = "127.0.0.77"  # Whoever guessed passwords from the usual address may not sign in from there.
_RENEWED: Final = ("alice", "bob", "carol", "removed_member")


class Arena:
    """`shoal serve` on a database, asked directly over HTTP; `words` are what placeholders of cases stand for."""

    own_environment: Mapping[str, str] = {"SHOAL_RATE_LIMIT": "999999"}  # Every case comes from one address.

    def __init__(self, folder: Path, names: Names, remote: Remote, *, database_url: str | None = None) -> None:
        folder.mkdir()
        self.names, self.remote = names, remote
        self.port = free_port()
        self.words: dict[str, str] = {}
        self.seen: Snapshot | None = None  # What the database held when it was last looked at.
        self.is_postgresql = database_url is not None
        self.data = data = folder / "data"
        data.mkdir()
        for secret in ("secret", "secret:old", "secret:retired"):
            self.words[secret] = secrets.token_urlsafe(32)
        self.process = ManagedProcess(
            [Path(sys.executable).parent / "shoal", "serve"],
            log=folder / "shoal.log",
            env=self._environment(data, database_url),
            folder=folder,
        )
        url = database_url or f"sqlite:///{data}/shoal.db"
        self._database_url = url.replace("postgres://", "postgresql+psycopg://", 1)
        self._signed_in_at = 0.0
        self._database: Database | None = None

    def __enter__(self) -> Self:
        self.process.start()
        try:
            eventually(self._is_healthy, timeout_seconds=_START_SECONDS, what="the server is healthy")
            self._database = Database(self._database_url)
            self._people_and_places()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.dispose()
        self.process.stop(within_seconds=_STOP_SECONDS)

    @property
    def engine(self) -> Engine:
        if self._database is None:
            raise RuntimeError("the server was not started")
        return self._database.engine

    # Asking.

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        recipe: Recipe | None = None,
        source: str | None = None,
    ) -> Answer:
        return self.send_raw(self.compose(method, target, headers or {}, body, recipe), source=source)

    def compose(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, recipe: Recipe | None
    ) -> bytes:
        """The bytes of a request, so that they may be sent again."""
        plain: Headers = list(headers.items())
        if recipe is None:
            sent: Headers = [("Host", HOST), *plain]
        else:
            sent = recipe.signed(method, target, HOST, plain, body or b"")
        return request_bytes(method, target, sent, body if method != "GET" or body else None)

    def post_activity(self, activity: Mapping[str, Any], *, key: str = "evil:mallory") -> Answer:
        """An honest POST to the shared inbox."""
        return self.send_raw(self.signed_post(activity, key=key))

    def signed_post(self, activity: Mapping[str, Any], *, key: str = "evil:mallory") -> bytes:
        headers = {"Content-Type": ACTIVITY_JSON}
        return self.compose("POST", "/ap/inbox", headers, json.dumps(activity).encode(), Recipe.of({"key": key}))

    def send_raw(self, sent: bytes, *, is_all: bool = False, source: str | None = None) -> Answer:
        method = sent.partition(b" ")[0].decode("latin-1")
        return exchange(self.port, sent, method=method, is_all=is_all, source=source)

    def send_json(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        source: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request as a client makes it."""
        plain = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            plain["Authorization"] = f"Bearer {token}"
        sent = None if body is None else json.dumps(body).encode()
        return self.send(method, target, headers=plain, body=sent, source=source)

    def api(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None = None,
        *,
        who: str | None = None,
        source: str | None = None,
    ) -> Any:
        """What the server answers one of its people; AssertionError if it refuses."""
        token = None if who is None else self.words[f"tok:{who}"]
        answer = self.send_json(method, target, body, token=token, source=source)
        assert 200 <= answer.status < 300, f"{method} {target}: {answer.status} {answer.body[:500]!r}"
        return json.loads(answer.body)

    # Looking.

    def settle(self) -> None:
        """Wait until the worker has had its turn at everything that was accepted, and at who is new.

        That may take as long as it likes, while less and less is left.
        """
        fewest, deadline = None, 0.0
        while left := self._untried() + self._keyless():
            if fewest is None or left < fewest:
                fewest, deadline = left, time.monotonic() + _STUCK_SECONDS
            assert time.monotonic() < deadline, f"{left} requests or people without a key wait, and no fewer"
            time.sleep(min(max(left / 1000, 0.01), 0.5))  # To count a long queue costs the worker its turn.

    def count(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def find_message(self, uri: str) -> Row[Any] | None:
        with self.engine.connect() as connection:
            return connection.execute(select(Message.__table__).where(Message.uri == uri)).one_or_none()

    def quarantined(self) -> list[str]:
        """Accepted requests that the server itself failed at."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(InboxItem.activity_uri, InboxItem.outcome).where(InboxItem.state == "quarantined")
            )
            return [f"{uri}: {outcome}" for uri, outcome in rows]

    def lately_logged(self, since: int) -> str:
        """What was logged after the log had that size."""
        with self.process.log.open("rb") as log:
            log.seek(since)
            return log.read().decode("utf-8", "replace")

    def log_size(self) -> int:
        return self.process.log.stat().st_size

    def forgive(self) -> None:
        """Time passes for every remote host: what the server held against it is forgotten."""
        with self.engine.begin() as connection:
            connection.execute(update(Host).values(key_retry_at=None, probe_at=None, state="up", failures=0))

    # Setting up.

    def id_of(self, name: str) -> str:
        with self.engine.connect() as connection:
            return str(connection.execute(select(Actor.id).where(Actor.local_name == name)).scalar_one())

    def renew(self) -> bool:
        """Sign people in anew before their tokens end; whether that was necessary."""
        if time.monotonic() - self._signed_in_at < _TOKEN_SECONDS:
            return False
        for name in _RENEWED:
            credentials = {"username": name, "password": PASSWORD}
            answer = self.api("POST", "/api/v1/users/signin", credentials, source=_ELSEWHERE)
            self.words |= {f"tok:{name}": answer["auth_token"], f"refresh:{name}": answer["refresh_token"]}
        self.words["tok:owner"] = self.words["tok:alice"]
        tokens.connect_client(self, PASSWORD, source=_ELSEWHERE)
        self._signed_in_at = time.monotonic()
        return True

    def _people_and_places(self) -> None:
        self._signed_in_at = time.monotonic()
        for name in _PEOPLE:
            answer = self.api("POST", "/api/v1/users/signup", {"username": name, "password": PASSWORD})
            self.words |= {f"tok:{name}": answer["auth_token"], f"refresh:{name}": answer["refresh_token"]}
            self.words[f"{name}_id"] = self.id_of(name)
        self.words |= {"tok:owner": self.words["tok:alice"], "SUT": ORIGIN, "SUT_HOST": HOST, "proxy_ip": "127.0.0.1"}
        self.words |= {"EVIL": "https://evil.test", "GOOD": "https://good.test"}
        self.words["ldsig"] = base64.b64encode(secrets.token_bytes(256)).decode()
        self.words["wskey"] = base64.b64encode(secrets.token_bytes(16)).decode()
        self.words["chan_A"] = self._channel("harbour", is_private=False)
        self.words["priv_channel"] = self._channel("cellar", is_private=True)
        self.words["own_msg"] = self.say("chan_A", "hello")
        self.words["priv_msg"] = self.say("priv_channel", SECRET_TEXT)
        self.words["deleted_msg"] = self.say("chan_A", ERASED_TEXT)
        self._delete("chan_A", "deleted_msg")
        media.put_files(self)
        conferences.found(self)
        tokens.open_node_session(self)
        tokens.connect_client(self, PASSWORD)
        with self.engine.begin() as connection:
            lost = [self.words["banned_id"], self.words["suspended_id"]]
            connection.execute(update(Account).where(Account.actor_id.in_(lost)).values(banned_at=func.now()))
        self._meet()

    def _channel(self, name: str, *, is_private: bool) -> str:
        body = {"channel_name": name, "is_private": is_private}
        return str(self.api("POST", "/api/v1/channels/create/", body, who="alice")["channel_data"]["channel_id"])

    def say(self, channel: str, message: str, *, who: str = "alice") -> str:
        path = f"/api/v1/channels/{self.words[channel]}/send_message"
        return str(self.api("POST", path, {"message": message}, who=who)["message_data"]["message_id"])

    def _delete(self, channel: str, message: str) -> None:
        path = f"/api/v1/channels/{self.words[channel]}/delete_message?message_id={self.words[message]}"
        self.api("DELETE", path, who="alice")

    def _meet(self) -> None:
        """The regular strangers are known before the first case, so that no case is the first to meet them."""
        for key in ("evil:mallory", "evil:mallory2", "good:victim", "good:other_user"):
            host, _, user = key.partition(":")
            activity = {
                "id": f"https://{host}.test/a/{secrets.token_hex(8)}",
                "type": "Like",
                "actor": f"https://{host}.test/u/{user}",
                "object": f"{ORIGIN}/ap/messages/{self.words['own_msg']}",
            }
            answer = self.post_activity(activity, key=key)
            assert answer.status == 202, (
                f"{key} was not met: {answer.status} {answer.body!r}\n{self.process.log_tail()}"
            )
        self.settle()

    def _untried(self) -> int:
        waiting = (
            select(func.count()).select_from(InboxItem).where(InboxItem.state == "queued", InboxItem.attempts == 0)
        )
        with self.engine.connect() as connection:
            return int(connection.execute(waiting).scalar_one())

    def _keyless(self) -> int:
        """People whose RSA key the worker has not made yet."""
        has_key = select(ActorKey.id).where(ActorKey.actor_id == Account.actor_id, ActorKey.kind == "rsa").exists()
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(Account).where(~has_key)).scalar_one())

    def _is_healthy(self) -> bool:
        self.process.check_running()
        with contextlib.suppress(OSError):
            return self.send("GET", "/healthz").status == 200
        return False

    def _environment(self, data: Path, database_url: str | None) -> dict[str, str]:
        address = self.remote.address
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(data),
            "LC_ALL": "C.UTF-8",
            "PORT": str(self.port),
            # The code beside these tests, of whatever checkout is installed.
            "PYTHONPATH": os.pathsep.join(map(str, (_INJECTED, Path(__file__).parents[2]))),
            "HOSTILE_NAME_SERVICE": str(self.names.path),
            "SHOAL_ORIGIN": ORIGIN,
            "SHOAL_BIND": "127.0.0.1",
            "SHOAL_SECRET_KEY": f"{self.words['secret']},{self.words['secret:old']}",
            "SHOAL_DATA": str(data),
            "SHOAL_ALLOW_NETWORKS": ",".join(f"{allowed}/32" for allowed in (address, DEAD_ADDRESS)),
            "SHOAL_CA_FILE": str(self.remote.ca_file),
            "SHOAL_BLOCKED_DOMAINS": SHUT_HOST,
        }
        environment |= self.own_environment
        return environment | ({} if database_url is None else {"DATABASE_URL": database_url})


def errors_in(log: str) -> Sequence[str]:
    """Lines that say that something happened which nobody had thought of."""
    return [line for line in log.splitlines() if "Traceback (most recent" in line or "cannot process" in line]
