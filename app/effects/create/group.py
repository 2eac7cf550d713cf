"""Create a Group: a channel of the home space."""

from __future__ import annotations

import unicodedata

from activitypub.documents import Activity, ActorDocument
from app.act import Act, LiveEvent
from app.effects.speaking import authorise_naming
from app.errors import ConflictError, ForbiddenError, InvalidInputError
from app.projections import audit, channels, follows
from app.queries.actors import ACCEPTED
from app.queries.channels import get_home_space, is_name_taken
from app.queries.permissions import get_permissions

CHANNEL_TYPES = frozenset({"text", "voice", "mixed"})
MAX_NAME = 100
NAME_TAKEN = "Channel name already exists, please change it and try again."


def authorise(act: Act, group: ActorDocument) -> None:
    if not act.is_local or act.uris.local_id(group.id) is None:
        raise ForbiddenError("a channel is made on its own server")
    get_permissions(act.session, act.actor).require("create_channels")
    authorise_naming(act)
    if act.private["channel_type"] not in CHANNEL_TYPES:
        raise InvalidInputError("channel_type must be one of: text, voice, mixed.")
    check_name(group.name)
    if is_name_taken(act.session, channels.name_key(group.name)):
        raise ConflictError(NAME_TAKEN)


def check_name(name: str) -> None:
    """Raises InvalidInputError for a name no channel may have; one letter may be many once its case is folded."""
    if not 1 <= len(name.strip()) <= MAX_NAME or len(channels.name_key(name)) > channels.MAX_NAME:
        raise InvalidInputError(f"A channel's name has 1 to {MAX_NAME} characters.")
    if any(unicodedata.category(character) == "Cc" for character in name.strip()):
        raise InvalidInputError("A channel's name has no control characters.")


def apply(act: Act, group: ActorDocument) -> list[Activity]:
    channel_id = act.uris.local_id(group.id) or ""
    actor = channels.add_local(
        act.session,
        act.uris,
        id=channel_id,
        space_id=get_home_space(act.session).actor_id,
        name=group.name.strip(),
        type=act.private["channel_type"],
        is_private=act.private["is_private"],
        creator_id=act.actor.id,
        now=act.now,
    )
    if act.private["is_private"]:
        follows.put(act.session, act.actor, actor, state=ACCEPTED, activity_uri=act.activity.id or "", now=act.now)
    audit.note(act.session, "channel_created", actor_id=act.actor.id, target=channel_id, now=act.now)
    act.publish(LiveEvent("channel_created", channel_id=channel_id, actor_id=act.actor.id))
    act.found["channel_id"] = channel_id
    return []
