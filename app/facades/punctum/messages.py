"""Messages and the reactions to them (contracts/punctum.md, 2.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from activitypub.attachments import Attachment
from activitypub.documents import Activity
from app.db import reading
from app.errors import ForbiddenError, NotFoundError
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import (
    at_once,
    deleted,
    do,
    get_found,
    make,
    make_at_once,
    refer,
    show_id,
    show_made,
    shown_before,
)
from app.facades.punctum.keys import MESSAGE
from app.facades.punctum.problems import (
    MissingKeyError,
    NotPartOfError,
    WrongReferenceError,
    WrongValueError,
)
from app.facades.punctum.scopes import allow
from app.facades.punctum.shapes import body, new
from app.facades.punctum.values import TEXTS, Schema, text
from app.pipeline import Made, compose
from app.pipeline.submit import Draft
from app.queries.objects import Found, FoundConversation, may_remove
from app.queries.punctum.shortcodes import is_shortcode, to_shortcode, to_sign
from app.queries.punctum.shown import Shown, show
from app.queries.reactions import find_own
from app.queries.viewers import Viewer
from app.settings import current

_WITHOUT_MESSAGES: Final = frozenset({"category", "voice"})
_SHORTCODE: Final = text(64, least=1)
REACTIONS: Final[Schema] = {"type": "object", "properties": {"reactions": TEXTS}, "required": ["reactions"]}


@route(
    "POST",
    "/messages",
    scope="message:write",
    status=201,
    answers="message",
    takes=new("message", lacking=("content",)),
)
def post_message(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("message"))


def create(viewer: Viewer, data: Data) -> Shown:
    if data.get("parent_channel") is None:
        raise MissingKeyError("parent_channel")
    _content_of(data)
    channel = refer(viewer, "parent_channel", data["parent_channel"], {"channel"})
    return create_in(viewer, channel, data)


def create_in(viewer: Viewer, channel: Found, data: Data) -> Shown:
    """In the channel of the path, whatever the data say."""
    given = _content_of({**data, "parent_channel": channel.id})
    text, links = given["content"], [_link(url) for url in given.get("attached_files", [])]
    embeds = given.get("embeds", [])
    if embeds:
        allow(viewer, "message:embed")
    if given.get("pinned"):
        allow(viewer, "message:moderate")
    if not isinstance(channel.value, FoundConversation) and channel.value.type in _WITHOUT_MESSAGES:
        raise WrongReferenceError("parent_channel")
    reply_to = given.get("reply_to")
    if reply_to is not None:
        _check_parent(viewer, reply_to, channel.id)
    draft = Draft(viewer.uri, lambda: _compose(viewer, channel, text, reply_to=reply_to, links=links, embeds=embeds))
    try:
        made = _send(viewer, channel, (draft, {"embeds": embeds}), is_pinned=given.get("pinned", False))
    except NotFoundError as error:
        raise ForbiddenError("You may not write in this channel.") from error
    return show_made(viewer, made)


def _content_of(data: Data) -> dict[str, Any]:
    """What a message says, which may be nothing where something is attached. Raises what `of_new` does."""
    is_carrying = bool(data.get("attached_files") or data.get("embeds"))
    if data.get("content") is None and not is_carrying:
        raise MissingKeyError("content")
    given = MESSAGE.of_new({"content": "", **data})
    if not (given["content"].strip() or is_carrying):
        raise WrongValueError("content", "a text, where nothing is attached")
    return given


def _send(viewer: Viewer, channel: Found, composed: tuple[Draft, Mapping[str, Any]], *, is_pinned: bool) -> Made:
    """The message; one to be pinned is not sent by who may not pin it."""

    def send_and_pin() -> Made:
        made = make(composed)
        if not made.is_repeat:
            set_pinned(viewer, channel, made.id, is_pinned=True)
        return made

    return make_at_once(send_and_pin) if is_pinned else make(composed)


def _compose(viewer: Viewer, channel: Found, text: str, **more: Any) -> Activity:
    """`more` is what is attached, and what it replies to."""
    if isinstance(channel.value, FoundConversation):
        return compose.conversation_message(viewer, channel.id, text, **more)
    return compose.channel_message(viewer, channel.id, text, **more)


@route("GET", "/messages/{id}", scope="message:read", answers="message")
def get_message(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.viewer, ask.find_in(session, "message"))


@route("PATCH", "/messages/{id}", scope="message:write", answers="message")
def patch_message(ask: Ask) -> Shown:
    return change(ask, ask.find("message"))


@route("DELETE", "/messages/{id}", scope="message:write")
def delete_message(ask: Ask) -> Shown:
    return remove(ask, ask.find("message", may=may_remove))


@route(
    "POST",
    "/messages/{id}/react",
    scope="message:write",
    answers=REACTIONS,
    takes=body("reaction", reaction=_SHORTCODE),
)
def post_reaction(ask: Ask) -> Shown:
    return react(ask.viewer, ask.find("message"), ask.data())


def change(ask: Ask, found: Found) -> Shown:
    viewer, message = ask.viewer, found.value.message
    data = ask.data()
    is_author = message.author_id == viewer.actor_id
    if not is_author and not data.keys() <= {"pinned", "reactions", "object_type", "type", "id"}:
        raise ForbiddenError("Only its author may edit a message.")
    before = shown_before(ask, found)
    changes = MESSAGE.of_change(data, before)
    if changes.get("reply_to") is not None:
        _check_reply(viewer, found, changes["reply_to"])
    with at_once():
        if "reactions" in changes:
            _set_reactions(viewer, found, changes.pop("reactions") or [], before.get("reactions", []))
        if "pinned" in changes:
            is_pinned = bool(changes.pop("pinned"))
            channel = message.channel_id or message.conversation_id
            place = refer(viewer, "parent_channel", channel, {"channel"})
            set_pinned(viewer, place, found.id, is_pinned=is_pinned)
        if changes:
            _edit(viewer, found.id, changes)
    return show_id(viewer, found.id)


def _edit(viewer: Viewer, message_id: str, edits: Mapping[str, Any]) -> None:
    links = [_link(url) for url in edits["attached_files"] or []] if "attached_files" in edits else None
    if "embeds" in edits:
        allow(viewer, "message:embed")
    embeds = edits["embeds"] or [] if "embeds" in edits else None
    reply_to = edits.get("reply_to", ...)
    activity = compose.edit(viewer, message_id, edits.get("content"), links=links, embeds=embeds, reply_to=reply_to)
    do((activity, {} if embeds is None else {"embeds": embeds}))


def remove(ask: Ask, found: Found) -> Shown:
    do(compose.deletion(ask.viewer, found.id))
    return deleted(found.id)


def react(viewer: Viewer, found: Found, data: Data) -> Shown:
    """The same once more takes it back; all reactions that there are then."""
    reaction = data.get("reaction")
    if reaction is None:
        raise MissingKeyError("reaction")
    if not isinstance(reaction, str) or not is_shortcode(reaction):
        raise WrongValueError("reaction", "a shortcode")
    _toggle(viewer, found.id, to_sign(reaction))
    with reading() as session:
        return {"reactions": show(session, viewer, get_found(session, found.id)).get("reactions", [])}


def _toggle(viewer: Viewer, message_id: str, sign: str) -> None:
    with reading() as session:
        own = find_own(session, message_id, viewer.actor_id, sign)
    if own is None:
        do(compose.reaction(viewer, message_id, sign))
    else:
        do(compose.reaction_taken_back(viewer, message_id, sign))


def _set_reactions(viewer: Viewer, found: Found, wanted: Sequence[Any], before: Sequence[str]) -> None:
    """As the viewer's own toggles; others' reactions are others' (contracts/punctum.md, 6, H-36)."""
    if not all(isinstance(one, str) and is_shortcode(one) for one in wanted):
        raise WrongValueError("reactions", "a list of shortcodes")
    after, now = Counter(to_shortcode(to_sign(one)) for one in wanted), Counter(before)
    changed = {one for one in {*after, *now} if after[one] != now[one]}
    with reading() as session:
        own = {one for one in changed if find_own(session, found.id, viewer.actor_id, to_sign(one)) is not None}
    for one in changed:
        if after[one] - now[one] != (-1 if one in own else 1):
            raise ForbiddenError("Only your own reactions are yours to change.")
    for one in changed:
        _toggle(viewer, found.id, to_sign(one))


def set_pinned(viewer: Viewer, channel: Found, message_id: str, *, is_pinned: bool) -> None:
    allow(viewer, "message:moderate")
    if isinstance(channel.value, FoundConversation):
        raise ForbiddenError("Nothing is pinned in a conversation.")
    do(compose.pin(viewer, channel.id, message_id, is_pinned=is_pinned))


def _check_reply(viewer: Viewer, found: Found, reply_to: str) -> None:
    """Raises what `_check_parent` does, and WrongValueError for an answer to itself."""
    if reply_to == found.id:
        raise WrongValueError("reply_to", "another message")
    message = found.value.message
    _check_parent(viewer, reply_to, message.channel_id or message.conversation_id)


def _check_parent(viewer: Viewer, reply_to: str, channel_id: str) -> None:
    """Raises UnknownReferenceError, WrongReferenceError, NotPartOfError."""
    parent = refer(viewer, "reply_to", reply_to, {"message"})
    message = parent.value.message
    if channel_id not in (message.channel_id, message.conversation_id):
        raise NotPartOfError("reply_to: a message of another channel.")


def _link(url: str) -> Attachment:
    """A path is one of ours, as uploading answers."""
    url = current().origin + url if url.startswith("/") else url
    return Attachment(url, name=url.rpartition("/")[2][:255])
