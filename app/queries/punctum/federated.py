"""Objects as another instance is sent them: only what may leave, in ids that it knows (contracts/punctum.md, 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Actor, Conversation, Message
from app.queries.actors import find_by_id
from app.queries.bits import Bit
from app.queries.messages import list_reactions_in_order
from app.queries.objects import Found, FoundConversation, find_object, may_read
from app.queries.peers import Origin, find_home, list_origins, names_at
from app.queries.punctum.shortcodes import to_shortcode
from app.queries.punctum.shown import Shown, show_all
from app.queries.rule_of_sight import TO_SEE
from app.queries.spaces import SpaceView, list_channels_of, list_member_ids, list_space_roles
from app.queries.viewers import Viewer
from app.queries.visibility import Place, may_see, place_of_message, place_of_space
from app.settings import current

MAX_STASH: Final = 100
MAX_STASH_BYTES: Final = 384 * 1024
MAX_REACTIONS: Final = 500
"""How many of a message are told."""

# What is federated of each type, and nothing else (contracts/punctum.md, 1). `reaction_authors` are the accounts of
# `reactions`, one for each, which is ours: without it nobody knows whose a reaction is. So is `is_group`, by which a
# group of two that may grow is told from a conversation of two.
FEDERATED: Final[Mapping[str, frozenset[str]]] = {
    "instance": frozenset({"address", "server_software", "protocol_version", "name", "description"}),
    "account": frozenset(
        {"username", "display_name", "short_status", "status", "bio", "index_user", "bot", "bot_owner"}
    ),
    "conference": frozenset(
        {
            *("name", "description", "icon", "owner", "index_conference", "permissions", "creation_date"),
            *("channels", "members", "roles"),
        }
    ),
    "conference_member": frozenset({"user_id", "parent_conference", "nickname", "roles", "permissions", "banned"}),
    "channel": frozenset(
        {
            *("channel_type", "parent_conference", "name", "description", "permissions", "category"),
            *("members", "icon", "is_group"),
        }
    ),
    "message": frozenset(
        {
            *("content", "parent_channel", "author", "post_date", "edit_date", "edited", "reactions"),
            *("attached_files", "reply_to", "replies", "embeds", "pinned", "reaction_authors"),
        }
    ),
    "invite": frozenset({"name", "conference_id", "creator"}),
    "role": frozenset({"name", "description", "color", "permissions", "parent_conference"}),
    "emoji": frozenset({"shortcode", "note", "image", "parent_conference"}),
}
_ORDER: Final = (
    *("instance", "account", "conference", "role", "conference_member", "channel", "message", "invite", "emoji"),
)
_REFERENCES: Final = frozenset(
    {
        *("bot_owner", "owner", "channels", "members", "roles", "user_id", "parent_conference", "category"),
        *("parent_channel", "author", "reply_to", "replies", "reaction_authors", "conference_id", "creator"),
    }
)
_DOCUMENTED: Final = frozenset({"account", "conference", "channel"})


def reading_order(shown: Mapping[str, Any]) -> int:
    """By which objects are sorted so that each comes after what it names (contracts/punctum.md, 4.4)."""
    return _ORDER.index(shown["object_type"])


def instance_viewer(domain: str) -> Viewer:
    """An instance asks for all of its people."""
    return Viewer(f"@{domain}", f"https://{domain}/", domain, host=domain, is_instance=True)


def show_for(session: Session, domain: str, local_ids: Sequence[str]) -> list[Shown]:
    """Those that are there and that somebody of the instance may read, in their order."""
    sees = _sight(session, instance_viewer(domain))
    found = [one for id_ in dict.fromkeys(local_ids) if (one := find_object(session, id_)) is not None]
    return show_found(session, domain, [one for one in found if sees(one)])


def show_found(session: Session, domain: str, several: Sequence[Found]) -> list[Shown]:
    """Objects that the instance may read."""
    several = [found for found in several if found.kind in FEDERATED]
    pairs = zip(several, show_all(session, instance_viewer(domain), several), strict=True)
    objects = [(found, shown) for found, shown in pairs if shown]  # A message may be deleted at this moment.
    for found, shown in objects:
        _complete(session, domain, found, shown)
    _add_reactions(session, [shown for found, shown in objects if found.kind == "message"])
    named = [_only_federated(shown) for _, shown in objects]
    names = names_at(session, domain, [id_ for shown in named for id_ in _references(shown)])
    origins = list_origins(session, [shown["id"] for shown in named])
    uris = _uris(session, [shown for shown in named if shown["id"] not in origins])
    return [_named(shown, names, origins.get(shown["id"]), uris.get(shown["id"])) for shown in named]


def in_parcels(shown: Sequence[Shown]) -> Iterator[Sequence[Shown]]:
    """As many at a time as go into one stash: the answer, which is as long, must not be longer than what is read."""
    parcel: list[Shown] = []
    size = 0
    for one in shown:
        length = len(msgspec.json.encode(one))
        if parcel and (len(parcel) == MAX_STASH or size + length > MAX_STASH_BYTES):
            yield parcel
            parcel, size = [], 0
        parcel.append(one)
        size += length
    if parcel:
        yield parcel


def _sight(session: Session, viewer: Viewer) -> Callable[[Found], bool]:
    """`is_for`, which messages of one place share the answer to."""
    seen: dict[Place, bool] = {}

    def sees(found: Found) -> bool:
        if found.kind != "message":
            return is_for(session, viewer, found)
        place = place_of_message(found.value.message, found.value.channel)
        if place not in seen:
            seen[place] = is_for(session, viewer, found)
        return seen[place]

    return sees


def is_for(session: Session, viewer: Viewer, found: Found) -> bool:
    """What is in a space of that instance is its own, whoever of it we know there."""
    if found.space_id is not None and find_home(session, found.space_id) == viewer.host:
        return True
    return may_read(session, viewer, found) and _may_list(session, viewer, found)


def _may_list(session: Session, viewer: Viewer, found: Found) -> bool:
    """Who knows the id of a role or an invite reads it; told of it is who would find it in a list (contract, 5.5)."""
    inside = place_of_space(found.space_id or "", is_home=False)
    if found.kind == "role":
        return may_see(session, viewer, inside)
    if found.kind == "invite":
        creator = find_by_id(session, found.value.creator_id)
        is_its_own = creator is not None and creator.host == viewer.host
        return is_its_own or may_see(session, viewer, replace(inside, needed=int(Bit.INVITE)))
    return True


def show_hidden(session: Session, domain: str, found: Found, *, space_id: str | None = None) -> Shown | None:
    """A channel that nobody of the instance sees any more, to those who did: that it is closed, and nothing new of it,
    such as where it is, if it was in `space_id` before.

    It is not deleted there, because what is deleted does not come back. None for anything else.
    """
    if found.kind != "channel" or found.space_id is None:
        return None
    known_in = space_id or found.space_id
    names = names_at(session, domain, [known_in])
    return {
        "id": found.id,
        "type": "object",
        "object_type": "channel",
        "channel_type": "text",
        "name": "?",
        "parent_conference": names.get(known_in, known_in),
        "permissions": 0,
    }


def list_people_in(shown: Iterable[Shown]) -> list[str]:
    """The accounts that objects name, each once."""
    keys = ("author", "user_id", "owner", "creator", "bot_owner")
    named = [str(one[key]) for one in shown for key in keys if one.get(key)]
    authors = [str(id_) for one in shown for id_ in one.get("reaction_authors", ())]
    talkers = [str(id_) for one in shown if one["object_type"] == "channel" for id_ in one.get("members", ())]
    return list(dict.fromkeys([*named, *authors, *talkers]))


def _complete(session: Session, domain: str, found: Found, shown: Shown) -> None:
    """What is shown to an instance otherwise than to a person: permissions only where they were set, because it works
    out the others itself."""
    match found.kind:
        case "conference":
            shown |= _children(session, domain, found.value)
        case "conference_member" if "user_id" in shown:
            shown["permissions"] = found.value.permissions
        case "channel":
            shown["permissions"] = getattr(found.value, "permissions", None)
            if isinstance(found.value, FoundConversation):
                shown |= {"icon": found.value.icon_url, "is_group": found.value.is_group or None}


def _children(session: Session, domain: str, space: SpaceView) -> Shown:
    viewer = instance_viewer(domain)
    seen = [
        channel.actor_id
        for channel in list_channels_of(session, space.id)
        if may_see(session, viewer, Place(channel.actor_id, space_id=space.id, is_private=True, needed=TO_SEE))
    ]
    if not may_see(session, viewer, place_of_space(space.id, is_home=False)):
        return {"channels": seen, "members": None, "roles": None}
    roles = [role.id for role in list_space_roles(session, space.id)]
    return {"channels": seen, "members": list_member_ids(session, space.id), "roles": roles}


def _add_reactions(session: Session, messages: Sequence[Shown]) -> None:
    """Each with who made it, in the same order; the oldest, where they are very many."""
    reactions = list_reactions_in_order(session, [shown["id"] for shown in messages if "reactions" in shown])
    for shown in messages:
        told = reactions.get(shown["id"], [])[:MAX_REACTIONS]
        shown["reactions"] = [to_shortcode(sign) for sign, _ in told] or None
        shown["reaction_authors"] = [actor_id for _, actor_id in told] or None


def _only_federated(shown: Shown) -> Shown:
    kept = FEDERATED[shown["object_type"]] | {"id", "type", "object_type"}
    told = {key: value for key, value in shown.items() if key in kept and value is not None}
    if "embeds" in told:
        told["embeds"] = [_absolute(embed, {"embed_image"}) for embed in told["embeds"]]
    return _absolute(told, {"icon", "image"})


def _absolute(shown: Shown, keys: Set[str]) -> Shown:
    """A path here is another one where it is read."""
    paths = {key: shown[key] for key in keys & shown.keys() if shown[key].startswith("/")}
    return shown | {key: current().origin + path for key, path in paths.items()}


def _references(shown: Shown) -> list[str]:
    listed: list[str] = []
    for key in _REFERENCES & shown.keys():
        listed += shown[key] if isinstance(shown[key], list) else [shown[key]]
    return listed


def _named(shown: Shown, names: Mapping[str, str], origin: Origin | None, uri: str | None) -> Shown:
    """With the names that the receiver has for what it names, and ours for what it has not heard of."""
    changed: Shown = {}
    for key in _REFERENCES & shown.keys():
        value = shown[key]
        changed[key] = [names.get(id_, id_) for id_ in value] if isinstance(value, list) else names.get(value, value)
    if origin is not None:
        changed |= {"remote_domain": origin.domain, "remote_id": origin.id}
    elif uri is not None:
        changed["activitypub_id"] = uri
    return shown | changed


def _uris(session: Session, several: Sequence[Shown]) -> dict[str, Any]:
    """What our own are called over ActivityPub, by which one that comes both ways is known to be the same."""
    if not current().activitypub or not several:
        return {}
    actors = [shown["id"] for shown in several if shown["object_type"] in _DOCUMENTED]
    messages = [shown["id"] for shown in several if shown["object_type"] == "message"]
    rows = [*session.execute(select(Actor.id, Actor.uri).where(Actor.id.in_(actors)))] if actors else []
    if messages:
        rows += session.execute(select(Message.id, Message.uri).where(Message.id.in_(messages)))
    if actors:
        named = select(Conversation.id, Conversation.uri).where(Conversation.id.in_(actors))
        rows += session.execute(named.where(Conversation.uri.is_not(None)))
    return {row.id: row.uri for row in rows}
