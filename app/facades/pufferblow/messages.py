"""Messages of a channel: load, send, delete (contracts/pufferblow.md, 4)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions.files.attachments import prepare_attachments, submit_carrying
from app.actions.files.rules import MAX_ATTACHMENTS, max_message_bytes
from app.db import reading
from app.errors import ForbiddenError, InsufficientScopeError, UnauthenticatedError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id, PageNumber, PageSize
from app.facades.pufferblow.sent import get_sent
from app.facades.pufferblow.shown import MessageShown, show, show_all
from app.pipeline import compose, submit
from app.queries.channels import get_visible, require_visible
from app.queries.found import search_channel
from app.queries.messages import list_before, list_page
from app.queries.search import MAX_QUERY
from app.queries.viewers import Viewer
from app.web.fields import Params, Upload
from app.web.idempotency import idempotency_key, request_digest
from app.web.shapes import Shape

TAG = "Messages"


class LoadMessages(Params):
    """With `before_cursor`, the `next_cursor` of another page, what is older than that page; `page` is then ignored."""

    channel_id: Id
    page: PageNumber = 1
    messages_per_page: PageSize = 20
    before_cursor: Annotated[int, Field(ge=1, le=2**53)] | None = None


class SearchMessages(Params):
    """Words, each of which a message must have or have a word that begins with it."""

    channel_id: Id
    q: Annotated[str, Field(min_length=2, max_length=MAX_QUERY)]
    page: PageNumber = 1
    messages_per_page: PageSize = 20


class SendMessage(Params):
    """`reply_to` is the id of a message of the same channel."""

    channel_id: Id
    message: str = ""
    reply_to: Id | None = None
    attachments: Annotated[list[Upload], Field(json_schema_extra={"maxItems": MAX_ATTACHMENTS})] = Field(
        default_factory=list
    )


class DeleteMessage(Params):
    """The channel may be a conversation, by its id."""

    channel_id: Id
    message_id: Id


class MessagesListed(Shape):
    status_code: int
    messages: list[MessageShown]


class MessagesLoaded(MessagesListed):
    """`next_cursor` is null at the beginning of the history."""

    next_cursor: str | None


class MessagesFound(MessagesListed):
    """`scanned` is how many messages were read for this page; with `truncated_scan` there are more on the next."""

    query: str
    scanned: int
    truncated_scan: bool


class MessageSent(Done):
    """`attachments` are the URLs of those in `message_data`."""

    message_id: str
    attachments: list[str]
    message_data: MessageShown


@API.signed_in(
    "GET",
    "/api/v1/channels/{channel_id}/load_messages",
    params=LoadMessages,
    answer=MessagesLoaded,
    tag=TAG,
    summary="A page of messages: page 1 has the newest, inside a page the oldest is first",
    errors={404},
    scope="message:read",
)
def load_messages(viewer: Viewer, params: LoadMessages) -> MessagesLoaded:
    with reading() as session:
        require_visible(session, viewer, params.channel_id)
        size = params.messages_per_page
        if params.before_cursor is None:
            views = list_page(session, params.channel_id, page=params.page, size=size)
        else:
            views = list_before(session, params.channel_id, position=params.before_cursor, size=size)
    # A page of less than was asked for need not be the last: what does not open is left out of it.
    is_last = not views or views[0].position <= 1
    return MessagesLoaded(
        status_code=200,
        messages=show_all(views),
        next_cursor=None if is_last else str(views[0].position),
    )


@API.signed_in(
    "GET",
    "/api/v1/channels/{channel_id}/search",
    params=SearchMessages,
    answer=MessagesFound,
    tag=TAG,
    summary="Messages of a channel that have all the given words, the newest first",
    errors={404},
    scope="message:read",
)
def search_messages(viewer: Viewer, params: SearchMessages) -> MessagesFound:
    with reading() as session:
        channel, _ = get_visible(session, viewer, params.channel_id)
        views, has_more = search_channel(session, channel, params.q, page=params.page, size=params.messages_per_page)
    return MessagesFound(
        status_code=200,
        messages=show_all(views),
        query=params.q,
        scanned=len(views),
        truncated_scan=has_more,
    )


@API.signed_in(
    "POST",
    "/api/v1/channels/{channel_id}/send_message",
    params=SendMessage,
    answer=MessageSent,
    tag=TAG,
    summary="Send a message, files with it or files alone",
    status=201,
    errors={404, 409, 422},
    max_file_bytes=max_message_bytes,
    scope="message:write",
)
def send_message(viewer: Viewer, params: SendMessage) -> MessageSent:
    outcome = submit_carrying(
        viewer,
        params.attachments,
        prepare_attachments,
        lambda files: compose.channel_message(
            viewer, params.channel_id, params.message, reply_to=params.reply_to, files=files
        ),
        idempotency_key=idempotency_key(),
        request_digest=request_digest(params),
    )
    sent = show(get_sent(viewer, outcome, channel_id=params.channel_id))
    return MessageSent(
        status_code=201,
        message="message sent successfully",
        message_id=sent.message_id,
        attachments=[item.url for item in sent.attachments],
        message_data=sent,
    )


@API.signed_in(
    "DELETE",
    "/api/v1/channels/{channel_id}/delete_message",
    params=DeleteMessage,
    answer=Done,
    tag=TAG,
    summary="Delete a message of one's own, or as a moderator",
    errors={404},
    scope="message:write",
)
def delete_message(viewer: Viewer, params: DeleteMessage) -> Done:
    """Answers 200, because a 204 has no body, and says 204 in the body, because clients were promised one."""
    try:
        submit(compose.deletion(viewer, params.message_id, place_id=params.channel_id))
    except InsufficientScopeError:
        raise
    except ForbiddenError as error:
        raise UnauthenticatedError("You are not authorized to delete this message") from error
    return Done(status_code=204, message="The message has been deleted successfully")
