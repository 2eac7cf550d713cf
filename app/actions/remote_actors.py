"""What we know of other servers' actors: fetched with the instance's signature, believed only from their home."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from cachetools import LRUCache, TTLCache
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activitypub.documents import KEY_LISTINGS, ActorDocument, parse_actor, parse_keys, type_of
from activitypub.errors import (
    ActivityPubError,
    FetchError,
    GoneError,
    KeyMismatchError,
    KeyUnavailableError,
    MalformedDocumentError,
    OriginError,
    RemoteStatusError,
    SignatureError,
)
from activitypub.fetch import Deadline, Document, FetchBudget, Reason, UnreachableError
from activitypub.fetch.client import DEADLINE_SECONDS
from activitypub.keys import PublicKey, public_key_from_multikey, public_key_from_pem
from activitypub.properties import as_list
from activitypub.strict_json import JsonObject
from activitypub.uris import host_of, is_canonical, is_private_name, origin_of, same_origin
from activitypub.vocabulary import ACTOR_TYPES
from app.actions import hosts
from app.actions.signed_gets import sign_get
from app.db import reading, transaction
from app.models import Actor, ActorKey
from app.projections import actors
from app.queries.actors import find_actor, find_any, find_key, list_keys
from app.services.remote import remote_client
from app.settings import current
from app.uris import Uris

# An actor whose key did not make a signature has perhaps changed it; its home is asked for that at most this often.
_REFRESH_SECONDS = 300
_asked_again: TTLCache[str, bool] = TTLCache(maxsize=8192, ttl=_REFRESH_SECONDS)

# So long a key is believed, or refused, without asking the database: what another process learns of it counts then.
_KEYS_SECONDS = 60
_keys: TTLCache[str, PublicKey] = TTLCache(maxsize=8192, ttl=_KEYS_SECONDS)
_refused: TTLCache[str, str] = TTLCache(maxsize=8192, ttl=_KEYS_SECONDS)
# Pages that answered with a failure: their host lives, and may have the keys of others.
_failing: TTLCache[str, str] = TTLCache(maxsize=8192, ttl=hosts.FAILING_SECONDS)
_host_locks: LRUCache[str, threading.Lock] = LRUCache(maxsize=1024)
_TOO_MANY = 429  # Is said to us, whatever we have asked for.
# In the line for a host that answers slowly.
_IN_LINE_SECONDS = 5.0
_caches_lock = threading.Lock()


def fetch_document(
    uri: str, *, budget: FetchBudget | None = None, deadline: Deadline | None = None, is_led: bool = True
) -> Document:
    """Raises FetchError and its kin; nothing of ours is ever fetched, nor what is elsewhere unless we may be led."""
    if Uris(current().origin).is_local(uri) or same_origin(uri, current().origin):
        raise MalformedDocumentError("our own documents are not fetched")

    def sign(hop: str) -> Mapping[str, str]:
        if not is_led and not same_origin(hop, uri):
            raise FetchError(f"{uri} leads to {hop}", permanent=True)
        return sign_get(hop)

    return remote_client().get_document(uri, headers=sign, budget=budget, deadline=deadline)


def key_for(key_id: str) -> PublicKey:
    """The key a request says it is signed with, from what we know or from its owner's home.

    Raises SignatureError where there is no such key or its owner does not list it, KeyUnavailableError where it could
    not be fetched just now, or too many ask for keys of its host; one that gave no answer is not asked again for five
    minutes.
    """
    known = _known_key(key_id)
    if known is not None:
        return known
    with _one_at_a_time(host_of(key_id)):
        return _cached_key(key_id) or _fetch_key_now(key_id)


def is_known_key(key_id: str) -> bool:
    """Whether it is the key of an actor that we know and that lives."""
    try:
        return _known_key(key_id) is not None
    except SignatureError:
        return False


def newer_key(key: PublicKey, *, since: datetime) -> PublicKey | None:
    """What its home has put in the place of a key that did not make a signature; None where nothing is newer.

    An actor's home is asked for this at most once in five minutes, and not for a signature that came at `since` if it
    was asked after that. Raises SignatureError where the key is no more, KeyUnavailableError where it could not be
    fetched just now.
    """
    with _one_at_a_time(host_of(key.id)):
        _forget_keys_of(key.owner)
        known = _known_key(key.id)
        if known is None or known.key != key.key:
            return known  # Another process has asked.
        if _was_asked_again(key.owner) or _was_asked_since(key.owner, since):
            return None
        fetched = _fetch_key_now(key.id)
        with _caches_lock:
            _asked_again[key.owner] = True
    return fetched if fetched.key != key.key else None


def fetch_actor(uri: str, *, budget: FetchBudget | None = None) -> Actor:
    """The actor as its home describes it now, stored. Raises FetchError, MalformedDocumentError, and OriginError where
    the URI leads to somebody else: whoever names somebody would have them be another."""
    document = fetch_document(uri, budget=budget, is_led=False)
    if document.uri != uri:
        raise OriginError(f"{uri} leads to {document.uri}")
    return save_actor(document)


def known_or_fetched_actor(uri: str, *, budget: FetchBudget | None = None) -> Actor:
    """Raises GoneError of one that is known to be deleted, without asking, and what `fetch_actor` raises."""
    return find_living(uri) or fetch_actor(uri, budget=budget)


def find_living(uri: str) -> Actor | None:
    """The actor, if it is known. Raises GoneError."""
    with reading() as session:
        known = find_any(session, uri)
    if known is not None and known.deleted_at is not None:
        raise GoneError(f"{uri} was deleted")
    return known


def save_actor(document: Document, *, led_here: str | None = None) -> Actor:
    """Store what an actor's home says of it. A shared inbox elsewhere is not believed (hostile case FED-05).

    ``led_here`` is the key whose id has led to the actor.
    """
    actor = parse_actor(document.json)
    if actor.id != document.uri or not is_canonical(actor.inbox):
        raise MalformedDocumentError("the actor is not who was asked for")
    if not same_origin(actor.inbox, actor.id):
        raise MalformedDocumentError("the actor's inbox is on another server")
    try:
        return _store(actor, led_here)
    except IntegrityError:
        return _store_again(actor, led_here)


def _store(actor: ActorDocument, led_here: str | None) -> Actor:
    saved, is_new = _store_once(actor, led_here)
    if not is_new:
        _forget_keys_of(actor.id)
    return saved


def _store_once(actor: ActorDocument, led_here: str | None) -> tuple[Actor, bool]:
    """The actor, and whether it was met just now."""
    with transaction() as session:
        known = find_any(session, actor.id)
        if known is not None and known.deleted_at is not None:
            raise GoneError(f"{actor.id} was deleted")
        if known is not None and known.is_local:
            raise MalformedDocumentError("our own actors are not fetched")
        saved = actors.save_remote(
            session,
            known,
            _without_foreign_collections(actor),
            host=host_of(actor.id),
            keys=_proved_keys(session, known, actor, led_here),
            now=datetime.now(UTC),
        )
        if actor.announces_rfc9421:
            hosts.note_rfc9421(session, host_of(actor.id))
    return saved, known is None


def _store_again(actor: ActorDocument, led_here: str | None) -> Actor:
    """After another process met the same actor at the same moment."""
    try:
        return _store(actor, led_here)
    except IntegrityError as error:
        raise MalformedDocumentError("another actor has one of these keys") from error


def _proved_keys(session: Session, known: Actor | None, actor: ActorDocument, led_here: str | None) -> list[PublicKey]:
    """Of the keys that an actor lists, those whose ids lead to it: they stand in its document, or were asked for.

    Whoever lists the id of a neighbour's key would else have it, and nobody could know the neighbour.
    """
    leading = {led_here} | {row.id for row in (list_keys(session, known.id) if known is not None else ())}
    home = actor.id.partition("#")[0]
    return [key for key in _own_keys(actor) if key.id in leading or key.id.partition("#")[0] == home]


@contextmanager
def _one_at_a_time(host: str) -> Iterator[None]:
    """A thousand requests that name one unknown key cost its host one fetch from this process.

    Those that name a thousand keys of a host that is slow to answer do not wait for all before them. Raises
    KeyUnavailableError.
    """
    with _caches_lock:
        lock = _host_locks.setdefault(host, threading.Lock())
    if not lock.acquire(timeout=_IN_LINE_SECONDS):
        raise KeyUnavailableError(f"{host} is asked for other keys")
    try:
        yield
    finally:
        lock.release()


def _cached_key(key_id: str) -> PublicKey | None:
    with _caches_lock:
        return _keys.get(key_id)


def _known_key(key_id: str) -> PublicKey | None:
    cached = _cached_key(key_id)
    if cached is not None:
        return cached
    with reading() as session:
        actor, rows = _listed(session, key_id)
    if actor is None:
        return None
    if actor.deleted_at is not None:
        raise SignatureError(f"{actor.uri} is deleted")
    if actor.is_local:
        raise SignatureError("our own actors do not send requests to us")
    keys = [PublicKey(id=row.id, owner=actor.uri, key=public_key_from_multikey(row.public)) for row in rows]
    named = _named(keys, key_id)
    return _remember(named) if named is not None else None


def _listed(session: Session, key_id: str) -> tuple[Actor | None, Sequence[ActorKey]]:
    """Whose key it is, and that key; or, since PeerTube names the actor and not its key, the actor and all it has."""
    found = find_key(session, key_id)
    if found is not None:
        key, owner = found
        return owner, [key]
    actor = find_any(session, key_id)
    return actor, list_keys(session, actor.id) if actor is not None else []


def _named(keys: Sequence[PublicKey], key_id: str) -> PublicKey | None:
    """Of one actor's keys, the one that a signature names, under the name it has there.

    PeerTube names the actor and not its key: then it is its RSA key, if there is but one.
    """
    found = [key for key in keys if key.id == key_id] or [
        dataclasses.replace(key, id=key_id) for key in keys if key.owner == key_id and key.kind == "rsa"
    ]
    return found[0] if len(found) == 1 else None


def _remember(key: PublicKey) -> PublicKey:
    with _caches_lock:
        _keys[key.id] = key
    return key


def _forget_keys_of(owner: str) -> None:
    with _caches_lock:
        for key_id in [key_id for key_id, key in _keys.items() if key.owner == owner]:
            del _keys[key_id]


def _was_asked_again(uri: str) -> bool:
    with _caches_lock:
        return uri in _asked_again


def _was_asked_since(uri: str, time: datetime) -> bool:
    with reading() as session:
        actor = find_actor(session, uri)
    fetched_at = actor.fetched_at if actor else None
    return fetched_at is not None and time <= fetched_at <= datetime.now(UTC)


def _fetch_key_now(key_id: str) -> PublicKey:
    """Ask its home. A key that is refused is refused again for a minute without asking."""
    host, page = host_of(key_id), key_id.partition("#")[0]
    with _caches_lock:
        refusal, failure = _refused.get(key_id), _failing.get(page)
    if refusal is not None:
        raise SignatureError(refusal)
    if failure is not None:
        raise KeyUnavailableError(failure)
    hosts.check_may_fetch_key(host)
    try:
        return _fetch_key(key_id)
    except FetchError as error:
        if error.permanent or _is_from_another_network(error, host):
            raise _refuse(key_id, error) from error
        if isinstance(error, RemoteStatusError) and error.status_code != _TOO_MANY:
            with _caches_lock:
                _failing[page] = f"{page}: {error}"
        else:
            hosts.note_key_failure(host, error)
        raise KeyUnavailableError(f"{key_id}: {error}") from error
    except ActivityPubError as error:
        raise _refuse(key_id, error) from error


def _is_from_another_network(error: FetchError, host: str) -> bool:
    """A private name that leads nowhere here will not do so later: who signs with it means a host in their network."""
    is_unknown = isinstance(error, UnreachableError) and error.reason in {Reason.NO_SUCH_HOST, Reason.DNS}
    return is_unknown and is_private_name(host)


def _refuse(key_id: str, reason: ActivityPubError) -> SignatureError:
    text = f"{key_id}: {reason}"
    with _caches_lock:
        _refused[key_id] = text
    return reason if isinstance(reason, SignatureError) else SignatureError(text)


def _fetch_key(key_id: str) -> PublicKey:
    """A key's id leads to its actor, to the key alone or, at GoToSocial, to a stub; the owner it names must list it.

    All are of one server. Where a page of it leads to another, that one would be waited for in its place, and held
    against it: whoever knows such a page could keep everybody new there unheard.
    """
    deadline = Deadline(DEADLINE_SECONDS)  # For the key and its owner together.
    document = fetch_document(key_id.partition("#")[0], deadline=deadline, is_led=False)
    owner_uri = _owner_in(document.json, key_id)
    if type_of(document.json) not in ACTOR_TYPES or document.uri != owner_uri or "inbox" not in document.json:
        if not same_origin(owner_uri, key_id):
            raise KeyMismatchError("a key and its owner are of one origin")
        document = _with_key(fetch_document(owner_uri, deadline=deadline, is_led=False), document.json)
    key = _named(_own_keys(parse_actor(document.json)), key_id)
    # A row for everybody whom somebody names would be anybody's to fill our tables with.
    if key is not None or _has_met(owner_uri):
        save_actor(document, led_here=key_id if key is not None else None)
    if key is None:
        raise KeyMismatchError("the owner does not list this key")
    return _remember(key)


def _with_key(actor: Document, key: JsonObject) -> Document:
    """The actor with a key that has a place of its own where the actor names it, which is to list it."""
    listed: JsonObject = {
        listing.name: [key if item == key["id"] else item for item in as_list(actor.json.get(listing.name))]
        for listing in KEY_LISTINGS
    }
    return replace(actor, json=actor.json | listed)


def _has_met(uri: str) -> bool:
    """Whether we hold the actor already; then what became of its keys must be stored."""
    with reading() as session:
        return find_any(session, uri) is not None


def _owner_in(json: Mapping[str, Any], key_id: str) -> str:
    """The owner that the document at a key's URI names for exactly this key; it may be the owner's own."""
    stub = next(({listing.name: json} for listing in KEY_LISTINGS if listing.encoded_as in json), json)
    for key in parse_keys(stub, str(json.get("id")), now=datetime.now(UTC)):
        if key.id == key_id:
            return key.owner
    if type_of(json) in ACTOR_TYPES and json.get("id") == key_id:
        return key_id
    raise KeyMismatchError("the document does not hold this key")


def _own_keys(actor: ActorDocument) -> list[PublicKey]:
    """Those of the kinds we verify with; one listed in both forms counts once."""
    keys: dict[str, PublicKey] = {}
    for listed in actor.keys:
        if listed.owner != actor.id or not same_origin(listed.id, actor.id):
            continue
        read = public_key_from_multikey if listed.is_multikey else public_key_from_pem
        with suppress(ActivityPubError):
            keys.setdefault(listed.id, PublicKey(id=listed.id, owner=listed.owner, key=read(listed.encoded)))
    return list(keys.values())


def _without_foreign_collections(actor: ActorDocument) -> ActorDocument:
    origin = origin_of(actor.id)

    def own(uri: str | None) -> str | None:
        return uri if uri is not None and is_canonical(uri) and origin_of(uri) == origin else None

    return replace(actor, shared_inbox=own(actor.shared_inbox), followers=own(actor.followers))
