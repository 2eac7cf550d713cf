"""What all that is made in a space has in common: its bounds, and who is told of it."""

from __future__ import annotations

from typing import Any, Final

from activitypub.documents import ActorDocument
from app.act import Act, LiveEvent
from app.effects.speaking import authorise_naming
from app.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.queries.bits import ALL, Bit
from app.queries.peers import find_home
from app.queries.permissions import get_permissions
from app.queries.spaces import SpaceView, find_space
from app.queries.standing import Standing, find_standing

MAX_NAME: Final = 100
MAX_TEXT: Final = 4096
_SAID: Final = frozenset({"name", "description", "icon_url", "color", "shortcode", "note", "image_url"})
NO_SUCH_SPACE: Final = "There is no such conference."
ELSEWHERE: Final = "This conference is another instance's, and is changed there."


def get_space(act: Act, space_id: str | None) -> SpaceView:
    """Raises NotFoundError."""
    found = find_space(act.session, space_id or "")
    if found is None:
        raise NotFoundError(NO_SUCH_SPACE)
    return found


def standing_of(act: Act, space_id: str, channel_id: str | None = None) -> Standing:
    """Of the actor. Raises ForbiddenError for one that may do nothing on this server, and of ours in a space of
    another one, which is changed there."""
    if act.actor.is_local:
        get_permissions(act.session, act.actor)
        if find_home(act.session, space_id) is not None:
            raise ForbiddenError(ELSEWHERE)
    return find_standing(act.session, act.actor.id, space_id, channel_id)


def require(act: Act, space_id: str, *needed: Bit) -> Standing:
    """Raises ForbiddenError."""
    standing = standing_of(act, space_id)
    standing.require(*needed)
    return standing


def check_said(act: Act) -> None:
    """Raises ForbiddenError for who is timed out, and InvalidInputError for what is too long, of all that is set."""
    values = values_of(act)
    if not _SAID.isdisjoint(values):
        authorise_naming(act)
    for key in ("description", "note"):
        if len(values.get(key) or "") > MAX_TEXT:
            raise InvalidInputError(f"A description has {MAX_TEXT} characters at most.")


def check_name(name: str, *, what: str = "A name") -> None:
    """Raises InvalidInputError."""
    if not 1 <= len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise InvalidInputError(f"{what} has 1 to {MAX_NAME} characters.")


def check_bits(bits: int | None) -> None:
    """Raises InvalidInputError."""
    if bits is not None and not 0 <= bits <= ALL:
        raise InvalidInputError(f"permissions: a number from 0 to {ALL}.")


def values_of(act: Act) -> dict[str, Any]:
    """What is set, by the names of the columns; of who only renames a channel, the name."""
    if "values" not in act.private and isinstance(act.activity.object, ActorDocument):
        return {"name": act.activity.object.name}
    return dict(act.private.get("values", {}))


def tell(act: Act, type_: str, space_id: str, **data: Any) -> None:
    """The members, after the commit."""
    act.publish(LiveEvent(type_, channel_id=space_id, actor_id=act.actor.id, data=data))
