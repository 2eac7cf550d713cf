"""Request pings of another instance, each on behalf of its own accounts alone (contracts/punctum.md, 3.1 and 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from activitypub.errors import ActivityPubError
from activitypub.fetch import FetchBudget
from app.actions.peers import keeping
from app.actions.peers.calls import ask
from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.doing import deleted
from app.facades.punctum.joining import NOT_ITS_ACCOUNT, let_in
from app.facades.punctum.keys import REPORT
from app.facades.punctum.problems import (
    MissingKeyError,
    MissingObjectError,
    NoDataError,
    UnknownReferenceError,
    WrongTypeError,
    WrongValueError,
)
from app.facades.punctum.taking import Taking
from app.facades.punctum.values import TEXT, Schema
from app.pipeline import compose
from app.queries.actors import find_by_id, get_actor, get_by_id
from app.queries.objects import Found, FoundConversation, behind, may_read
from app.queries.peers import find_home, find_origin
from app.queries.punctum.federated import show_for
from app.queries.punctum.shortcodes import is_shortcode, to_sign
from app.queries.punctum.shown import Shown
from app.queries.reactions import find_own
from app.queries.reports import find_open_report
from app.queries.viewers import Viewer, remote_viewer
from app.web.admission import waiting

_NOT_ITS_HOME: Final = "Only its own instance deletes this."


class Ping(msgspec.Struct, frozen=True):
    """A request of `signer`, an instance; `target` is what it is about."""

    signer: Viewer
    taking: Taking
    target: Found
    raw: Mapping[str, Any]

    @property
    def domain(self) -> str:
        return self.taking.sender

    @property
    def data(self) -> Mapping[str, Any]:
        """Raises NoDataError."""
        data = self.raw.get("request_data")
        if not isinstance(data, Mapping) or not data:
            raise NoDataError("request_data: a JSON object is needed.")
        return data

    def source(self) -> Found:
        """Whom it acts for. Raises MissingKeyError, and ForbiddenError for whoever is not of that instance."""
        given = self.raw.get("request_source_user")
        if given is None:
            raise MissingKeyError("request_source_user")
        found = self.taking.find(given)
        if found is None:
            raise UnknownReferenceError("request_source_user")
        if found.kind != "account" or found.value.host != self.domain:
            raise ForbiddenError(NOT_ITS_ACCOUNT)
        return found


def answer_ping(signer: Viewer, raw: Mapping[str, Any]) -> Shown:
    """Raises WrongTypeError for a method there is not, MissingKeyError without a target, MissingObjectError for one
    that is unknown, and what the methods raise."""
    method = raw.get("request_method", raw.get("request_type"))
    handler = _METHODS.get(method) if isinstance(method, str) else None
    if raw.get("ping_type") != "client_request" or handler is None:
        raise WrongTypeError("request_method: not one that an instance may ask for.")
    target_id = raw.get("request_target_id")
    if target_id is None:
        raise MissingKeyError("request_target_id")
    taking = Taking(signer.host or "")
    target = taking.find(target_id)
    if target is None:
        raise MissingObjectError
    return handler(Ping(signer, taking, target, raw))


def _join(ping: Ping) -> Shown:
    if ping.target.kind != "invite":
        raise WrongTypeError
    return let_in(ping.domain, ping.target, ping.source())


def _block(ping: Ping) -> Shown:
    if ping.target.kind != "account":
        raise WrongTypeError
    source = ping.source()
    with reading() as session:
        actor, person = get_by_id(session, source.id), get_by_id(session, ping.target.id)
    if not person.is_local:
        raise ForbiddenError("This account is at home elsewhere.")
    keeping.do_as(compose.told_block(actor, person))
    return deleted(ping.target.id)


def _react(ping: Ping) -> Shown:
    """The same once more takes it back; `is_set`, which is ours, says which of the two is wanted, so that a request
    that comes twice does not."""
    if ping.target.kind != "message":
        raise WrongTypeError
    reaction, is_set = ping.data.get("reaction"), ping.data.get("is_set")
    if reaction is None:
        raise MissingKeyError("reaction")
    if not isinstance(reaction, str) or not is_shortcode(reaction):
        raise WrongValueError("reaction", "a shortcode")
    source, sign = ping.source(), to_sign(reaction)
    _check_is_ours(ping)
    with reading() as session:
        actor, own = get_by_id(session, source.id), find_own(session, ping.target.id, source.id, sign)
    uri = ping.target.value.message.uri
    if own is None and is_set is not False:
        keeping.do_as(compose.told_reaction(actor, uri, sign))
    elif own is not None and is_set is not True:
        keeping.do_as(compose.told_reaction_taken_back(actor, uri, sign, activity_uri=own.activity_uri))
    with reading() as session:
        shown = show_for(session, ping.domain, [ping.target.id])
    return {"reactions": shown[0].get("reactions", []) if shown else []}


def _check_is_ours(ping: Ping) -> None:
    """In a channel elsewhere its home decides who reacts, in a conversation who is in it. Raises ForbiddenError."""
    channel = ping.target.value.channel
    with reading() as session:
        is_elsewhere = channel is not None and find_home(session, channel.space_id or "") is not None
    if is_elsewhere:
        raise ForbiddenError("This channel is at home elsewhere.")


def _report(ping: Ping) -> Shown:
    """By the account that is named or, where none is, by the instance."""
    if ping.target.kind in ("instance", "report"):
        raise WrongTypeError
    data = ping.raw.get("request_data") or {}
    if not isinstance(data, Mapping):
        raise WrongValueError("request_data", "a JSON object")
    note = REPORT.of_new(data).get("note", "")
    has_source = ping.raw.get("request_source_user") is not None
    source = ping.source() if has_source else None
    with reading() as session:
        actor = get_by_id(session, source.id) if source else get_actor(session, ping.signer.uri)
        asker = remote_viewer(actor)
        if not may_read(session, asker, ping.target):
            raise MissingObjectError
        person = get_by_id(session, behind(session, ping.target))
        known = find_open_report(session, actor.id, ping.target.id)
    if known is not None:
        return deleted(known)
    uris = [person.uri]
    if ping.target.kind == "message":
        uris.append(ping.target.value.message.uri)
    found = keeping.do_as(compose.told_report(actor, uris, note), private={"object_id": ping.target.id})
    return deleted(str(found["report_id"]))


def _delete(ping: Ping) -> Shown:
    """By the home of the object or of the conference that it is in; a membership also by the home of the member, who
    then has left."""
    target = ping.target
    if target.kind == "instance":
        raise ForbiddenError("An instance is not deleted.")
    with reading() as session:
        origin = find_origin(session, target.id)
        space_home = find_home(session, target.space_id) if target.space_id else None
    is_from_home = origin is not None and origin.domain == ping.domain
    if isinstance(target.value, FoundConversation):
        return _leave_conversation(ping)
    if target.kind == "conference_member" and space_home is None:
        return _leave(ping)
    if not is_from_home and space_home != ping.domain:
        raise ForbiddenError(_NOT_ITS_HOME)
    if target.kind == "message":
        _delete_message(ping)
    elif target.kind == "account" and is_from_home:
        with reading() as session:
            actor = get_by_id(session, target.id)
        keeping.do_as(compose.told_deletion(actor, actor.uri, actor.type))
    elif is_from_home:
        actor_id = target.value.actor_id if target.kind == "conference_member" else None
        keeping.forget(target.kind, target.id, ping.domain, space_id=target.space_id, actor_id=actor_id)
    else:
        raise ForbiddenError(_NOT_ITS_HOME)
    keeping.mark_deleted(target.id, ping.domain)
    return deleted(target.id)


def _delete_message(ping: Ping) -> None:
    """Of its author, or by the channel, whose home moderates it."""
    message = ping.target.value.message
    with reading() as session:
        author, group = get_by_id(session, message.author_id), find_by_id(session, message.channel_id or "")
    is_by_author = author.host == ping.domain
    actor = author if is_by_author else group
    if actor is None or actor.host != ping.domain:
        raise ForbiddenError(_NOT_ITS_HOME)
    keeping.do_as(compose.told_deletion(actor, message.uri, "Note"), via=group)


def _leave(ping: Ping) -> Shown:
    source = ping.source()
    if ping.target.value.actor_id != source.id:
        raise ForbiddenError(NOT_ITS_ACCOUNT)
    with reading() as session:
        actor, space = get_by_id(session, source.id), get_by_id(session, ping.target.space_id or "")
    keeping.do_as(compose.told_leaving(actor, space.uri))
    return deleted(ping.target.id)


def _leave_conversation(ping: Ping) -> Shown:
    """One of the instance's people leaves a group; what is none follows from who is in it."""
    source, conversation = ping.source(), ping.target.value
    if not conversation.is_group:
        raise ForbiddenError("Only a group is left.")
    with reading() as session:
        actor = get_by_id(session, source.id)
    keeping.do_as(compose.told_leaving(actor, conversation.uri))
    return deleted(ping.target.id)


def _patch(ping: Ping) -> Shown:
    """What its home has changed is read there, whatever the request says of it."""
    _ = ping.data
    with reading() as session:
        origin = find_origin(session, ping.target.id)
    if origin is None or origin.domain != ping.domain:
        raise ForbiddenError("Only its own instance changes this.")
    try:
        with waiting():
            raw = ask(origin.domain, f"/id/{origin.id}", budget=FetchBudget(4))
    except ActivityPubError:
        raw = None
    if raw is None:
        raise MissingObjectError
    local_id = ping.taking.take(raw)
    with reading() as session:
        shown = show_for(session, ping.domain, [local_id])
    return shown[0] if shown else deleted(local_id)


_METHODS: Final[Mapping[str, Callable[[Ping], Shown]]] = {
    "JOIN": _join,
    "BLOCK": _block,
    "REACT": _react,
    "REPORT": _report,
    "DELETE": _delete,
    "PATCH": _patch,
}
PING: Final[Schema] = {
    "type": "object",
    "properties": {
        "type": {"const": "ping"},
        "ping_type": {"const": "client_request"},
        "request_method": {"enum": list(_METHODS)},
        "request_target_id": TEXT,
        "request_source_user": TEXT,
        "request_data": {"type": "object"},
    },
    "required": ["type", "ping_type", "request_method", "request_target_id"],
}
