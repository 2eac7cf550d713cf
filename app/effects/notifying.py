"""Who is told, apart from a message itself, that it mentions them."""

from __future__ import annotations

from typing import Final

from activitypub.documents import Note
from app.act import Act, LiveEvent
from app.ids import new_id
from app.insertion import insert_rows
from app.models import Channel, Notification
from app.queries.notifications import list_listening, list_mentioned
from app.queries.visibility import place_of_channel, who_may_see

MOST: Final = 50
"""People told of one message; further mentions are only shown in it."""
_MENTION: Final = "mention"


def notify_mentioned(act: Act, note: Note, message_id: str, author_id: str, channel: Channel | None) -> None:
    """Tell our people who are mentioned in a channel, and see it: not who blocks the author, and nobody twice.

    A conversation is told to all who are in it as it is. Whoever is replied to is mentioned (`pipeline.compose`).
    """
    named = _named(act, note) - {author_id}
    if channel is None or not named:
        return
    seeing = who_may_see(act.session, place_of_channel(channel), sorted(named)[:MOST])
    told = list_mentioned(act.session, message_id) if act.activity.type == "Update" else set()
    for account_id in list_listening(act.session, seeing - told, author_id=author_id):
        _notify(act, account_id, message_id, author_id, channel)


def _named(act: Act, note: Note) -> set[str]:
    return {own_id for mention in note.mentions if (own_id := act.uris.local_id(mention.href)) is not None}


def _notify(act: Act, account_id: str, message_id: str, author_id: str, channel: Channel) -> None:
    notification_id = new_id("notification")
    insert_rows(
        act.session,
        Notification,
        {
            "id": notification_id,
            "account_id": account_id,
            "type": _MENTION,
            "actor_id": author_id,
            "message_id": message_id,
            "created_at": act.now,
            "read_at": None,
        },
    )
    act.publish(
        LiveEvent(
            "notification_created",
            channel_id=channel.actor_id,
            message_id=message_id,
            actor_id=author_id,
            data={"notification_id": notification_id, "account_id": account_id, "type": _MENTION},
        )
    )
