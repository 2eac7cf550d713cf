"""Accounts: one's own, others', bots, blocks and friends (contracts/punctum.md, 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.actions.accounts import check_free
from app.actions.bots import check_recipient, make_bot
from app.actions.moderation import check_rank_over
from app.actions.presence import set_status
from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data, digest_of_request
from app.facades.punctum.doing import at_once, deleted, do, make_at_once, refer, show_id, show_made, shown_before
from app.facades.punctum.instances import is_signed, show_to_instance
from app.facades.punctum.keys import ACCOUNT
from app.facades.punctum.problems import MissingObjectError, ReadOnlyError, WrongReferenceError
from app.facades.punctum.scopes import allow, allow_all
from app.pipeline import Made, compose
from app.queries.accounts import get_profile, is_name_taken
from app.queries.actors import find_block_of, find_follow, find_local, get_by_id
from app.queries.objects import Found, find_object
from app.queries.punctum.shown import Shown, show
from app.queries.viewers import Viewer
from app.web.idempotency import idempotency_key

_STATUSES: Final = ("offline", "online", "afk", "dnd")


@route("GET", "/accounts", scope="account:read", answers="account")
def get_own_account(ask: Ask) -> Shown:
    return show_id(ask.viewer, ask.viewer.actor_id)


@route("POST", "/accounts", scope="account:write", status=201, answers="account")
def post_account(ask: Ask) -> Shown:
    """A bot of the caller's: a login is made at /auth/sign_up alone."""
    return create(ask.viewer, ask.data("account"))


def create(viewer: Viewer, data: Data) -> Shown:
    """What the same request made before is left as it is by now: it may be somebody else's."""
    given = ACCOUNT.of_new(data)
    for key in ("blocklist", "joined_conferences", "bot_owner"):
        given.pop(key, None)
    username, status = given.pop("username"), given.pop("short_status", None)

    def make() -> Made:
        made = make_bot(viewer, username, idempotency_key=idempotency_key(), request_digest=digest_of_request())
        if not made.is_repeat:
            bot = _as_bot(made.id)
            _describe(bot, dict(given))
            _set_status(bot, status)
        return made

    return show_made(viewer, make_at_once(make))


@route("GET", "/accounts/{id}", scope="account:read", is_open=True, answers="account", signed="may")
def get_account(ask: Ask) -> Shown:
    if is_signed():
        return show_to_instance(ask)
    with reading() as session:
        return show(session, ask.asker, ask.find_in(session, "account"))


@route("PATCH", "/accounts/{id}", scope="account:write", answers="account")
def patch_account(ask: Ask) -> Shown:
    return change(ask, ask.find("account"))


@route("DELETE", "/accounts/{id}", scope="account:write")
def delete_account(ask: Ask) -> Shown:
    return remove(ask, ask.find("account"))


@route("GET", "/accounts/by-name/{name}", scope="account:read", is_open=True, answers="account")
def get_account_by_name(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.asker, _by_name(ask))


@route("PATCH", "/accounts/by-name/{name}", scope="account:write", answers="account")
def patch_account_by_name(ask: Ask) -> Shown:
    return change(ask, _by_name(ask))


@route("DELETE", "/accounts/by-name/{name}", scope="account:write")
def delete_account_by_name(ask: Ask) -> Shown:
    return remove(ask, _by_name(ask))


@route("POST", "/accounts/{id}/block", scope="account:write")
def post_block(ask: Ask) -> Shown:
    return block(ask.viewer, ask.find("account"))


@route("POST", "/accounts/by-name/{name}/block", scope="account:write")
def post_block_by_name(ask: Ask) -> Shown:
    return block(ask.viewer, _by_name(ask))


@route("DELETE", "/accounts/{id}/block", scope="account:write")
def delete_block(ask: Ask) -> Shown:
    found = ask.find("account")
    _unblock(ask.viewer, found.id)
    return deleted(found.id)


@route("POST", "/accounts/{id}/friend", scope="account:write")
def post_friend(ask: Ask) -> Shown:
    """Friends are who follow one another: the other answers in the same way."""
    found = ask.find("account")
    if found.id == ask.viewer.actor_id:
        raise ForbiddenError("Nobody is their own friend.")
    with reading() as session:
        target = get_by_id(session, found.id)
        known = find_follow(session, ask.viewer.actor_id, found.id)
    if known is None:
        do(compose.follow(ask.viewer, target))
    return deleted(found.id)


@route("DELETE", "/accounts/{id}/friend", scope="account:write")
def delete_friend(ask: Ask) -> Shown:
    found = ask.find("account")
    with reading() as session:
        target = get_by_id(session, found.id)
        known = find_follow(session, ask.viewer.actor_id, found.id)
    if known is not None:
        do(compose.unfollow(ask.viewer, target))
    return deleted(found.id)


def change(ask: Ask, found: Found) -> Shown:
    actor = _writer(ask.viewer, found)
    before = shown_before(ask, found)
    changes = ACCOUNT.of_change(ask.data(), before)
    blocklist, joined = changes.pop("blocklist", None), changes.pop("joined_conferences", None)
    if "bot_owner" in changes:
        _check_new_owner(ask.viewer, found, changes["bot_owner"])
    status = changes.pop("short_status", None)
    with at_once():
        if joined is not None:
            _leave_others(actor, joined, before.get("joined_conferences", {}))
        if blocklist is not None:
            _set_blocklist(actor, blocklist, before.get("blocklist", []))
        if changes:
            _describe(actor, changes)
        _set_status(actor, status)
    return show_id(ask.viewer, found.id)


def remove(ask: Ask, found: Found) -> Shown:
    """One's own bot, or as an admin anybody's account, which stays as a tombstone."""
    viewer = ask.viewer
    is_own_bot = found.value.bot_owner_id == viewer.actor_id
    if not (is_own_bot or found.id == viewer.actor_id or viewer.has("delete_users")):
        raise ForbiddenError("You may not delete this account.")
    if found.id == viewer.actor_id:
        allow_all(viewer)
    elif not is_own_bot:
        allow(viewer, "instance:modify")
        check_rank_over(viewer, found.id)
    if found.value.roles and "owner" in found.value.roles:
        raise ForbiddenError("The owner of the server cannot be deleted.")
    with reading() as session:
        actor = get_by_id(session, found.id)
    do(compose.account_deletion(actor))
    return deleted(found.id)


def block(viewer: Viewer, found: Found) -> Shown:
    if found.id == viewer.actor_id:
        raise ForbiddenError("Nobody blocks themselves.")
    with reading() as session:
        target = get_by_id(session, found.id)
        known = find_block_of(session, viewer.actor_id, found.id)
    if known is None:
        do(compose.account_block(viewer, target))
    return deleted(found.id)


def _unblock(viewer: Viewer, actor_id: str) -> None:
    with reading() as session:
        known = find_block_of(session, viewer.actor_id, actor_id)
        target = get_by_id(session, actor_id) if known else None
    if known is not None and target is not None:
        do(compose.account_block_lifted(viewer, target, known.activity_uri))


def _check_new_owner(viewer: Viewer, found: Found, owner_id: str) -> None:
    """A bot is given to a person who takes it, and nobody else has an owner. Raises ReadOnlyError, WrongReferenceError,
    ForbiddenError."""
    if found.value.bot_owner_id is None:
        raise ReadOnlyError("bot_owner")
    owner = refer(viewer, "bot_owner", owner_id, {"account"}).value
    if owner.is_bot or owner.host is not None:
        raise WrongReferenceError("bot_owner")
    check_recipient(viewer, owner_id)


def _set_blocklist(viewer: Viewer, wanted: list[str], before: list[str]) -> None:
    for actor_id in wanted:
        if actor_id not in before:
            block(viewer, refer(viewer, "blocklist", actor_id, {"account"}))
    for actor_id in before:
        if actor_id not in wanted:
            _unblock(viewer, actor_id)


def _leave_others(viewer: Viewer, wanted: Mapping[str, Any], before: Mapping[str, str]) -> None:
    """What is taken out is left; what is added is not joined by this."""
    if any(before.get(space_id) != member_id for space_id, member_id in wanted.items()):
        raise ReadOnlyError("joined_conferences")
    for space_id in before:
        if space_id not in wanted:
            do(compose.leaving(viewer, space_id))


def _describe(viewer: Viewer, changes: dict[str, Any]) -> None:
    """By one activity, of what others are told."""
    values: dict[str, Any] = {}
    if "status" in changes:
        values["status_text"] = changes.pop("status")
    if "index_user" in changes:
        values["is_indexed"] = changes.pop("index_user")
    if "bot_owner" in changes:
        values["bot_owner_id"] = changes.pop("bot_owner")
    if not (changes or values):
        return
    username = changes.get("username")
    if username is not None:
        with reading() as session:
            taken = is_name_taken(session, username, by=viewer.actor_id)
        check_free(username, taken=taken, is_owner="owner" in viewer.roles)
    activity, private = compose.profile(
        viewer,
        username=username,
        about=(changes["bio"] or "") if "bio" in changes else None,
        display_name=_name_of(viewer, changes) if "display_name" in changes else None,
    )
    do((activity, {**private, "values": values, "access": {"status": None}}))


def _set_status(viewer: Viewer, status: int | None) -> None:
    if status is not None:
        set_status(viewer.actor_id, _STATUSES[status])


def _name_of(viewer: Viewer, changes: Mapping[str, Any]) -> str:
    """Who has no name of their own is shown under the username."""
    with reading() as session:
        username = get_profile(session, viewer.actor_id).username
    return str(changes["display_name"] or changes.get("username") or username)


def _by_name(ask: Ask) -> Found:
    """A local username (contracts/punctum.md, 2.4). Raises MissingObjectError."""
    with reading() as session:
        actor = find_local(session, ask.name().lower())
        found = find_object(session, actor.id) if actor else None
    if found is None or found.kind != "account":
        raise MissingObjectError
    return found


def _writer(viewer: Viewer, found: Found) -> Viewer:
    """Who acts: the viewer, or their bot. Raises ForbiddenError."""
    if found.id == viewer.actor_id:
        return viewer
    if found.value.bot_owner_id != viewer.actor_id:
        raise ForbiddenError("This is not your account.")
    return _as_bot(found.id)


def _as_bot(bot_id: str) -> Viewer:
    with reading() as session:
        actor = get_by_id(session, bot_id)
    return Viewer(actor.id, actor.uri, actor.preferred_username)
