"""Reactions to messages, as the reference server has them, and edits, which it lacks (contracts/pufferblow.md, 11)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from app.db import reading
from app.errors import NotFoundError
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id
from app.facades.pufferblow.shown import MessageShown, ReactionShown, show
from app.pipeline import Draft, compose, submit
from app.queries.messages import get_view_in
from app.queries.reactions import MAX_EMOJI_LENGTH, is_emoji
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Messages"


def _check_emoji(text: str) -> str:
    emoji = text.strip()
    if not is_emoji(emoji):
        raise ValueError("A reaction is one emoji.")
    return emoji


class React(Params):
    """An emoji is a sign, or the name of one between colons. The id may be a conversation's, here as in the others."""

    channel_id: Id
    message_id: Id
    emoji: Annotated[str, Field(min_length=1, max_length=MAX_EMOJI_LENGTH), AfterValidator(_check_emoji)]


class EditMessage(Params):
    channel_id: Id
    message_id: Id
    message: Annotated[str, Field(json_schema_extra={"pattern": r"\S"})]


class ReactionAnswer(Shape):
    status_code: int
    message_id: str
    channel_id: str
    emoji: str
    reactions: list[ReactionShown]


class ReactionAdded(ReactionAnswer):
    already_present: bool


class ReactionRemoved(ReactionAnswer):
    already_absent: bool


class MessageEdited(Shape):
    status_code: int
    message: str
    message_data: MessageShown


@API.signed_in(
    "POST",
    "/api/v1/channels/{channel_id}/messages/{message_id}/reactions",
    params=React,
    answer=ReactionAdded,
    tag=TAG,
    summary="React to a message",
    status=201,
    errors={404, 409},
    scope="message:write",
)
def add_reaction(viewer: Viewer, params: React) -> ReactionAdded:
    is_there = _has_reacted(viewer, params)
    if not is_there:
        submit(compose.reaction(viewer, params.message_id, params.emoji))
    return ReactionAdded(
        status_code=201,
        already_present=is_there,
        message_id=params.message_id,
        channel_id=params.channel_id,
        emoji=params.emoji,
        reactions=_get_shown(viewer, params).reactions,
    )


@API.signed_in(
    "DELETE",
    "/api/v1/channels/{channel_id}/messages/{message_id}/reactions",
    params=React,
    answer=ReactionRemoved,
    tag=TAG,
    summary="Take a reaction back",
    errors={404, 409},
    scope="message:write",
)
def remove_reaction(viewer: Viewer, params: React) -> ReactionRemoved:
    is_there = _has_reacted(viewer, params)
    if is_there:
        is_there = _take_back(viewer, params)
    return ReactionRemoved(
        status_code=200,
        already_absent=not is_there,
        message_id=params.message_id,
        channel_id=params.channel_id,
        emoji=params.emoji,
        reactions=_get_shown(viewer, params).reactions,
    )


@API.signed_in(
    "PUT",
    "/api/v1/channels/{channel_id}/messages/{message_id}",
    params=EditMessage,
    answer=MessageEdited,
    tag=TAG,
    summary="Edit a message of one's own",
    errors={404, 409},
    scope="message:write",
)
def edit_message(viewer: Viewer, params: EditMessage) -> MessageEdited:
    """No route of the reference server: its clients hear of an edit as `message_edited` and may ignore it."""
    _get_shown(viewer, params)
    submit(Draft(viewer.uri, lambda: compose.edit(viewer, params.message_id, params.message)))
    edited = _get_shown(viewer, params)
    return MessageEdited(status_code=200, message="Message edited successfully", message_data=edited)


def _take_back(viewer: Viewer, params: React) -> bool:
    """False where another request was faster; a message that is gone meanwhile is for the answer to find out."""
    try:
        submit(compose.reaction_taken_back(viewer, params.message_id, params.emoji))
    except NotFoundError:
        return False
    return True


def _has_reacted(viewer: Viewer, params: React) -> bool:
    reactions = _get_shown(viewer, params).reactions
    return any(viewer.actor_id in reaction.user_ids for reaction in reactions if reaction.emoji == params.emoji)


def _get_shown(viewer: Viewer, params: React | EditMessage) -> MessageShown:
    with reading() as session:
        return show(get_view_in(session, viewer, params.channel_id, params.message_id))
