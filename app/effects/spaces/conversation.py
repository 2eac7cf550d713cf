"""Groups of direct messages: made with those who are first in them; people are added to them, and leave by themselves.

Only who is in a group changes it, and only where it is at home: the instance of whoever made it. Others leave it from
anywhere. Conversations that follow from who is in them do not change.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy.orm import Session

from activitypub.documents import Activity
from app.act import Act, LiveEvent
from app.effects.access import REFUSED, check_blocks
from app.effects.spaces.rules import check_name
from app.effects.speaking import authorise_sender
from app.errors import ErrorCode, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor, Conversation
from app.projections import conversations
from app.queries.actors import PEOPLE, is_refused_by_any, list_by_ids
from app.queries.conversations import count_people, find_group, is_in, lock_group
from app.queries.peers import find_origin

MAX_PEOPLE: Final = 50
NO_SUCH_CONVERSATION: Final = "There is no such conversation."
ELSEWHERE: Final = "This conversation is another instance's, and is changed there."
_MAX_URL: Final = 2048


class NotInItError(InvalidInputError):
    error_code = ErrorCode.NOT_PART_OF


def is_about_group(act: Act, uri: str | None) -> bool:
    """Whether a URI that an activity names is a group's."""
    if uri is None or act.uris.is_local(uri):
        return act.uris.kind_of(uri) == "dms"
    return find_group(act.session, [uri]) is not None


def take_people(session: Session, adder_id: str, actor_ids: Collection[str]) -> list[Actor]:
    """Those whom somebody wants to talk with in one conversation, if all of them can be talked to and take it.

    Raises NotFoundError for who is no person, ForbiddenError for who blocked the other.
    """
    people = [actor for actor in list_by_ids(session, actor_ids) if actor.type in PEOPLE]
    if len(people) < len(set(actor_ids)):
        raise NotFoundError("There is no such person.")
    if is_refused_by_any(session, by=actor_ids, actor_id=adder_id):
        raise ForbiddenError(REFUSED)
    return people


def check_size(people: int) -> None:
    """Raises InvalidInputError."""
    if people > MAX_PEOPLE:
        raise InvalidInputError(f"A conversation has {MAX_PEOPLE} people at most.")


# Making one.


def authorise_making(act: Act) -> None:
    """`people` are the ids of all others who are in it."""
    authorise_sender(act, act.actor)
    others: list[str] = act.private["people"]
    check_size(len(others) + 1)
    take_people(act.session, act.actor.id, others)
    _check_values(act.private["values"])
    _settle(act, act.uris.local_id(act.activity.object_id or "") or "")


def make(act: Act) -> None:
    group_id, uri = act.uris.local_id(act.activity.object_id or "") or "", act.activity.object_id or ""
    people = [act.actor.id, *act.private["people"]]
    conversations.add_group(act.session, group_id, uri, people, act.private["values"], now=act.now)
    act.publish(LiveEvent("conversation_created", conversation_id=group_id, actor_id=act.actor.id))


# Its name and its icon.


def authorise_change(act: Act) -> None:
    _authorise_at_home(act, act.activity.object_id)
    _check_values(act.private["values"])


def change(act: Act) -> None:
    group: Conversation = act.found.pop("conversation")
    conversations.change_group(act.session, group.id, act.private["values"])
    _tell(act, group)


def authorise_deletion(act: Act) -> None:
    raise ForbiddenError("A conversation is not deleted.")


def delete(act: Act) -> None:
    raise ForbiddenError("A conversation is not deleted.")


# Who is in it.


def authorise_addition(act: Act) -> None:
    group = _authorise_at_home(act, act.activity.target)
    person_id = act.private["person_id"]
    take_people(act.session, act.actor.id, [person_id])
    if not is_in(act.session, group.id, person_id):
        check_size(count_people(act.session, group.id) + 1)


def add(act: Act) -> list[Activity]:
    group: Conversation = act.found.pop("conversation")
    person_id = act.private["person_id"]
    if conversations.let_in(act.session, group.id, person_id, now=act.now):
        _tell(act, group, added=[person_id])
    return []


def authorise_leaving(act: Act) -> None:
    """Whoever is of another server leaves where the group is at home, and so do we."""
    group = _get_own(act, act.activity.object_id, missing=NotInItError("You are not in this conversation."))
    if not act.is_local and find_origin(act.session, group.id) is not None:
        raise ForbiddenError(ELSEWHERE)
    act.found["conversation"] = group
    _settle(act, group.id)


def leave(act: Act) -> list[Activity]:
    group: Conversation = act.found.pop("conversation")
    if conversations.take_out(act.session, group.id, act.actor.id):
        _tell(act, group, left=[act.actor.id])
    return []


def _authorise_at_home(act: Act, uri: str | None) -> Conversation:
    """Sets `conversation`, for one of ours who is in it. Raises ForbiddenError, NotFoundError."""
    if not act.is_local:
        raise ForbiddenError("A conversation is changed by who is in it, where it is at home.")
    group = _get_own(act, uri, missing=NotFoundError(NO_SUCH_CONVERSATION))
    if find_origin(act.session, group.id) is not None:
        raise ForbiddenError(ELSEWHERE)
    authorise_sender(act, act.actor)
    check_blocks(act, group.id)
    act.found["conversation"] = group
    _settle(act, group.id)
    return group


def _get_own(act: Act, uri: str | None, *, missing: Exception) -> Conversation:
    """A group that the actor is in. Missing and foreign are the same outside."""
    group = lock_group(act.session, uri)
    if group is None or not is_in(act.session, group.id, act.actor.id):
        raise missing
    return group


def _settle(act: Act, group_id: str) -> None:
    """Whoever is in the group may read what was done to it."""
    act.scope, act.audience = group_id, "direct"


def _check_values(values: dict[str, Any]) -> None:
    """Raises InvalidInputError."""
    name, icon_url = values.get("name"), values.get("icon_url")
    if name is not None:
        check_name(name)
    if icon_url is not None and len(icon_url) > _MAX_URL:
        raise InvalidInputError(f"An icon is a URL of {_MAX_URL} characters at most.")


def _tell(act: Act, group: Conversation, *, added: Collection[str] = (), left: Collection[str] = ()) -> None:
    data = {"added": list(added), "left": list(left)}
    act.publish(LiveEvent("conversation_changed", conversation_id=group.id, actor_id=act.actor.id, data=data))
