"""A message as this facade's clients know one (contracts/pufferblow.md, 4 and 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from activitypub.attachments import Attachment
from app.facades.pufferblow.answers import Time, iso
from app.facades.pufferblow.urls import shown_url
from app.queries.messages import Author, MessageView
from app.web.shapes import Shape


class AttachmentShown(Shape):
    """Width and height are in pixels, of pictures; `blurhash` is what to show until one is there."""

    url: str
    filename: str
    type: str
    size: int
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None


class ReactionShown(Shape):
    emoji: str
    count: int
    user_ids: list[str]


class MessageShown(Shape):
    """In a channel or in a conversation; the other of the two is null.

    The sender's name is there twice because the official clients look for it in two places. `reply_to` is the id of
    the message it answers, if that is or was here.
    """

    message_id: str
    channel_id: str | None
    conversation_id: str | None
    sender_id: str
    sender_user_id: str
    username: str
    sender_username: str
    reply_to: str | None
    message: str
    hashed_message: str
    sent_at: Time
    edited_at: Time | None
    attachments: list[AttachmentShown]
    reactions: list[ReactionShown]
    sender_avatar_url: str | None
    sender_banner_url: str | None
    sender_status: str
    sender_roles: list[str]
    sender_about: str | None
    sender_last_seen: Time
    sender_created_at: Time


def show_all(views: Sequence[MessageView]) -> list[MessageShown]:
    """A page: what is shown of its few authors is made once for each."""
    authors: dict[str, dict[str, Any]] = {}
    for view in views:
        if view.author.id not in authors:
            authors[view.author.id] = _author(view.author)
    return [_show(view, authors[view.author.id]) for view in views]


def show(view: MessageView) -> MessageShown:
    return _show(view, _author(view.author))


def _show(view: MessageView, author: Mapping[str, Any]) -> MessageShown:
    return MessageShown(
        message_id=view.id,
        channel_id=view.channel_id,
        conversation_id=view.conversation_id,
        reply_to=view.reply_to,
        message=view.content.text,
        hashed_message=hashlib.sha256(view.content.text.encode()).hexdigest(),
        sent_at=iso(view.published_at),
        edited_at=iso(view.edited_at) if view.edited_at else None,
        attachments=[_attachment(item) for item in view.content.attachments],
        reactions=[
            ReactionShown(emoji=reaction.emoji, count=len(reaction.actor_ids), user_ids=list(reaction.actor_ids))
            for reaction in view.reactions
        ],
        **author,
    )


def _author(author: Author) -> dict[str, Any]:
    """Those of a message's keys that are of its author."""
    return {
        "sender_id": author.id,
        "sender_user_id": author.id,
        "username": author.username,
        "sender_username": author.username,
        "sender_avatar_url": shown_url(author.icon_url),
        "sender_banner_url": shown_url(author.image_url),
        "sender_status": author.status,
        "sender_roles": list(author.roles),
        "sender_about": author.about,
        "sender_last_seen": iso(author.last_seen_at),
        "sender_created_at": iso(author.created_at),
    }


def _attachment(item: Attachment) -> AttachmentShown:
    return AttachmentShown(
        url=shown_url(item.url) or item.url,
        filename=item.name,
        type=item.media_type,
        size=item.size or 0,
        width=item.width,
        height=item.height,
        blurhash=item.blurhash or None,
    )
