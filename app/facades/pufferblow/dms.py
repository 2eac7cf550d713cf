"""Direct messages (contracts/pufferblow.md, 6)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType
from pydantic import Field

from app.actions.files.attachments import get_attachments, submit_carrying
from app.actions.files.rules import MAX_ATTACHMENTS
from app.db import reading
from app.errors import InvalidInputError, NotFoundError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id, PageNumber, PageSize
from app.facades.pufferblow.peers import check_person, find_known, is_person, resolve
from app.facades.pufferblow.sent import get_sent
from app.facades.pufferblow.shown import MessageShown, show_all
from app.pipeline import compose
from app.queries.messages import list_conversation
from app.queries.placement import conversation_id
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.idempotency import idempotency_key, request_digest
from app.web.shapes import Shape

TAG = "Direct messages"

Peer = Annotated[str, Field(min_length=1, max_length=2048)]
FileUrl = Annotated[str, Field(min_length=1, max_length=2048)]


class SendDirect(Params):
    """`attachments` are URLs of files that one has uploaded to this server, `reply_to` is the id of a message there."""

    peer: Peer
    message: str
    reply_to: Id | None = None
    attachments: Annotated[list[FileUrl], Field(json_schema_extra={"maxItems": MAX_ATTACHMENTS})] = Field(
        default_factory=list
    )


class LoadDirect(Params):
    peer: Peer
    page: PageNumber = 1
    messages_per_page: PageSize = 20


class DirectResult(Shape):
    """`delivered_remote` is true once the delivery is stored: from then on it is tried until it succeeds or expires.
    What is delivered here has no `activity_id` and no `delivery_target`."""

    conversation_id: str
    message_id: str
    delivered_local: bool
    delivered_remote: bool
    activity_id: str | UnsetType = UNSET
    delivery_target: str | UnsetType = UNSET


class DirectSent(Done):
    result: DirectResult


class DirectLoaded(Shape):
    status_code: int
    conversation_id: str
    peer_actor_uri: str
    messages: list[MessageShown]


@API.signed_in(
    "POST",
    "/api/v1/dms/send",
    params=SendDirect,
    answer=DirectSent,
    tag=TAG,
    summary="Send a direct message to somebody here or elsewhere",
    status=201,
    errors={404, 409, 422, 429},
    scope="message:write",
)
def send_direct(viewer: Viewer, params: SendDirect) -> DirectSent:
    if not (params.message.strip() or params.attachments):
        raise InvalidInputError("Direct message body cannot be empty")
    peer = resolve(viewer, params.peer)
    check_person(peer)
    conversation = conversation_id([viewer.uri, peer.uri])
    outcome = submit_carrying(
        viewer,
        params.attachments,
        get_attachments,
        lambda files: compose.direct_message(viewer, [peer], params.message, reply_to=params.reply_to, files=files),
        idempotency_key=idempotency_key(),
        request_digest=request_digest(params),
    )
    sent = get_sent(viewer, outcome, conversation_id=conversation)
    return DirectSent(
        status_code=201, message="Direct message sent", result=_result(sent.id, conversation, peer, outcome.uri)
    )


@API.signed_in(
    "GET",
    "/api/v1/dms/messages",
    params=LoadDirect,
    answer=DirectLoaded,
    tag=TAG,
    summary="A page of the conversation with somebody: page 1 has the newest, the oldest is first",
    errors={404},
    scope="message:read",
)
def load_direct(viewer: Viewer, params: LoadDirect) -> DirectLoaded:
    peer = find_known(params.peer)
    if peer is None or not is_person(peer):
        raise NotFoundError("Nobody is known here by that peer.")
    conversation = conversation_id([viewer.uri, peer.uri])
    with reading() as session:
        views = list_conversation(session, conversation, page=params.page, size=params.messages_per_page)
    return DirectLoaded(
        status_code=200,
        conversation_id=conversation,
        peer_actor_uri=peer.uri,
        messages=show_all(views),
    )


def _result(message_id: str, conversation: str, peer: Any, activity_uri: str) -> DirectResult:
    if peer.is_local:
        return DirectResult(
            conversation_id=conversation, message_id=message_id, delivered_local=True, delivered_remote=False
        )
    return DirectResult(
        conversation_id=conversation,
        message_id=message_id,
        delivered_local=False,
        delivered_remote=True,
        activity_id=activity_uri,
        delivery_target=peer.inbox,  # Never a shared one: the pipeline's address step says why.
    )
