"""Taking in what another instance says: each object by where it comes from, and only from who may say it.

An object is believed from its home alone: the instance that it comes from and, of what is in a conference, the
instance that the conference is at home on. What a third one is said to have is asked for there (contracts/punctum.md,
4.1, 4.2 and 4.5).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from activitypub.errors import ActivityPubError
from activitypub.fetch import FetchBudget
from activitypub.properties import as_uri
from activitypub.uris import host_of, is_canonical
from app.actions.peers import keeping
from app.actions.peers.calls import ask
from app.actions.peers.keeping import DeletedError, Name
from app.actions.remote_actors import known_or_fetched_actor
from app.db import reading
from app.errors import AppError, ForbiddenError
from app.facades.punctum.kept import KEEPERS
from app.facades.punctum.problems import (
    MissingKeyError,
    UnknownReferenceError,
    WrongReferenceError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.told import read_reactions, read_time
from app.facades.punctum.values import reference
from app.ids import INSTANCE_ID, is_object_id
from app.queries.actors import PEOPLE, find_by_id
from app.queries.messages import open_content
from app.queries.objects import Found, FoundConversation, Kind, find_for, find_object
from app.queries.peers import find_known, find_origin, find_peer
from app.queries.punctum.federated import instance_viewer, is_for, reading_order
from app.settings import current
from app.web.admission import waiting

KINDS: Final = frozenset(KEEPERS)
# What is no object's id anywhere (contracts/punctum.md, 1.0): parts of paths, and keys of a stash.
RESERVED: Final = frozenset({"type", "id_list", "by-name", "by-time", "list", "create", "read-history"})
MAX_DEPTH: Final = 2
MAX_FETCHES: Final = 40
MAX_REACTIONS: Final = 1000
MAX_SECONDS: Final = 20.0
"""How long one request may go on asking others; what it asked last may take as long as one question may."""

Raw = Mapping[str, Any]


class Reach:
    """What one request may cost, however many objects it holds: questions to others, and reactions to write down."""

    def __init__(self) -> None:
        self.budget = FetchBudget(MAX_FETCHES)
        self._ends_at = time.monotonic() + MAX_SECONDS
        self._reactions = MAX_REACTIONS

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at

    def spend_reactions(self, wanted: int) -> bool:
        """Whether so many more are within it."""
        is_within = wanted <= self._reactions
        self._reactions -= wanted if is_within else 0
        return is_within


class Taking(msgspec.Struct):
    """What one instance says in one request. `awaited` are those of ours whom it may take in, because they asked, each
    with the conference; on its word a third instance's object may stand in its conferences (`vouching`)."""

    sender: str
    reach: Reach = msgspec.field(default_factory=Reach)
    awaited: Collection[tuple[str, str]] = ()
    depth: int = 0
    vouching: str | None = None

    def take(self, raw: Raw) -> str:
        """The local id of the object. Raises AppError where it is not taken; nothing of it is then kept."""
        if raw.get("object_type") != "message":
            return self._take(raw)
        reactions = read_reactions(raw)
        local_id = self._take(raw)
        self._take_from_home(local_id, reactions, is_pinned=raw.get("pinned") is True)
        return local_id

    def _take(self, raw: Raw) -> str:
        kind, id_ = read_identity(raw)
        home, home_id = raw.get("remote_domain"), raw.get("remote_id")
        is_own = home is None or home == self.sender
        if kind == "instance" and (id_ == INSTANCE_ID) != is_own:
            raise WrongValueError("id", "0 for the instance itself, and for no other")
        if is_own:
            return self._keep(kind, id_, raw)
        if not isinstance(home, str) or not is_object_id(home_id):
            raise WrongValueError("remote_domain", "a domain, with the remote_id there")
        if home == current().host:
            return self._recognise(kind, id_, str(home_id))
        return self._fetch_from_home(kind, raw, home, str(home_id))

    def resolve(self, key: str, id_: Any, kinds: Collection[Kind]) -> Found:
        """What the sender means by an ID. Raises UnknownReferenceError, WrongReferenceError."""
        name = reference(key, id_)
        found = self._find(name) or self._find_after_asking(name)
        if found is None:
            raise UnknownReferenceError(key)
        if found.kind not in kinds:
            raise WrongReferenceError(key)
        return found

    def find(self, id_: Any) -> Found | None:
        """The same for what has to be known."""
        return self._find(id_) if is_object_id(id_) else None

    def find_own(self, name: str) -> Found | None:
        """What comes from the sender itself, and by that name: an id of ours is none."""
        with reading() as session:
            known = find_known(session, self.sender, name)
            return find_object(session, known.local_id) if known is not None and known.is_origin else None

    def _find(self, name: str) -> Found | None:
        """Of a conversation of others there is nothing to be found (contracts/punctum.md, 4.5)."""
        with reading() as session:
            known = find_known(session, self.sender, name)
            return find_for(session, instance_viewer(self.sender), known.local_id if known else name)

    def _find_after_asking(self, name: str) -> Found | None:
        if self.depth >= MAX_DEPTH:
            return None
        raw = self._ask(self.sender, name)
        if raw is None:
            return None
        local_id = self._deeper(self.sender).take(raw)
        with reading() as session:
            return find_object(session, local_id)

    def _ask(self, domain: str, id_: str) -> Raw | None:
        if self.reach.is_over:
            return None
        try:
            with waiting():
                return ask(domain, f"/id/{id_}", budget=self.reach.budget)
        except ActivityPubError:
            return None

    def meet(self, name: Name) -> str | None:
        """The id of a person whom the sender names for the first time, as ActivityPub has them if it does; keys and
        inboxes are believed from there alone."""
        if name.activitypub_id is None or self.reach.is_over or self._find(name.id) is not None:
            return None
        try:
            with waiting():
                actor = known_or_fetched_actor(name.uri, budget=self.reach.budget)
        except ActivityPubError:
            return None
        return actor.id if actor.type in PEOPLE else None

    def _deeper(self, sender: str) -> Taking:
        return msgspec.structs.replace(self, sender=sender, depth=self.depth + 1)

    def _recognise(self, kind: Kind, id_: str, local_id: str) -> str:
        """An object of ours: what the sender calls it is noted, and what it says of it is not believed. That there is
        one is told to who may read it."""
        with reading() as session:
            found, origin = find_object(session, local_id), find_origin(session, local_id)
            is_theirs = found is not None and is_for(session, instance_viewer(self.sender), found)
        if found is None or found.kind != kind or origin is not None or not is_theirs:
            raise UnknownReferenceError("remote_id")
        keeping.note_name(local_id, self.sender, id_)
        return local_id

    def _fetch_from_home(self, kind: Kind, raw: Raw, home: str, home_id: str) -> str:
        """What is known already is asked for again only where it was edited since, because its home tells us of the
        rest: of what somebody says in a conference elsewhere, it tells that one alone."""
        with reading() as session:
            known = find_known(session, home, home_id)
            found = find_object(session, known.local_id) if known is not None else None
        if known is not None and known.deleted_at is not None:
            raise DeletedError
        if known is not None and not (known.is_origin and found is not None and found.kind == kind):
            raise UnknownReferenceError("remote_id")
        local_id = known.local_id if known is not None else self._take_at_home(kind, home, home_id)
        if found is not None and kind == "message" and self._was_edited(found, raw):
            with suppress(AppError):
                self._take_at_home(kind, home, home_id)
        keeping.note_name(local_id, self.sender, str(raw["id"]))
        return local_id

    def _was_edited(self, found: Found, raw: Raw) -> bool:
        message = found.value.message
        with reading() as session:
            content = open_content(session, message)
        edited_at = read_time("edit_date", raw["edit_date"]) if raw.get("edit_date") is not None else None
        return content is None or content.text != raw.get("content") or message.edited_at != edited_at

    def _take_at_home(self, kind: Kind, home: str, home_id: str) -> str:
        raw = None if current().refuses(home) or self.depth >= MAX_DEPTH else self._ask(home, home_id)
        if raw is None or read_identity(raw) != (kind, home_id) or raw.get("remote_domain") not in (None, home):
            raise UnknownReferenceError("remote_id")
        return msgspec.structs.replace(self._deeper(home), vouching=self.sender).take(raw)

    def _keep(self, kind: Kind, id_: str, raw: Raw) -> str:
        with reading() as session:
            known = find_known(session, self.sender, id_)
            found = find_object(session, known.local_id) if known is not None else None
        if found is not None and isinstance(found.value, FoundConversation) and not found.value.is_group:
            return found.id  # Who is in it makes it what it is.
        if known is not None and not known.is_origin:
            raise ForbiddenError("This object is at home elsewhere.")
        if known is not None and known.deleted_at is not None:
            raise DeletedError
        if found is not None and found.kind != kind:
            raise WrongTypeError("object_type: this object is of another type.")
        name = Name(self.sender, id_, self._activitypub_id(raw))
        return KEEPERS[kind](self, name, raw)

    def _activitypub_id(self, raw: Raw) -> str | None:
        """Only of the sender's own host, and where we speak ActivityPub, too."""
        given = as_uri(raw.get("activitypub_id"))
        if given is None or not current().activitypub or not is_canonical(given) or host_of(given) != self.sender:
            return None
        self._note_activitypub()
        return given

    def _note_activitypub(self) -> None:
        with reading() as session:
            peer = find_peer(session, self.sender)
        if peer is None or not peer.speaks_activitypub:
            keeping.note_activitypub(self.sender)

    def _take_from_home(
        self, message_id: str, reactions: Collection[tuple[str, str]] | None, *, is_pinned: bool
    ) -> None:
        """Who reacted and what is pinned is told by the home of the channel, of whosever message; of our own people we
        know it best."""
        with reading() as session:
            found = find_object(session, message_id)
            group = find_by_id(session, found.value.message.channel_id or "") if found is not None else None
        if found is None or group is None or group.host != self.sender:
            return
        keeping.keep_pin(found.value.message, group, is_pinned=is_pinned)
        if reactions is None or not self.reach.spend_reactions(len(reactions)):
            return
        people = {id_: author.id for id_ in {one for _, one in reactions} if (author := self.find(id_)) is not None}
        wanted = {(people[id_], sign) for sign, id_ in reactions if id_ in people}
        keeping.keep_reactions(message_id, group, wanted)


def read_identity(raw: Raw) -> tuple[Kind, str]:
    """(type, id as the sender has it). Raises WrongTypeError, MissingKeyError, WrongValueError."""
    kind, id_ = raw.get("object_type"), raw.get("id")
    if kind is None:
        raise MissingKeyError("object_type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise WrongTypeError("object_type: not one that is told between instances.")
    if id_ is None:
        raise MissingKeyError("id")
    if not is_object_id(id_) or id_ in RESERVED or (id_ == INSTANCE_ID and kind != "instance"):
        raise WrongValueError("id", "an ID")
    return kind, str(id_)  # type: ignore[return-value]  # What is in KINDS is one.


def take_several(taking: Taking, objects: Collection[Raw]) -> dict[str, str]:
    """Local ids by the sender's, of those that were taken: one that is not does not keep out the others."""
    taken: dict[str, str] = {}
    for raw in sorted(objects, key=reading_order):
        try:
            taken[str(raw["id"])] = taking.take(raw)
        except AppError:
            continue
    return taken
