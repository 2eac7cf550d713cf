"""Act: one activity on its way through the pipeline, with what every step may need and may add."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from activitypub.uris import same_origin
from app.errors import ForbiddenError
from app.models import Actor
from app.uris import Uris


class RefusedError(ForbiddenError):
    """A refusal that the one who asked, elsewhere, is told of: `answer` is by the one of ours who was asked.

    Nothing of what was asked is kept; the answer is recorded and sent.
    """

    def __init__(self, message: str, *, answer: Activity) -> None:
        super().__init__(message)
        self.answer = answer


class LiveEvent(msgspec.Struct, frozen=True):
    """Something sockets are told after the commit. It names rows; the text is read when it is sent."""

    type: str
    channel_id: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    actor_id: str | None = None
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Gathered(msgspec.Struct, frozen=True):
    """What a worker fetched before the transaction: documents by the URI that was asked for, None for gone."""

    documents: Mapping[str, Mapping[str, Any] | None] = msgspec.field(default_factory=dict)

    def find(self, uri: str | None) -> Mapping[str, Any] | None:
        return self.documents.get(uri) if uri else None


class Inbox(msgspec.Struct, frozen=True):
    """Where one delivery goes: a shared inbox stands for every recipient of its server."""

    uri: str
    host: str
    is_shared: bool


class Act(msgspec.Struct):
    """`actor` is who acts, `is_local` whether it is one of ours.

    `signed_at` is when the actor signed it, and EARLIEST where somebody else has passed it on, who may do so at any
    time: then it is older than whatever has a time. `private` holds what an effect needs and the log must not: a
    password's hash. `scope` is the sealing scope of the recorded document, `audience` its reach ("public", "members",
    "direct", "private"); both are set by `authorise`. `via` is the Group that relayed somebody else's activity,
    `brought_by` the URI of whoever signed the request that it came in.
    `recorded` is the document as the log has it. `inboxes` are told besides those it is addressed to: a deletion notes
    them before it takes its own followers away. `noted` are those of the URIs of a remote activity and its object that
    were seen before, or deleted before they came. `answered` is what those that answer the same activity need not find
    out each for itself, `followers` the same of the inboxes of those who follow an actor, by its id.
    """

    session: Session
    uris: Uris
    id: str
    activity: Activity
    actor: Actor
    is_local: bool
    now: datetime
    signed_at: datetime
    gathered: Gathered = msgspec.field(default_factory=Gathered)
    private: Mapping[str, Any] = msgspec.field(default_factory=dict)
    idempotency_key: str | None = None
    request_digest: str | None = None
    via: Actor | None = None
    brought_by: str = ""
    scope: str = "log"
    audience: str = "private"
    events: list[LiveEvent] = msgspec.field(default_factory=list)
    found: dict[str, Any] = msgspec.field(default_factory=dict)
    recorded: Mapping[str, Any] = msgspec.field(default_factory=dict)
    inboxes: list[Inbox] = msgspec.field(default_factory=list)
    noted: Collection[str] = ()
    answered: dict[Any, Any] = msgspec.field(default_factory=dict)
    followers: dict[str, list[Inbox]] = msgspec.field(default_factory=dict)

    def owns(self, uri: str) -> bool:
        """Whether a URI is of the actor's own server, which alone speaks for what stands there (FEP-fe34)."""
        return self.uris.is_local(uri) if self.is_local else same_origin(uri, self.actor.uri)

    def publish(self, event: LiveEvent) -> None:
        self.events.append(event)
