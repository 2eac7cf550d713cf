"""Objects as their readers see them (contracts/punctum.md, 1). A key that is not set is not shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy.orm import Session

from app.ids import INSTANCE_ID
from app.models import ToldInstance
from app.queries import bits
from app.queries.accounts import Profile
from app.queries.files import without_key
from app.queries.friends import list_blocked, list_friends
from app.queries.instance import get_instance
from app.queries.messages import MessageView, list_pinned, list_reactions_in_order, view_messages
from app.queries.objects import BuiltInRole, Found, FoundConversation
from app.queries.peers import list_origins
from app.queries.privileges import ROLES
from app.queries.punctum.shortcodes import to_shortcode
from app.queries.replies import list_replies
from app.queries.sight import who_sees_each
from app.queries.spaces import (
    SpaceView,
    list_channels_of,
    list_default_bits,
    list_member_ids,
    list_memberships,
    list_role_holders,
    list_space_roles,
    view_members,
)
from app.queries.standing import who_holds_bit
from app.queries.viewers import Viewer
from app.queries.visibility import place_of_channel, place_of_space, who_may_see
from app.settings import current

Shown = dict[str, Any]

PLACEHOLDER: Final = "/static/placeholder.svg"
MAX_NAME: Final = 100

_SOFTWARE: Final = f"shoal {version('shoal')}"
_STATUSES: Final = {"offline": 0, "online": 1, "idle": 2, "afk": 2, "dnd": 3}
_TYPES: Final = {"text": "text", "mixed": "text", "voice": "media", "category": "category"}


class Known(dict[str, Any]):
    """What was to be made and was there before: shown as it is, and not as something new."""


def show(session: Session, viewer: Viewer | None, found: Found) -> Shown:
    """One object."""
    return show_all(session, viewer, [found])[0]


def show_all(session: Session, viewer: Viewer | None, several: Sequence[Found]) -> list[Shown]:
    """Objects in their order; all messages, all channels and all roles are looked up together."""
    texts = [found.id for found in several if found.kind == "message"]
    messages = (
        {shown["id"]: shown for shown in show_messages(session, viewer, view_messages(session, texts))} if texts else {}
    )
    channels = [found for found in several if found.kind == "channel" and found.space_id is not None]
    bits_of_spaces = list_default_bits(session, {str(found.space_id) for found in channels}) if channels else {}
    roles = [found for found in several if found.kind == "role" and not isinstance(found.value, BuiltInRole)]
    holders = _list_holders(session, viewer, roles)
    shown = []
    for found in several:
        match found.kind:
            case "message":
                shown.append(messages.get(found.id, {}))
            case "channel":
                shown.append(_channel(found, bits_of_spaces))
            case "role":
                shown.append(_role(found, holders))
            case kind:
                shown.append(_SHOWN[kind](session, viewer, found))
    return with_origins(session, shown)


def show_role(session: Session, found: Found) -> Shown:
    """As all members of its conference see it."""
    [shown] = with_origins(session, [_role(found, {found.id: []} | list_role_holders(session, [found.id]))])
    return shown


def with_origins(session: Session, several: list[Shown]) -> list[Shown]:
    """Those of other instances say where they come from, and what they are called there."""
    origins = list_origins(session, [one["id"] for one in several if one])
    for one in several:
        if one and (origin := origins.get(one["id"])) is not None:
            one |= {"remote_domain": origin.domain, "remote_id": origin.id}
    return several


def stash(objects: Iterable[Shown]) -> Shown:
    """Several at once (contracts/punctum.md, 1.11)."""
    listed = list(objects)
    return {"type": "stash", "id_list": [one["id"] for one in listed]} | {one["id"]: one for one in listed}


def time_text(at: datetime) -> str:
    return at.isoformat()


def show_messages(session: Session, viewer: Viewer | None, views: Sequence[MessageView]) -> list[Shown]:
    """In five queries, however many they are."""
    replies, pinned = list_replies(session, views), list_pinned(session, views)
    reactions = list_reactions_in_order(session, [view.id for view in views if view.reactions])
    shown = [
        _message(viewer, view, replies.get(view.id, []), reactions.get(view.id, []), is_pinned=view.id in pinned)
        for view in views
    ]
    return with_origins(session, shown)


def _object(kind: str, id_: str, **values: Any) -> Shown:
    named = {"id": id_, "type": "object", "object_type": kind}
    return named | {key: value for key, value in values.items() if value is not None}


def _message(
    viewer: Viewer | None,
    view: MessageView,
    replies: list[str],
    reactions: Sequence[tuple[str, str]],
    *,
    is_pinned: bool,
) -> Shown:
    return _object(
        "message",
        view.id,
        content=view.content.text,
        parent_channel=view.channel_id or view.conversation_id,
        author=view.author.id,
        post_date=time_text(view.published_at),
        edit_date=time_text(view.edited_at) if view.edited_at else None,
        edited=view.edited_at is not None,
        reactions=[to_shortcode(sign) for sign, _ in reactions] or None,
        attached_files=_addresses(viewer, view) or None,
        reply_to=view.reply_to,
        replies=replies or None,
        embeds=list(view.content.embeds) or None,
        pinned=is_pinned or None,
    )


def _addresses(viewer: Viewer | None, view: MessageView) -> list[str]:
    """Another server needs the keys of private files: it fetches without saying for whom."""
    urls = [attachment.url for attachment in view.content.attachments]
    is_server = viewer is not None and viewer.asks_for_server
    return urls if is_server else [without_key(url) for url in urls]


def _instance(session: Session, _viewer: Viewer | None, found: Found) -> Shown:
    if found.value is not None:
        return _other_instance(found)
    instance = get_instance(session)
    return _object(
        "instance",
        INSTANCE_ID,
        address=current().host,
        server_software=_SOFTWARE,
        protocol_version=1,
        name=instance.name,
        description=instance.description or None,
    )


def _other_instance(found: Found) -> Shown:
    told: ToldInstance = found.value
    return _object(
        "instance",
        found.id,
        address=told.domain,
        server_software=told.software,
        protocol_version=1,
        name=told.name,
        description=told.description,
    )


def _account(session: Session, viewer: Viewer | None, found: Found) -> Shown:
    profile: Profile = found.value
    shown = _object(
        "account",
        found.id,
        username=profile.username,
        display_name=profile.name,
        short_status=_STATUSES.get(profile.status, 0),
        status=profile.status_text,
        bio=profile.about or None,
        index_user=profile.is_indexed,
        bot=profile.is_bot,
        bot_owner=profile.bot_owner_id,
    )
    is_own = viewer is not None and viewer.actor_id in (found.id, profile.bot_owner_id)
    return shown | own_keys(session, found.id) if is_own else shown


def own_keys(session: Session, actor_id: str) -> Shown:
    """What of an account is for itself and the owner of a bot alone."""
    return {
        "friends": list_friends(session, actor_id),
        "blocklist": list_blocked(session, actor_id),
        "joined_conferences": list_memberships(session, actor_id),
    }


def _conference(session: Session, viewer: Viewer | None, found: Found) -> Shown:
    space: SpaceView = found.value
    if viewer is None:
        return _described(session, space, channels=list_seen_channels(session, None, space))
    [(shown, _)] = show_conference(session, space, [viewer.actor_id])
    return shown


def show_conference(session: Session, space: SpaceView, viewers: Collection[str]) -> list[tuple[Shown, frozenset[str]]]:
    """As each of the viewers (actor ids) sees it, with all who see it so; in as many queries as for one of them."""
    seeing = who_sees_each(session, list_channels_of(session, space.id), viewers)
    inside = who_may_see(session, place_of_space(space.id, is_home=False), viewers)
    moderating = who_holds_bit(session, space.id, bits.Bit.ROLES, inside, is_home=space.is_home) if inside else set()
    member_ids, role_ids = list_member_ids(session, space.id), [role.id for role in list_roles(session, space)]
    alike: dict[tuple[tuple[str, ...], bool, bool], set[str]] = {}
    for viewer_id in viewers:
        channels = tuple(channel_id for channel_id, seers in seeing.items() if viewer_id in seers)
        alike.setdefault((channels, viewer_id in inside, viewer_id in moderating), set()).add(viewer_id)
    several = []
    for (channels, is_inside, is_moderating), who in alike.items():
        shown = _described(session, space, channels=channels)
        if is_inside:
            shown["members"] = member_ids
        if is_moderating:
            shown["roles"] = role_ids
        several.append((shown, frozenset(who)))
    return several


def _described(session: Session, space: SpaceView, *, channels: Iterable[str]) -> Shown:
    """What everybody is told of it, with those channels that the reader sees."""
    named = get_instance(session) if space.is_home else space  # It is the server, and is called what that is.
    return _object(
        "conference",
        space.id,
        name=named.name,
        description=named.description or None,
        icon=space.icon_url or current().origin + PLACEHOLDER,
        owner=space.owner_id,
        index_conference=space.is_listed,
        permissions=bits.DEFAULT if space.is_home else space.permissions,
        creation_date=time_text(space.created_at),
        channels=list(channels),
    )


def list_seen_channels(session: Session, viewer: Viewer | None, space: SpaceView) -> list[str]:
    """The ids of those that the viewer sees, by the one rule for all; a stranger sees what everybody does."""
    channels = list_channels_of(session, space.id)
    if viewer is None:
        return [channel.actor_id for channel in channels if place_of_channel(channel).is_for_everybody]
    seeing = who_sees_each(session, channels, [viewer.actor_id])
    return [channel_id for channel_id, seers in seeing.items() if seers]


def list_roles(session: Session, space: SpaceView) -> list[Found]:
    """The home conference has the built-in roles, too."""
    built_in = [Found("role", id_, BuiltInRole(id_, space.id), space.id) for id_ in ROLES] if space.is_home else []
    return [*built_in, *(Found("role", role.id, role, space.id) for role in list_space_roles(session, space.id))]


def _member(session: Session, _viewer: Viewer | None, found: Found) -> Shown:
    [view] = view_members(session, [found.value])
    if view.is_banned:
        return _object("conference_member", found.id, banned=True, permissions=0)
    return _object(
        "conference_member",
        found.id,
        user_id=view.actor_id,
        parent_conference=view.space_id,
        nickname=view.nickname,
        roles=list(view.role_ids) or None,
        permissions=view.permissions,
        banned=False,
    )


def _channel(found: Found, bits_of_spaces: Mapping[str, int]) -> Shown:
    if isinstance(found.value, FoundConversation):
        return _conversation(found.value)
    channel = found.value
    return _object(
        "channel",
        found.id,
        channel_type=_TYPES.get(channel.type, "text"),
        parent_conference=channel.space_id,
        name=channel.name,
        description=channel.description,
        permissions=_permissions_of(channel, bits_of_spaces),
        category=channel.category_id,
    )


def _permissions_of(channel: Any, bits_of_spaces: Mapping[str, int]) -> int:
    """What was set, and else what is inherited."""
    if channel.permissions is not None:
        return int(channel.permissions)
    if not channel.has_bits:
        return bits.DEFAULT
    return bits_of_spaces.get(channel.space_id, 0)


def _conversation(conversation: FoundConversation) -> Shown:
    return _object(
        "channel",
        conversation.id,
        channel_type="direct_message",
        name=conversation.name or _name_of(conversation),
        icon=conversation.icon_url or current().origin + PLACEHOLDER,
        permissions=bits.evaluate_conversation(None),
        members=list(conversation.people),
    )


def _name_of(conversation: FoundConversation) -> str:
    """What one is called that nobody has named: by the ids of two (contracts/punctum.md, 1.5), else by who is in it."""
    if len(conversation.people) == 2 and not conversation.is_group:
        return " ".join(sorted(conversation.people))
    return ", ".join(conversation.usernames)[:MAX_NAME] or "?"


def _list_holders(session: Session, viewer: Viewer | None, roles: Sequence[Found]) -> dict[str, list[str]]:
    """By the role, of those conferences that the viewer is in: nobody outside learns who else is."""
    if viewer is None or not roles:
        return {}
    joined = list_memberships(session, viewer.actor_id)
    inside = [role.id for role in roles if role.space_id in joined]
    return {role_id: [] for role_id in inside} | list_role_holders(session, inside)


def _role(found: Found, holders: Mapping[str, list[str]]) -> Shown:
    role = found.value
    if isinstance(role, BuiltInRole):
        built_in = ROLES[role.id]
        permissions: int | None = bits.bits_of(built_in.privileges)
        return _object("role", found.id, name=built_in.name, permissions=permissions, parent_conference=found.space_id)
    return _object(
        "role",
        found.id,
        name=role.name,
        description=role.description,
        color=role.color,
        permissions=bits.bits_of(role.privileges) if role.privileges else role.permissions,
        parent_conference=role.space_id,
        members=holders.get(role.id),
    )


def _invite(_session: Session, _viewer: Viewer | None, found: Found) -> Shown:
    invite = found.value
    return _object("invite", found.id, name=invite.name, conference_id=invite.space_id, creator=invite.creator_id)


def _report(_session: Session, _viewer: Viewer | None, found: Found) -> Shown:
    report = found.value
    return _object(
        "report",
        found.id,
        target=report.object_id or (report.message_ids[0] if report.message_ids else report.target_id),
        note=report.description,
        creator=report.reporter_id,
        submission_date=time_text(report.created_at),
    )


def _emoji(_session: Session, _viewer: Viewer | None, found: Found) -> Shown:
    emoji = found.value
    return _object(
        "emoji",
        found.id,
        shortcode=emoji.shortcode,
        note=emoji.note,
        image=emoji.image_url,
        parent_conference=emoji.space_id,
    )


_SHOWN: Final = {
    "instance": _instance,
    "account": _account,
    "conference": _conference,
    "conference_member": _member,
    "invite": _invite,
    "report": _report,
    "emoji": _emoji,
}
