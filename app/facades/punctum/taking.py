"""Taking in what another instance says: each object by where it comes from, and only from who may say it.

An object is believed from its home alone: the instance that it comes from and, of what is in a conference, the
instance that the conference is at home on. What a third one is said to have is asked for there (contracts/punctum.md,
4.1, 4.2 and 4.5).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from activitypub.errors import ActivityPubError
from activitypub.fetch import FetchBudget
from activitypub.uris import host_of
from app.actions.peers import keeping
from app.actions.peers.calls import ask
from app.actions.peers.keeping import Name
from app.actions.peers.sending import is_name
from app.db import reading
from app.errors import AppError, ForbiddenError, NotFoundError
from app.facades.punctum.kept import KEEPERS
from app.facades.punctum.problems import (
    MissingKeyError,
    UnknownReferenceError,
    WrongReferenceError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.values import many, reference
from app.queries.actors import find_by_id
from app.queries.objects import Found, FoundConversation, Kind, find_object, may_read
from app.queries.peers import find_known, find_origin
from app.queries.punctum.federated import instance_viewer
from app.queries.punctum.shortcodes import is_shortcode, to_sign
from app.settings import current
from app.web.admission import waiting

KINDS: Final = frozenset(KEEPERS)
MAX_DEPTH: Final = 2
MAX_FETCHES: Final = 40

Raw = Mapping[str, Any]


class DeletedError(NotFoundError):
    """Its home deleted it, so it does not come back."""

    def __init__(self) -> None:
        super().__init__("This object was deleted.")


@dataclass(slots=True)
class Taking:
    """What one instance says in one request. `awaited` are those of ours whom it may take in, because they asked; on
    its word a third instance's object may stand in its conferences (`vouching`)."""

    sender: str
    budget: FetchBudget = field(default_factory=lambda: FetchBudget(MAX_FETCHES))
    awaited: Collection[str] = ()
    depth: int = 0
    vouching: str | None = None

    def take(self, raw: Raw) -> str:
        """The local id of the object. Raises AppError where it is not taken; nothing of it is then kept."""
        local_id = self._take(raw)
        if raw.get("object_type") == "message":
            self._take_reactions(local_id, raw)
        return local_id

    def _take(self, raw: Raw) -> str:
        kind, id_ = read_identity(raw)
        home, home_id = raw.get("remote_domain"), raw.get("remote_id")
        if home is None or home == self.sender:
            return self._keep(kind, id_, raw)
        if not isinstance(home, str) or not is_name(home_id):
            raise WrongValueError("remote_domain", "a domain, with the remote_id there")
        if home == current().host:
            return self._recognise(kind, id_, str(home_id))
        return self._fetch_from_home(kind, id_, home, str(home_id))

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
        return self._find(id_) if is_name(id_) else None

    def _find(self, name: str) -> Found | None:
        """Of a conversation of others there is nothing to be found: its id follows from who is in it, and would tell
        that they talk (contracts/punctum.md, 4.5)."""
        with reading() as session:
            known = find_known(session, self.sender, name)
            found = find_object(session, known.local_id if known else name)
            if found is None or not isinstance(found.value, FoundConversation):
                return found
            return found if may_read(session, instance_viewer(self.sender), found) else None

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
        try:
            with waiting():
                return ask(domain, f"/id/{id_}", budget=self.budget)
        except ActivityPubError:
            return None

    def _deeper(self, sender: str) -> Taking:
        return Taking(sender, self.budget, self.awaited, self.depth + 1, vouching=self.vouching)

    def _recognise(self, kind: Kind, id_: str, local_id: str) -> str:
        """An object of ours: what the sender calls it is noted, and what it says of it is not believed."""
        with reading() as session:
            found, origin = find_object(session, local_id), find_origin(session, local_id)
        if found is None or found.kind != kind or origin is not None:
            raise UnknownReferenceError("remote_id")
        keeping.note_name(local_id, self.sender, id_)
        return local_id

    def _fetch_from_home(self, kind: Kind, id_: str, home: str, home_id: str) -> str:
        with reading() as session:
            known = find_known(session, home, home_id)
        if known is not None and known.deleted_at is not None:
            raise DeletedError
        if known is not None:
            local_id = known.local_id
        else:
            raw = None if current().refuses(home) or self.depth >= MAX_DEPTH else self._ask(home, home_id)
            if raw is None or read_identity(raw) != (kind, home_id) or raw.get("remote_domain") not in (None, home):
                raise UnknownReferenceError("remote_id")
            deeper = self._deeper(home)
            deeper.vouching = self.sender
            local_id = deeper.take(raw)
        keeping.note_name(local_id, self.sender, id_)
        return local_id

    def _keep(self, kind: Kind, id_: str, raw: Raw) -> str:
        with reading() as session:
            known = find_known(session, self.sender, id_)
        found = self._find(id_) if known is not None else None
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
        given = raw.get("activitypub_id")
        if not isinstance(given, str) or not current().activitypub or len(given) > 2048:
            return None
        try:
            is_own = host_of(given) == self.sender
        except ActivityPubError:
            return None
        if is_own:
            keeping.note_activitypub(self.sender)
        return given if is_own else None

    def _take_reactions(self, message_id: str, raw: Raw) -> None:
        """Who reacted is told by the home of the channel, of whosever message; of our own people we know it best."""
        with reading() as session:
            found = find_object(session, message_id)
            group = find_by_id(session, found.value.message.channel_id or "") if found is not None else None
        if group is None or group.host != self.sender:
            return
        signs, authors = many("reactions", raw.get("reactions", [])), raw.get("reaction_authors", [])
        if not isinstance(authors, list) or len(authors) != len(signs):
            return  # An instance that does not say whose they are.
        wanted = {
            (author.id, to_sign(sign))
            for sign, id_ in zip(signs, authors, strict=True)
            if isinstance(sign, str) and is_shortcode(sign) and (author := self.find(id_)) is not None
        }
        keeping.keep_reactions(message_id, group, wanted)


def read_identity(raw: Raw) -> tuple[Kind, str]:
    """(type, id as the sender has it). Raises WrongTypeError, MissingKeyError, WrongValueError."""
    kind, id_ = raw.get("object_type"), raw.get("id")
    if kind is None:
        raise MissingKeyError("object_type")
    if kind not in KINDS:
        raise WrongTypeError("object_type: not one that is told between instances.")
    if id_ is None:
        raise MissingKeyError("id")
    if not is_name(id_):
        raise WrongValueError("id", "an ID")
    return kind, str(id_)


# In which order the objects of a stash are read: each after what it names (contracts/punctum.md, 4.4).
_ORDER: Final = ("account", "conference", "role", "conference_member", "channel", "message", "invite", "emoji")


def take_several(taking: Taking, objects: Collection[Raw]) -> dict[str, str]:
    """Local ids by the sender's, of those that were taken: one that is not does not keep out the others."""
    taken: dict[str, str] = {}
    for raw in sorted(objects, key=lambda one: _ORDER.index(one["object_type"])):
        try:
            taken[str(raw["id"])] = taking.take(raw)
        except AppError:
            continue
    return taken
