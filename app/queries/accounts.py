"""Reads of accounts: who a token speaks for, whose password it is, and what people see of each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased

from activitypub.words import words_of
from app.db import rows_of
from app.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from app.models import (
    Account,
    Actor,
    Channel,
    Follow,
    FormerName,
    LoginAddress,
    LoginSession,
    NodeSession,
    OAuthSession,
    Participant,
    Role,
    RoleGrant,
    ToldPerson,
)
from app.queries.actors import ACCEPTED
from app.queries.home import HOME_ID
from app.queries.privileges import DEFAULT_ROLE, privileges_of
from app.queries.privileges import Role as RoleOf
from app.queries.roles import granted, role_of
from app.queries.scopes import scopes_of_node
from app.queries.server_settings import read_server_settings
from app.queries.viewers import Viewer
from app.queries.visibility import channel_is_visible
from app.sealing import address_digests

BANNED = "This account has been banned from this home instance."
WRONG_PASSWORD = "The provided password is incorrect. Please try again."  # noqa: S105  A sentence.
NAME_TAKEN = "username already exists. Please change it and try again later"
NO_SUCH_USER = "The provided user_id does not exist or could not be found."
MAX_LISTED = 1000

# What is read as what among the characters that a name may have (UTS 39, confusables). A name is shown in the case it
# was given in, so the letters are compared as they are: a capital I is read as l, a small i is not.
_READ_AS = (("I", "l"), ("1", "l"), ("0", "o"), ("rn", "m"))

_IS_GRANTED_AT_HOME = and_(RoleGrant.actor_id == Actor.id, RoleGrant.space_id == HOME_ID)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in is checked against."""

    actor_id: str
    password_hash: str = field(repr=False)
    is_banned: bool


class Profile(msgspec.Struct, frozen=True):
    """A person as others see them. `host` is None for ours; another server's person has no account here."""

    actor_id: str
    uri: str
    username: str
    host: str | None
    about: str | None
    avatar_url: str | None
    banner_url: str | None
    status: str
    roles: tuple[str, ...]
    own_roles: tuple[RoleOf, ...]
    space_id: str
    last_seen_at: datetime
    created_at: datetime
    updated_at: datetime
    banned_at: datetime | None
    ban_reason: str | None
    timed_out_until: datetime | None
    timeout_reason: str | None
    name: str = ""
    status_text: str | None = None
    is_indexed: bool = False
    bot_owner_id: str | None = None
    is_bot: bool = False

    @property
    def privileges(self) -> frozenset[str]:
        return privileges_of(self.roles).union(*(role.privileges for role in self.own_roles))


def find_viewer(
    session: Session, *, actor_id: str, session_id: str, scopes: frozenset[str] | None = None
) -> Viewer | None:
    """Who a token speaks for, in one query; None when the account is deleted or the login session was ended.

    A token with `scopes` of its own may do no more than those, and no more than its session.

    Raises ForbiddenError for a banned account.
    """
    rows = rows_of(session, _VIEWER, {"actor_id": actor_id, "session_id": session_id})
    if not rows:
        return None
    if rows[0].banned_at is not None:
        raise ForbiddenError(BANNED)
    return Viewer(
        actor_id=actor_id,
        uri=rows[0].uri,
        username=rows[0].username,
        roles=frozenset(_roles(row.role for row in rows)),
        session_id=session_id,
        scopes=_narrower(rows[0].scopes, scopes),
        granted=granted(rows),
    )


def find_node_viewer(session: Session, *, digest: str, now: datetime) -> Viewer | None:
    """Who a node's session speaks for, and what it may do; None when it ended. `digest` is of its token.

    Raises ForbiddenError for a banned account.
    """
    rows = session.execute(_NODE_VIEWER, {"digest": digest, "now": now}).all()
    if not rows:
        return None
    if rows[0].banned_at is not None:
        raise ForbiddenError(BANNED)
    return Viewer(
        actor_id=rows[0].id,
        uri=rows[0].uri,
        username=rows[0].username,
        roles=frozenset(_roles(row.role for row in rows)),
        scopes=scopes_of_node(rows[0].scopes),
        granted=granted(rows),
    )


def find_credentials(session: Session, username: str) -> Credentials | None:
    """Of a local account, whatever the case of the letters."""
    row = session.execute(
        select(Account.actor_id, Account.password_hash, Account.banned_at)
        .join(Actor, Actor.id == Account.actor_id)
        .where(Actor.local_name == username.lower(), Actor.deleted_at.is_(None), Account.bot_owner_id.is_(None))
    ).one_or_none()
    return None if row is None else Credentials(row.actor_id, row.password_hash, row.banned_at is not None)


def find_username(session: Session, address: str) -> str | None:
    """Whose e-mail address it is."""
    return session.scalar(
        select(Account.username)
        .join(LoginAddress, LoginAddress.actor_id == Account.actor_id)
        .where(LoginAddress.digest.in_(address_digests(address)))
    )


def get_credentials(session: Session, actor_id: str) -> Credentials:
    """Of an account that asks for something its token is not enough for. Raises NotFoundError."""
    account = session.get(Account, actor_id)
    if account is None:
        raise NotFoundError(NO_SUCH_USER)
    return Credentials(actor_id, account.password_hash, account.banned_at is not None)


def require_same_password(session: Session, proved: Credentials) -> None:
    """That what was proved still is: a password is compared before the transaction that it is for, and may have had to
    wait. Holds up whoever changes it meanwhile. Raises UnauthenticatedError."""
    known = select(Account.password_hash).where(Account.actor_id == proved.actor_id).with_for_update(key_share=True)
    if session.scalar(known) != proved.password_hash:
        raise UnauthenticatedError(WRONG_PASSWORD)


def has_accounts(session: Session) -> bool:
    return session.scalar(select(Account.actor_id).limit(1)) is not None


def is_full(session: Session) -> bool:
    """Whether there are as many local accounts as the staff allows, those that are banned among them."""
    limit = read_server_settings(session).max_users
    if limit is None:
        return False
    return session.execute(select(func.count()).select_from(Account)).scalar_one() >= limit


def is_name_taken(session: Session, username: str, *, by: str | None = None) -> bool:
    """Whether one of our actors, a channel among them, has or had the name, or one that is read as the same.

    Whoever asks `by` their own id is not told of their own names.
    """
    shown = func.coalesce(Account.username, Actor.local_name)
    look: ColumnElement[str] = shown
    for written, read in _READ_AS:
        look = func.replace(look, written, read)
    is_it = or_(Actor.local_name == username.lower(), func.lower(look) == look_of(username))
    others = (
        select(Actor.id)
        .outerjoin(Account, Account.actor_id == Actor.id)
        .where(Actor.local_name.is_not(None), Actor.id != (by or ""), is_it)
    )
    former = select(FormerName.actor_id).where(
        FormerName.local_name == username.lower(), FormerName.actor_id != (by or "")
    )
    return session.scalar(others.union(former).limit(1)) is not None


def look_of(username: str) -> str:
    """The same for two names that a reader could take for one another."""
    for written, read in _READ_AS:
        username = username.replace(written, read)
    return username.lower()


def get_profile(session: Session, actor_id: str) -> Profile:
    """Raises NotFoundError for whoever is deleted or is no person."""
    profiles = _profiles(session.execute(_select_profiles().where(Actor.id == actor_id)).all())
    if not profiles:
        raise NotFoundError(NO_SUCH_USER)
    return profiles[0]


def list_profiles(session: Session, viewer: Viewer) -> list[Profile]:
    """Our people, and those of other servers whom the viewer meets in a channel or a conversation.

    The first to come first.
    """
    mine, theirs = aliased(Participant), aliased(Participant)
    in_channels = (
        select(Follow.actor_id)
        .join(Channel, Channel.actor_id == Follow.target_id)
        .where(Follow.state == ACCEPTED, channel_is_visible(viewer))
    )
    in_conversations = (
        select(theirs.actor_id)
        .join(mine, mine.conversation_id == theirs.conversation_id)
        .where(mine.actor_id == viewer.actor_id)
    )
    people = (
        select(Actor.id)
        .outerjoin(Account, Account.actor_id == Actor.id)
        .where(
            Actor.deleted_at.is_(None),
            or_(Account.actor_id.is_not(None), Actor.id.in_(in_channels), Actor.id.in_(in_conversations)),
        )
        .order_by(Actor.id)
        .limit(MAX_LISTED)
    )
    query = _select_profiles().where(Actor.id.in_(people))
    return _profiles(session.execute(query, {"viewer_id": viewer.actor_id}).all())


def about_of(summary: str) -> str | None:
    """What another server's person says of themselves: HTML on the wire, plain text for clients."""
    return words_of(summary) or None if summary else None


def _select_profiles() -> Select[*tuple[Any, ...]]:
    """One row for each person and role."""
    return (
        select(Actor, Account, ToldPerson, RoleGrant.role, Role, HOME_ID.label("space_id"))
        .select_from(Actor)
        .outerjoin(Account, Account.actor_id == Actor.id)
        .outerjoin(ToldPerson, ToldPerson.actor_id == Actor.id)
        .outerjoin(RoleGrant, _IS_GRANTED_AT_HOME)
        .outerjoin(Role, Role.id == RoleGrant.role)
        .where(Actor.deleted_at.is_(None), Actor.type.in_(("Person", "Service")))
        .order_by(Actor.id)
    )


def _profiles(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Profile]:
    by_person: dict[str, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        by_person.setdefault(row.Actor.id, []).append(row)
    return [_profile(person) for person in by_person.values()]


def _profile(rows: list[Row[*tuple[Any, ...]]]) -> Profile:
    actor: Actor = rows[0].Actor
    account: Account | None = rows[0].Account
    own: Account | ToldPerson | None = account or rows[0].ToldPerson
    return Profile(
        actor_id=actor.id,
        uri=actor.uri,
        username=account.username if account else f"{actor.preferred_username}@{actor.host}",
        host=actor.host,
        about=account.about if account else about_of(actor.summary),
        avatar_url=actor.icon_url,
        banner_url=actor.image_url,
        status=own.status if own else "offline",
        roles=_roles(row.role for row in rows),
        own_roles=tuple(role_of(row.Role) for row in rows if row.Role is not None),
        space_id=rows[0].space_id,
        last_seen_at=account.last_seen_at if account else actor.updated_at,
        created_at=actor.created_at,
        updated_at=actor.updated_at,
        banned_at=account.banned_at if account else None,
        ban_reason=account.ban_reason if account else None,
        timed_out_until=account.timed_out_until if account else None,
        timeout_reason=account.timeout_reason if account else None,
        name=actor.name,
        status_text=own.status_text if own else None,
        is_indexed=account.is_indexed if account else actor.discoverable,
        bot_owner_id=own.bot_owner_id if own else None,
        is_bot=actor.type == "Service",
    )


def _narrower(granted: list[str] | None, asked: frozenset[str] | None) -> frozenset[str] | None:
    """What both allow; None allows everything."""
    if granted is None:
        return asked
    return frozenset(granted) if asked is None else asked.intersection(granted)


def _roles(granted: Iterable[str | None]) -> tuple[str, ...]:
    """Whoever was given no role has the one that everybody has."""
    return tuple(sorted(role for role in granted if role is not None)) or (DEFAULT_ROLE,)


# Every request with a token asks this, and building it costs as much as running it.
_VIEWER = (
    select(Actor.uri, Account.username, Account.banned_at, RoleGrant.role, Role.privileges, OAuthSession.scopes)
    .select_from(Actor)
    .join(Account, Account.actor_id == Actor.id)
    .join(LoginSession, LoginSession.actor_id == Actor.id)
    .outerjoin(OAuthSession, OAuthSession.session_id == LoginSession.id)
    .outerjoin(RoleGrant, _IS_GRANTED_AT_HOME)
    .outerjoin(Role, Role.id == RoleGrant.role)
    .where(
        Actor.id == bindparam("actor_id"),
        Actor.deleted_at.is_(None),
        LoginSession.id == bindparam("session_id"),
        LoginSession.revoked_at.is_(None),
    )
)
_NODE_VIEWER = (
    select(
        Actor.id, Actor.uri, Account.username, Account.banned_at, RoleGrant.role, Role.privileges, NodeSession.scopes
    )
    .select_from(Actor)
    .join(Account, Account.actor_id == Actor.id)
    .join(NodeSession, NodeSession.account_id == Actor.id)
    .outerjoin(RoleGrant, _IS_GRANTED_AT_HOME)
    .outerjoin(Role, Role.id == RoleGrant.role)
    .where(
        NodeSession.digest == bindparam("digest"),
        NodeSession.revoked_at.is_(None),
        NodeSession.expires_at > bindparam("now"),
        Actor.deleted_at.is_(None),
    )
)
