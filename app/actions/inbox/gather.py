"""Gather: fetch what an activity needs and we do not have, before its transaction begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from activitypub.documents import Activity, ActorDocument, Note, parse_object
from activitypub.errors import ActivityPubError, FetchError
from activitypub.fetch import FetchBudget
from activitypub.origin import check_message
from activitypub.uris import host_of
from app.act import Gathered
from app.actions.inbox.prove import Proved
from app.actions.remote_actors import fetch_actor, fetch_document, known_or_fetched_actor
from app.db import reading
from app.queries.activities import find_by_uri as find_activity
from app.queries.actors import PEOPLE, find_actor, list_by_uris
from app.queries.channels import find_heard_channel
from app.queries.messages import find_by_uri as find_message
from app.queries.messages import stands_in
from app.settings import current
from app.uris import Uris

# A private note to more strangers than this is shown to those of its people whom we know.
_MAX_STRANGERS = 10


def gather(proved: Proved, budget: FetchBudget, met: set[str], *, is_last_attempt: bool) -> Gathered:
    """Stores unknown actors; returns the documents that no table holds. Raises ActivityPubError.

    `met` holds those who acted earlier in the turn, and are not looked for again: the transaction finds out itself
    who was deleted since. Whoever acts now is added. At the last attempt, only what is needed has to be there: it is
    no reason to drop a message for one of ours that the server of somebody else it is for is away.
    """
    for relayed in proved.relayed:
        _meet(relayed.actor, budget, met)
        _gather_people(relayed, budget, is_last_attempt=is_last_attempt)
        _gather_described(relayed, budget)
    activity = proved.activity
    _meet(activity.actor, budget, met)
    match activity.type:
        case "Create":
            _gather_people(activity, budget, is_last_attempt=is_last_attempt)
        case "Update":
            _gather_described(activity, budget)
        case "Announce" if not proved.relayed:
            return _gather_announced(activity, budget, is_of_edit=proved.is_of_edit)
    return Gathered()


def _meet(uri: str, budget: FetchBudget, met: set[str]) -> None:
    if uri not in met:
        known_or_fetched_actor(uri, budget=budget)
        met.add(uri)


def _gather_described(activity: Activity, budget: FetchBudget) -> None:
    """The actor that is described anew: its keys, its addresses and its words are believed from its home alone; of whom
    we never met, nothing is kept."""
    if activity.type != "Update" or not isinstance(activity.object, ActorDocument):
        return
    with reading() as session:
        is_known = find_actor(session, activity.object.id) is not None
    if is_known:
        fetch_actor(activity.object.id, budget=budget)


def _gather_announced(activity: Activity, budget: FetchBudget, *, is_of_edit: bool) -> Gathered:
    """The note that a channel followed here announces by its URI, unless we have it or it is ours; one of which an edit
    is announced if it stands in the channel."""
    uri = activity.object_id
    if uri is None or Uris(current().origin).is_local(uri):
        return Gathered()
    with reading() as session:
        group = find_actor(session, activity.actor)
        channel = find_heard_channel(session, group.id) if group is not None else None
        message = find_message(session, uri)
        is_new = message is None and find_activity(session, uri) is None
    is_edited = message is not None and channel is not None and stands_in(message, channel.actor_id)
    if channel is None or not (is_edited if is_of_edit else is_new):
        return Gathered()
    document = fetch_document(uri, budget=budget)
    note = parse_object(document.json, now=datetime.now(UTC))
    if isinstance(note, Note):
        check_message(document.json)
        known_or_fetched_actor(note.attributed_to, budget=budget)
    return Gathered({uri: document.json})


def _gather_people(activity: Activity, budget: FetchBudget, *, is_last_attempt: bool) -> None:
    """Those a private note is addressed to besides ours, so that a conversation has all its people."""
    note = activity.object
    if not isinstance(note, Note):
        return
    addressed = note.addressed.merged(activity.addressed)
    if addressed.is_public:
        return
    mentioned = {mention.href for mention in note.mentions}
    uris = Uris(current().origin)
    ours = [uri for uri in addressed if uris.is_local(uri)]
    others = [uri for uri in addressed if uri in mentioned and not uris.is_local(uri)]
    if not ours or not others:
        return
    with reading() as session:
        known = {actor.uri: actor for actor in list_by_uris(session, [*ours, *others])}
    if any(uri in known and known[uri].type in PEOPLE for uri in ours):
        _fetch_strangers([uri for uri in others if uri not in known], budget, is_last_attempt=is_last_attempt)


def _fetch_strangers(uris: Sequence[str], budget: FetchBudget, *, is_last_attempt: bool) -> None:
    away: set[str] = set()
    for uri in uris[:_MAX_STRANGERS]:
        try:
            if host_of(uri) not in away:
                known_or_fetched_actor(uri, budget=budget)
        except FetchError as error:
            if error.permanent:
                continue
            if not is_last_attempt:
                raise
            away.add(host_of(uri))
        except ActivityPubError:
            continue  # Nobody we could write to; the others still have their conversation.
