"""What a channel of ours tells its followers elsewhere about what was done in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from activitypub import build
from activitypub.documents import Activity
from activitypub.vocabulary import PUBLIC
from app.act import Act, Inbox
from app.models import Actor, Channel
from app.queries.activities import find_announce
from app.queries.deliveries import list_receivers
from app.queries.hearers import list_follower_inboxes
from app.uris import Uris

# What one of ours does in a private channel is addressed to each of its members (`pipeline.compose`).
_TOLD_DIRECTLY = frozenset({"Create", "Delete", "Update"})

_HIDDEN = frozenset({"bto", "bcc"})
_PROOFS = frozenset({"proof", "signature"})


def relay(act: Act, channel: Channel, group: Actor, *, note_uri: str | None = None) -> list[Activity]:
    """The channel's Announce of the activity (FEP-1b12: Lemmy, PieFed, Shoal), and for a new public note of its URI
    (microblog servers, which show it as a boost).

    The activity goes first: whoever understands it has the note by the time its URI comes, and need not fetch it.
    Nothing is announced where nobody elsewhere follows or, of a deletion, ever did; by a server that is not the
    channel's home; or of what the members of a private channel are told anyway. What else is done there is announced
    to them and nobody else.
    """
    if not group.is_local or not _has_hearers(act, group):
        return []
    if channel.is_private and act.is_local and act.activity.type in _TOLD_DIRECTLY:
        return []
    is_public = act.audience == "public" and not channel.is_private
    followers = group.followers or ""
    to, cc = ([PUBLIC], [followers]) if is_public else ([followers], [])
    objects: list[str | Mapping[str, Any]] = [_announced(act)]
    if note_uri is not None and is_public:
        objects.append(note_uri)
    return [build.announce(actor=group.uri, object=announced, published=act.now, to=to, cc=cc) for announced in objects]


def _has_hearers(act: Act, group: Actor) -> bool:
    if list_followers(act, group.id):
        return True
    return act.activity.type == "Delete" and bool(list_receivers(act.session, act.activity.object_id or ""))


def list_followers(act: Act, actor_id: str) -> list[Inbox]:
    """The inboxes of those who follow an actor from elsewhere: asked for once by all acts that follow from one."""
    known = act.followers.get(actor_id)
    if known is None:
        known = act.followers[actor_id] = list_follower_inboxes(act.session, actor_id)
    return known


def withdraw(act: Act, group: Actor, note_uri: str) -> list[Activity]:
    """The channel takes back its Announce of a note, if there is one: microblog servers know it as a boost.

    They believe a Delete only of its author, so a moderator's does not reach them in another way.
    """
    announced = find_announce(act.session, group.id, note_uri) if group.is_local else None
    if announced is None:
        return []
    announce = build.announce(
        actor=group.uri, object=note_uri, published=announced.signed_at, to=[PUBLIC], cc=[group.followers or ""]
    )
    return [build.undo(actor=group.uri, object=build.with_id(announce, announced.uri))]


def _announced(act: Act) -> Mapping[str, Any]:
    """The activity as it was recorded, but for those it is for in secret and for what it says of ours; and some servers
    put the whole note into its Delete, and that text must not be told again: then it is named, and its home can be
    asked."""
    told: Mapping[str, Any] = _fit_to_tell(act.recorded, None if act.is_local else act.uris)
    deleted = told.get("object")
    if act.activity.type != "Delete" or not isinstance(deleted, dict) or deleted.get("type") == "Tombstone":
        return told
    return _without(_PROOFS, told) | {"object": act.activity.object_id}


def _fit_to_tell(value: Any, ours: Uris | None) -> Any:
    """Without bto and bcc, wherever they stand (activitypub, section 6), or then the proof that no longer fits.

    What is `ours` is only named: whoever likes a message may put into the Like whatever it is to have said, and from
    its home that would be believed.
    """
    if isinstance(value, list):
        return [_fit_to_tell(one, ours) for one in value]
    if not isinstance(value, Mapping):
        return value
    uri = value.get("id")
    if ours is not None and isinstance(uri, str) and ours.is_local(uri):
        return uri
    told = {name: _fit_to_tell(part, ours) for name, part in _without(_HIDDEN, value).items()}
    return value if told == value else _without(_PROOFS, told)


def _without(names: Collection[str], document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}
