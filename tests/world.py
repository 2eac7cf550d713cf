"""A server behind its facades: alice owns it, bob is a member, and everybody else comes from where a test says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, select, update

from activitypub import build
from activitypub.documents import Activity
from activitypub.fetch import Document
from activitypub.keys import generate_ed25519, public_key_to_multikey
from activitypub.proofs import add_proof
from activitypub.vocabulary import PUBLIC
from app import db
from app.act import Gathered
from app.actions import keys as rsa_keys
from app.actions import remote_actors
from app.db import reading, transaction
from app.errors import AppError
from app.models import (
    Account,
    Actor,
    Delivery,
    Event,
    RoleGrant,
)
from app.pipeline import Outcome, Received, compose, receive, submit
from app.queries import keys as proof_keys
from app.queries.channels import get_home_space
from app.queries.permissions import get_permissions
from app.queries.viewers import Viewer, remote_viewer
from tests.databases import BACKENDS
from tests.founding import URIS, Founding, person, sign_up
from tests.outcomes import Channel, Outcomes, Sent

__all__ = ["Channel", "Sent", "World", "moment", "world"]

HOST = "pond.example"


class World(Outcomes):
    def __init__(self) -> None:
        self.wakes: list[tuple[str, str]] = []
        self.proof_keys: dict[str, Ed25519PrivateKey] = {}
        self._numbers: Counter[str] = Counter()
        with reading() as session:
            people = {actor.local_name: actor for actor in session.scalars(select(Actor).join(Account))}
        self.alice, self.bob = people["alice"], people["bob"]

    # Who is there.

    def actor(self, name: str, origin: str = "local", *, host: str = HOST, type: str = "Person", **odd: Any) -> Actor:
        """Somebody with an account here ("local"), or whom we know from another server ("remote").

        What a test says before this is forgotten: everybody has come in before anything happens.
        """
        actor = self.reload(sign_up(name)) if origin == "local" else self._meet(name, host, type, **odd)
        self.forget()
        return actor

    def viewer(self, actor: Actor) -> Viewer:
        with reading() as session:
            return get_permissions(session, actor).viewer if actor.is_local else remote_viewer(actor)

    @property
    def home(self) -> Actor:
        """The home space."""
        with reading() as session:
            return session.scalars(select(Actor).where(Actor.id == get_home_space(session).actor_id)).one()

    @property
    def instance(self) -> Actor:
        return self.reload(URIS.instance)

    def reload(self, uri: str) -> Actor:
        with reading() as session:
            return session.scalars(select(Actor).where(Actor.uri == uri)).one()

    def grant(self, actor: Actor, role: str) -> None:
        with transaction() as session:
            home = get_home_space(session).actor_id
            session.execute(insert(RoleGrant).values(actor_id=actor.id, space_id=home, role=role))

    def change_account(self, actor: Actor, **values: Any) -> None:
        with transaction() as session:
            session.execute(update(Account).where(Account.actor_id == actor.id).values(**values))

    # Where they talk.

    def channel(
        self,
        name: str,
        *,
        is_private: bool = False,
        type: str = "text",
        members: Sequence[Actor] = (),
        banned: Actor | None = None,
    ) -> Channel:
        """A channel of ours, made by alice; whoever is a member of a private one was let in by her."""
        activity, private = compose.channel(self.viewer(self.alice), name, type=type, is_private=is_private)
        channel_id = submit(activity, private=private).found["channel_id"]
        channel = Channel(channel_id, self.reload(URIS.channel(channel_id)))
        for member in members:
            self.join(member, channel)
        if banned is not None:
            self.perform(build.block(actor=self.alice.uri, object=banned.uri, target=self.home.uri))
        self.forget()
        return channel

    def join(self, member: Actor, channel: Channel) -> None:
        if channel.actor.manually_approves:
            submit(compose.admission(self.viewer(self.alice), channel.id, member))
        else:
            self.perform(build.follow(actor=member.uri, object=channel.uri))

    def remote_channel(
        self, name: str, *, host: str = HOST, members: Sequence[Actor] = (), is_private: bool = False
    ) -> Channel:
        """Another server's channel; its members are ours, and have followed it and been accepted."""
        group = self._meet(name, host, "Group", manually_approves=is_private)
        for member in members:
            follow = self.perform(build.follow(actor=member.uri, object=group.uri))
            asked = build.with_id(build.follow(actor=member.uri, object=group.uri), follow.uri)
            self.perform(build.accept(actor=group.uri, object=asked))
        self.forget()
        return Channel(group.id, group)

    # What they do.

    def perform(
        self,
        activity: Activity,
        *,
        signed_at: datetime | None = None,
        private: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        relayed: Sequence[Activity] = (),
        fetched: Mapping[str, Mapping[str, Any] | None] | None = None,
    ) -> Outcome:
        """One of ours submits it; one from elsewhere is received, as a worker does once it is proved and gathered."""
        if URIS.is_local(activity.actor):
            return submit(activity, private=private, idempotency_key=idempotency_key)
        outcome = receive(
            Received(
                activity=self.identified(activity),
                signed_at=signed_at or datetime.now(UTC),
                gathered=Gathered(fetched or {}),
                relayed=tuple(relayed),
            )
        )
        assert outcome is not None
        return outcome

    def identified(self, activity: Activity) -> Activity:
        """The activity with an id of its actor's server, if it has none."""
        return activity if activity.id else build.with_id(activity, self.uri_of(activity.actor, "activities"))

    def uri_of(self, actor: str, kind: str) -> str:
        """A new URI on the actor's server."""
        self._numbers[kind] += 1
        return f"https://{actor.split('/')[2]}/{kind}/{self._numbers[kind]}"

    def proved(self, activity: Activity) -> Activity:
        """The activity with the proof of its actor, who is from elsewhere."""
        activity = self.identified(activity)
        key = self.proof_keys[activity.actor]
        document = add_proof(
            dict(activity.document),
            verification_method=f"{activity.actor}#ed25519-key",
            private_key=key,
            created=datetime.now(UTC),
        )
        return replace(activity, document=document)

    def note(self, author: Actor, text: str, *, to: Sequence[str] = (PUBLIC,), **fields: Any) -> dict[str, Any]:
        """A Note as another server writes it."""
        fields.setdefault("id", self.uri_of(author.uri, "notes"))
        fields.setdefault("published", datetime.now(UTC))
        return build.note(author=author.uri, content=f"<p>{text}</p>", source=text, to=list(to), **fields)

    def say(self, author: Actor, channel: Channel, text: str, *, is_public: bool = True, **fields: Any) -> str:
        """A message in a channel; returns its URI."""
        if author.is_local:
            activity = compose.channel_message(self.viewer(author), channel.id, text, **fields)
        else:
            to = [channel.uri, PUBLIC] if is_public else [channel.uri]
            note = self.note(author, text, to=to, audience=[channel.uri], **fields)
            activity = build.create(actor=author.uri, object=note)
        self.perform(activity)
        return str(activity.object_id)

    def tell(self, author: Actor, people: Sequence[Actor], text: str) -> str:
        """A direct message; returns its URI."""
        if author.is_local:
            activity = compose.direct_message(self.viewer(author), people, text)
        else:
            handles = {person.uri: compose.handle(person) for person in people}
            note = self.note(author, text, to=[person.uri for person in people], mentions=handles)
            activity = build.create(actor=author.uri, object=note)
        self.perform(activity)
        return str(activity.object_id)

    def created(self, author: Actor, channel: Channel, text: str) -> Activity:
        """The Create of a message in a channel by somebody elsewhere, not yet performed."""
        note = self.note(author, text, to=[channel.uri, PUBLIC], audience=[channel.uri])
        return self.identified(build.create(actor=author.uri, object=note))

    def relay(self, channel: Channel, activity: Activity) -> str:
        """Another server's channel passes on what is proved (FEP-1b12); returns the URI of what it is about."""
        followers = [channel.actor.followers or ""]
        announce = build.announce(actor=channel.uri, object=activity.document, published=moment(), to=followers)
        self.perform(announce, relayed=[activity])
        return str(activity.object_id)

    def edited(self, author: Actor, uri: str, text: str, *, updated: datetime | None = None, **fields: Any) -> Activity:
        """The Update of a message by its author."""
        if author.is_local:
            return compose.edit(self.viewer(author), self.message(uri).id, text)
        note = self.note(author, text, id=uri, updated=updated or datetime.now(UTC), **fields)
        return build.update(actor=author.uri, object=note, to=note["to"], cc=note["cc"])

    def deleted(self, author: Actor, uri: str) -> Activity:
        """The Delete of a message."""
        if author.is_local:
            return compose.deletion(self.viewer(author), self.message(uri).id)
        tombstone = build.tombstone(id=uri, former_type="Note", deleted=datetime.now(UTC))
        return build.delete(actor=author.uri, object=tombstone, to=[PUBLIC])

    def forget(self) -> None:
        """As if everything had been delivered, and everybody told."""
        with transaction() as session:
            session.execute(delete(Delivery))
            session.execute(delete(Event))
        self.wakes.clear()

    @contextmanager
    def refuses(self, error: type[AppError] | tuple[type[AppError], ...], match: str | None = None) -> Iterator[None]:
        """What is asked for in the block is refused; nothing of it is stored and nobody is told."""
        before, woken = self.stored(), list(self.wakes)
        with pytest.raises(error, match=match):
            yield
        assert self.stored() == before
        assert self.wakes == woken

    def _meet(self, name: str, host: str, type: str, **odd: Any) -> Actor:
        key = generate_ed25519()
        uri = f"https://{host}/users/{name}"
        self.proof_keys[uri] = key
        multikey = public_key_to_multikey(key.public_key())
        described: dict[str, Any] = {
            "type": type,
            "shared_inbox": f"https://{host}/inbox",
            "ed25519_key": (f"{uri}#ed25519-key", multikey),
        }
        document = person(uri, name, **(described | odd))
        return remote_actors.save_actor(Document(document, uri, uri))


def moment(**after: float) -> datetime:
    """Now, or so long after it: `moment(hours=-1)`."""
    return datetime.now(UTC) + timedelta(**after)


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest, founding: Founding, monkeypatch: pytest.MonkeyPatch) -> World:
    """A new installation with alice and bob, on each database."""
    return open_world(request, founding, monkeypatch)


def open_world(request: pytest.FixtureRequest, founding: Founding, monkeypatch: pytest.MonkeyPatch) -> World:
    """The installation on the database that is the request's parameter."""
    is_sqlite = request.param == "sqlite"
    founding.open(founding.settings.database_url if is_sqlite else request.getfixturevalue("postgres_url"), monkeypatch)
    # The instance has the same id everywhere, but not the same keys.
    for cache in (proof_keys._opened, rsa_keys._opened, remote_actors._keys, remote_actors._refused):
        cache.clear()
    world = World()
    monkeypatch.setattr(db, "_wake_listeners", [lambda kind, key: world.wakes.append((kind, key))])
    world.forget()
    return world
