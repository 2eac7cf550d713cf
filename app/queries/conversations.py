"""Reads of conversations: who is in one, and the groups among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Account, Actor, Conversation, Participant


class Talker(NamedTuple):
    """Somebody in a conversation; `username` is with its host for who is of another server."""

    id: str
    username: str


class Talk(NamedTuple):
    """Who is in a conversation; `context` is a group's URI, and `thread` what another server calls one that is none."""

    people: Sequence[Actor]
    context: str | None
    thread: str | None


def find_conversation(session: Session, id: str) -> Conversation | None:
    return session.scalar(select(Conversation).where(Conversation.id == id))


def find_group(session: Session, uris: Collection[str]) -> Conversation | None:
    """The group that has one of these URIs, of whichever server."""
    return session.scalar(select(Conversation).where(Conversation.uri.in_(uris)).limit(1)) if uris else None


def lock_group(session: Session, uri: str | None) -> Conversation | None:
    """The same, held until the commit: those who change who is in it do so one after the other."""
    found = select(Conversation).where(Conversation.uri == (uri or ""))
    return session.scalar(found.with_for_update(key_share=True).execution_options(populate_existing=True))


def read_talk(session: Session, conversation_id: str | None) -> Talk:
    """Nobody for what is no conversation."""
    rows = (
        session.execute(
            select(Actor, Conversation.uri, Conversation.thread)
            .join(Participant, Participant.actor_id == Actor.id)
            .join(Conversation, Conversation.id == Participant.conversation_id)
            .where(Conversation.id == conversation_id)
            .order_by(Actor.id)
        ).all()
        if conversation_id
        else []
    )
    return Talk([row[0] for row in rows], rows[0][1], rows[0][2]) if rows else Talk([], None, None)


def list_participants(session: Session, conversation_id: str) -> list[Actor]:
    return list(
        session.scalars(
            select(Actor)
            .join(Participant, Participant.actor_id == Actor.id)
            .where(Participant.conversation_id == conversation_id)
            .order_by(Actor.id)
        )
    )


def list_with_arrival(session: Session, conversation_id: str) -> list[tuple[Actor, datetime | None]]:
    """Its people, each with when they were added; None for whoever was in it from its beginning."""
    rows = session.execute(
        select(Actor, Participant.added_at)
        .join(Participant, Participant.actor_id == Actor.id)
        .where(Participant.conversation_id == conversation_id)
        .order_by(Actor.id)
    )
    return [(row[0], row[1]) for row in rows]


def list_participants_elsewhere(session: Session, conversation_id: str) -> list[Actor]:
    return [person for person in list_participants(session, conversation_id) if not person.is_local]


def list_talkers(session: Session, conversation_id: str) -> Sequence[Talker]:
    """Its people, those that came to this server first at the beginning."""
    rows = session.execute(
        select(Actor.id, Account.username, Actor.preferred_username, Actor.host)
        .join(Participant, Participant.actor_id == Actor.id)
        .outerjoin(Account, Account.actor_id == Actor.id)
        .where(Participant.conversation_id == conversation_id)
        .order_by(Actor.id)
    )
    return [Talker(id_, username or f"{preferred}@{host}") for id_, username, preferred, host in rows]


def is_in(session: Session, conversation_id: str, actor_id: str) -> bool:
    found = select(Participant.actor_id).where(
        Participant.conversation_id == conversation_id, Participant.actor_id == actor_id
    )
    return session.scalar(found) is not None


def count_people(session: Session, conversation_id: str) -> int:
    counted = select(func.count()).select_from(Participant).where(Participant.conversation_id == conversation_id)
    return session.execute(counted).scalar_one()
