"""What somebody is shown who has just come into a conference (contracts/punctum.md, 4.4)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.ids import INSTANCE_ID
from app.queries.bits import Bit
from app.queries.messages import list_page
from app.queries.sight import who_sees_each
from app.queries.spaces import (
    SpaceView,
    find_member_of,
    list_channels_of,
    list_members_of_space,
    list_space_roles,
)
from app.queries.standing import find_standing

LATEST = 50


def list_first(session: Session, space: SpaceView, actor_id: str) -> list[str]:
    """Ids of all that they see: each after what it names, and what it takes to come in at all before the rest."""
    channels = list_channels_of(session, space.id)
    seeing = who_sees_each(session, channels, [actor_id])
    seen = [channel.actor_id for channel in channels if seeing[channel.actor_id]]
    read = [id_ for id_ in seen if find_standing(session, actor_id, space.id, id_).has(Bit.READ)]
    own = find_member_of(session, space.id, actor_id)
    members = [member for member in list_members_of_space(session, space.id) if member.actor_id != actor_id]
    roles = [role.id for role in list_space_roles(session, space.id)]
    said = [view for id_ in read for view in list_page(session, id_, page=1, size=LATEST)]
    return list(
        dict.fromkeys(
            [
                INSTANCE_ID,
                *([space.owner_id] if space.owner_id else []),
                actor_id,
                space.id,
                *roles,
                *([own.id] if own else []),
                *seen,
                *(member.actor_id for member in members),
                *(member.id for member in members),
                *(view.author.id for view in said),
                *(view.id for view in said),
            ]
        )
    )
