"""What each type of object of another instance becomes here, and whether that instance may say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from app.actions.peers import keeping
from app.actions.peers.instances import keep_instance
from app.actions.peers.keeping import Name
from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.keys import (
    ACCOUNT,
    CHANNEL,
    CONFERENCE,
    EMOJI,
    GROUP,
    INVITE,
    MEMBER,
    OTHER_INSTANCE,
    ROLE,
    TYPES_HERE,
)
from app.facades.punctum.problems import (
    MissingKeyError,
    UnknownReferenceError,
    WrongReferenceError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.told import read_message
from app.facades.punctum.values import references
from app.queries import bits
from app.queries.actors import get_by_id, list_by_ids
from app.queries.objects import Found, FoundConversation, find_object
from app.queries.peers import find_home, find_known
from app.queries.spaces import find_member_of

if TYPE_CHECKING:
    from app.facades.punctum.taking import Taking

Raw = Mapping[str, Any]

_STATUSES: Final = ("offline", "online", "idle", "dnd")


def _instance(taking: Taking, name: Name, raw: Raw) -> str:
    given = OTHER_INSTANCE.of_new(raw)
    if given["address"].lower() != taking.sender:
        raise WrongValueError("address", "the domain of the instance")
    return keep_instance(name, given)


def _account(taking: Taking, name: Name, raw: Raw) -> str:
    given, is_bot = ACCOUNT.of_new(raw), raw.get("bot") is True
    told = {"is_bot": is_bot, "status": _STATUSES[given.get("short_status", 0)], "status_text": given.get("status")}
    if is_bot and given.get("bot_owner") is not None:
        told["bot_owner_id"] = _bot_owner(taking, name, given["bot_owner"])
    return keeping.keep_person(name, given | told, met=taking.meet(name))


def _bot_owner(taking: Taking, name: Name, id_: str) -> str:
    """Raises ForbiddenError for somebody of another instance: whoever owns a bot speaks for it."""
    owner = taking.resolve("bot_owner", id_, {"account"})
    if owner.value.host != name.domain:
        raise ForbiddenError("A bot belongs to somebody of its own instance.")
    return owner.id


def _conference(taking: Taking, name: Name, raw: Raw) -> str:
    given = CONFERENCE.of_new(raw)
    owner = taking.resolve("owner", given.get("owner"), {"account"})
    _check_consent(taking, name, owner)
    given |= {"owner_id": owner.id, "icon_url": _absolute(given.get("icon"))}
    return keeping.keep_space(name, given | {"permissions": given.get("permissions", bits.DEFAULT)})


def _check_consent(taking: Taking, name: Name, owner: Found) -> None:
    """Nobody of ours owns a conference that they are not in. Raises ForbiddenError."""
    known = taking.find_own(name.id)
    if owner.value.host is not None or (known is not None and (known.id, owner.id) in taking.awaited):
        return
    with reading() as session:
        is_in = known is not None and find_member_of(session, known.id, owner.id) is not None
    if not is_in:
        raise ForbiddenError("Nobody of this instance is given a conference without asking.")


def _conversation(taking: Taking, name: Name, raw: Raw) -> str:
    """Of people of whom at least one is of the sender and one of ours; who is in a group later, its home decides."""
    named = [taking.resolve("members", id_, {"account"}) for id_ in references("members", raw.get("members"))]
    with reading() as session:
        known = find_known(session, taking.sender, name.id)
        found = find_object(session, known.local_id) if known is not None else None
    if found is not None and not isinstance(found.value, FoundConversation):
        raise WrongTypeError("channel_type: cannot be changed.")
    if found is None:
        hosts = {person.value.host for person in named}
        if not {None, taking.sender} <= hosts:
            raise ForbiddenError("A conversation is told to those who are in it, by those who are.")
    people = [person.id for person in named]
    if found is None and len(people) <= 2 and raw.get("is_group") is not True:
        return keeping.keep_conversation(name, people)
    given = GROUP.of_new(raw)
    return keeping.keep_group(name, people, {"name": given.get("name"), "icon_url": _absolute(given.get("icon"))})


def _channel(taking: Taking, name: Name, raw: Raw) -> str:
    if raw.get("channel_type") == "direct_message":
        return _conversation(taking, name, raw)
    given = CHANNEL.of_new(raw)
    type_ = TYPES_HERE.get(given.get("channel_type", "text"))
    if type_ is None:
        raise WrongTypeError("channel_type: there is no such type.")
    space = _own_conference(taking, "parent_conference", given.get("parent_conference"))
    category = given.get("category")
    named = taking.resolve("category", category, {"channel"}) if category is not None else None
    if named is not None and named.space_id != space.id:
        raise WrongReferenceError("category")
    above = named.id if named is not None else None
    values = given | {"name": given.get("name") or "?", "type": type_, "category_id": above}
    return keeping.keep_channel(name, space.id, values)


def _role(taking: Taking, name: Name, raw: Raw) -> str:
    space = _own_conference(taking, "parent_conference", raw.get("parent_conference"))
    return keeping.keep_role(name, space.id, ROLE.of_new(raw))


def _invite(taking: Taking, name: Name, raw: Raw) -> str:
    space = _own_conference(taking, "conference_id", raw.get("conference_id"))
    creator = taking.resolve("creator", raw.get("creator"), {"account"})
    return keeping.keep_invite(name, space.id, creator.id, INVITE.of_new(raw).get("name") or name.id)


def _emoji(taking: Taking, name: Name, raw: Raw) -> str:
    space = _own_conference(taking, "parent_conference", raw.get("parent_conference"))
    given = EMOJI.of_new(raw)
    image = _absolute(given["image"])
    if image is None:
        raise WrongValueError("image", "an https URL")
    return keeping.keep_emoji(name, space.id, space.value.owner_id, given | {"image_url": image})


def _member(taking: Taking, name: Name, raw: Raw) -> str:
    given = MEMBER.of_new(raw)
    if given.get("banned"):
        return _banned_member(taking, name)
    space = _own_conference(taking, "parent_conference", raw.get("parent_conference"))
    person = taking.resolve("user_id", raw.get("user_id"), {"account"})
    with reading() as session:
        is_here = find_member_of(session, space.id, person.id) is not None
    if person.value.host is None and not is_here and (space.id, person.id) not in taking.awaited:
        raise ForbiddenError("Nobody of this instance is taken into a conference without asking.")
    wanted = references("roles", raw.get("roles", []))
    held = [taking.resolve("roles", role, {"role"}) for role in dict.fromkeys(wanted)]
    if any(role.space_id != space.id for role in held):
        raise WrongReferenceError("roles")
    return keeping.keep_member(name, space.id, person.id, given, [role.id for role in held])


def _banned_member(taking: Taking, name: Name) -> str:
    """Of who is banned nothing else is told."""
    found = taking.find_own(name.id)
    if found is None or found.kind != "conference_member":
        raise UnknownReferenceError("id")
    keeping.ban_member(found.id, found.value.space_id, found.value.actor_id)
    return found.id


def _message(taking: Taking, name: Name, raw: Raw) -> str:
    channel = taking.resolve("parent_channel", raw.get("parent_channel"), {"channel"})
    author = taking.resolve("author", raw.get("author"), {"account"})
    reply_to = raw.get("reply_to")
    parent = taking.find(reply_to) if reply_to is not None else None
    with reading() as session:
        person = get_by_id(session, author.id)
    if person.host != taking.sender:
        raise ForbiddenError("What somebody says is told by their own instance.")
    in_reply_to = parent.value.message.uri if parent is not None and parent.kind == "message" else None
    told = read_message(raw, name.uri, in_reply_to)
    if isinstance(channel.value, FoundConversation):
        told = replace(told, context=channel.value.uri)
    return keeping.keep_message(name, person, _hearers(taking, channel, person.id), told)


def _hearers(taking: Taking, channel: Found, author_id: str) -> list[Any]:
    """The channel itself, or everybody else in a conversation. Raises ForbiddenError where it is not for the sender to
    say."""
    if isinstance(channel.value, FoundConversation):
        if author_id not in channel.value.people:
            raise ForbiddenError("Only who is in a conversation speaks there.")
        with reading() as session:
            return list_by_ids(session, [id_ for id_ in channel.value.people if id_ != author_id])
    with reading() as session:
        group = get_by_id(session, channel.id)
    if group.host not in (None, taking.sender, taking.vouching) or not channel.value.has_bits:
        raise ForbiddenError("This channel is at home elsewhere.")
    return [group]


def _own_conference(taking: Taking, key: str, id_: Any) -> Found:
    """A conference that the sender is the home of. Raises ForbiddenError for any other."""
    if id_ is None:
        raise MissingKeyError(key)
    found = taking.resolve(key, id_, {"conference"})
    with reading() as session:
        home = find_home(session, found.id)
    if home != taking.sender:
        raise ForbiddenError("This conference is at home elsewhere.")
    return found


def _absolute(url: Any) -> str | None:
    return url if isinstance(url, str) and url.startswith("https://") else None


KEEPERS: Final[Mapping[str, Callable[[Taking, Name, Raw], str]]] = {
    "instance": _instance,
    "account": _account,
    "conference": _conference,
    "conference_member": _member,
    "channel": _channel,
    "message": _message,
    "role": _role,
    "invite": _invite,
    "emoji": _emoji,
}
