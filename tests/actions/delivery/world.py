"""A server with an outgoing queue, a clock that is moved by hand, and a wire that answers as a test wants."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import insert, select, update

from activitypub.errors import FetchError
from activitypub.fetch import Headers, Reason, Response, UnreachableError
from activitypub.keys import generate_rsa, private_key_to_der, public_key_to_multikey
from app.actions.delivery import Turn, deliver
from app.db import reading, transaction
from app.ids import new_id
from app.models import Activity, ActivityDocument, Actor, Delivery, Follow, Host
from app.projections import actors, follows
from app.sealing import LOG_SCOPE, seal_row

ORIGIN = "https://chat.example"
HOST = "peer.test"
INBOX = f"https://{HOST}/inbox"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
DOWN = UnreachableError("no connection", reason=Reason.CONNECT)

# A status, a whole answer, an error to raise, or what to do before one of these.
Answer: TypeAlias = int | Response | FetchError | Callable[[], "Answer"]


@functools.cache
def rsa_key() -> RSAPrivateKey:
    """One key for every actor: making one takes longer than most tests."""
    return generate_rsa()


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 25, 12, tzinfo=UTC))
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(frozen=True)
class Sent:
    url: str
    document: dict[str, Any]
    headers: dict[str, str]

    @property
    def activity_id(self) -> str:
        return str(self.document["id"]).rsplit("/", 1)[1]

    @property
    def scheme(self) -> str:
        return "rfc9421" if "Signature-Input" in self.headers else "draft-cavage"


@dataclass
class Wire:
    """What stands in for the guarded client: answers each inbox from its list, the last answer for ever."""

    clock: Clock
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    exchange_seconds: float = 0.0

    def post(
        self, url: str, *, body: bytes, headers: Callable[[str], Mapping[str, str]], deadline_seconds: float
    ) -> Response:
        self.sent.append(Sent(url, json.loads(body), dict(headers(url))))
        self.clock.pass_by(seconds=self.exchange_seconds)
        return self._answer(self._next(url), url)

    def get(self, url: str, *, headers: object, deadline_seconds: float) -> Response:
        self.asked.append(url)
        return self._answer(self._next(url), url)

    @property
    def order(self) -> list[str]:
        return [sent.activity_id for sent in self.sent]

    def _next(self, url: str) -> Answer:
        answers = self.answers.get(url, [202])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _answer(self, answer: Answer, url: str) -> Response:
        if callable(answer):
            return self._answer(answer(), url)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else respond(answer, url=url)


def respond(status: int, *, url: str = INBOX, body: bytes = b"", **headers: str) -> Response:
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status, Headers(lines), body, url)


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.wire = Wire(self.clock)
        self.alice = self.local_actor("alice")

    def deliver(self, host: str = HOST, **options: Any) -> Turn:
        return deliver(host, client=self.wire, now=self.clock, pause=self.clock.pause, **options)

    def local_actor(self, name: str, *, has_key: bool = True) -> str:
        actor_id = new_id("user")
        with transaction() as session:
            actor = actors.add_local(
                session,
                id=actor_id,
                uri=f"{ORIGIN}/ap/users/{actor_id}",
                type="Person",
                local_name=name,
                name=name,
                shared_inbox=f"{ORIGIN}/ap/inbox",
                now=self.clock.now,
            )
            if has_key:
                actors.add_key(
                    session,
                    actor,
                    key_id=f"{actor.uri}#main-key",
                    kind="rsa",
                    public=public_key_to_multikey(rsa_key().public_key()),
                    private=private_key_to_der(rsa_key()),
                    now=self.clock.now,
                )
        return actor_id

    def remote_actor(self, name: str, *, host: str = HOST, shared_inbox: str | None = None) -> str:
        actor_id = new_id("user")
        uri = f"https://{host}/users/{name}"
        with transaction() as session:
            session.execute(
                insert(Actor).values(
                    id=actor_id,
                    uri=uri,
                    type="Person",
                    host=host,
                    preferred_username=name,
                    name=name,
                    inbox=f"{uri}/inbox",
                    shared_inbox=shared_inbox,
                    followers=f"{uri}/followers",
                    created_at=self.clock.now,
                    updated_at=self.clock.now,
                )
            )
        return actor_id

    def follow(self, follower: str, target: str, *, state: str = "accepted") -> None:
        with transaction() as session:
            follows.put(
                session,
                session.get_one(Actor, follower),
                session.get_one(Actor, target),
                state=state,
                activity_uri=f"https://{HOST}/follows/{follower}",
                now=self.clock.now,
            )

    def queue(
        self,
        inbox: str = INBOX,
        *,
        host: str = HOST,
        sender: str | None = None,
        is_shared: bool = False,
        to: Sequence[str] = (),
        life: timedelta = timedelta(days=7),
        delay: timedelta = timedelta(0),
    ) -> str:
        """An activity recorded and enqueued for one inbox, as the pipeline does it; its id."""
        activity_id = new_id("act")
        sender = sender or self.alice
        now = self.clock.now
        document = {"id": f"{ORIGIN}/ap/activities/{activity_id}", "type": "Create", "actor": sender, "to": list(to)}
        with transaction() as session:
            session.execute(
                insert(Activity).values(
                    id=activity_id,
                    uri=document["id"],
                    type="Create",
                    actor_id=sender,
                    audience="public",
                    digest="",
                    signed_at=now,
                    recorded_at=now,
                )
            )
            sealed = seal_row(session, LOG_SCOPE, activity_id, json.dumps(document).encode())
            session.execute(insert(ActivityDocument).values(activity_id=activity_id, scope=LOG_SCOPE, sealed=sealed))
            session.execute(
                insert(Delivery).values(
                    activity_id=activity_id,
                    sender_id=sender,
                    host=host,
                    inbox=inbox,
                    is_shared=is_shared,
                    state="queued",
                    attempts=0,
                    next_attempt_at=now + delay,
                    created_at=now,
                    expires_at=now + life,
                )
            )
        return activity_id

    def queue_many(self, count: int) -> list[str]:
        return [self.queue() for _ in range(count)]

    def deliveries(self) -> list[Delivery]:
        with reading() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.position)))

    def delivery(self) -> Delivery:
        (only,) = self.deliveries()
        return only

    def states(self) -> list[str]:
        return [delivery.state for delivery in self.deliveries()]

    def host(self, name: str = HOST) -> Host:
        with reading() as session:
            return session.scalars(select(Host).where(Host.host == name)).one()

    def change_host(self, **values: Any) -> None:
        with transaction() as session:
            session.execute(update(Host).where(Host.host == HOST).values(**values))

    def follows(self) -> list[tuple[str, str]]:
        with reading() as session:
            return [(row.actor_id, row.target_id) for row in session.scalars(select(Follow))]
