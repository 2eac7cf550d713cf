"""Reads of reactions, for those that take them back."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from activitypub.documents import Activity
from activitypub.uris import domain_of
from app.models import Actor, Reaction
from app.queries.actors import is_below
from app.queries.messages import find_by_uri

# What a Like without an emoji is shown as.
HEART: Final = "❤"
MAX_EMOJI_LENGTH: Final = 64
MOST_BY_ONE: Final = 20
"""Reactions of one actor to one message."""
MOST_BY_DOMAIN: Final = 1000
"""Those of a domain's servers together, which may have any number of actors: all are shown with the message."""
NEAREST: Final = 5 * MOST_BY_DOMAIN
"""Among how many to each side a domain's are counted, or each would cost more, the more there are."""
_SHORTCODE: Final = re.compile(r":[\w.+@-]+:")
_LETTER_AS_EMOJI: Final = "\N{INFORMATION SOURCE}"
_JOINERS: Final = frozenset("\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}")
_TAGS: Final = range(0xE0020, 0xE0080)  # What the flags of Scotland and Wales are spelt with.


def is_emoji(text: str) -> bool:
    """Whether it is a sign, or the name of one between colons."""
    if len(text) > MAX_EMOJI_LENGTH:
        return False
    is_sign = not text.isascii() and all(map(_is_of_an_emoji, text))
    return is_sign or _SHORTCODE.fullmatch(text) is not None


def read_emoji(content: str | None) -> str:
    """What a reaction with this content is shown as. One with words is a plain like: a message is said elsewhere."""
    text = (content or "").strip()
    return text if is_emoji(text) else HEART


def has_reacted_enough(session: Session, message_id: str, actor_id: str, *, besides: str) -> bool:
    """Whether another one, `besides`, would be too many; it may be there already."""
    given = select(func.count()).where(
        Reaction.message_id == message_id, Reaction.actor_id == actor_id, Reaction.emoji != besides
    )
    return (session.scalar(given) or 0) >= MOST_BY_ONE


def has_domain_reacted_enough(session: Session, message_id: str, actor: Actor) -> bool:
    """Whether another one of somebody else's server would be too many of its domain.

    Where very many reacted, they are counted among those whom we know about as long as the actor.
    """
    if actor.host is None:
        return False
    of_message = select(Reaction.actor_id).where(Reaction.message_id == message_id)
    first = of_message.limit(MOST_BY_DOMAIN).subquery()
    if (session.scalar(select(func.count()).select_from(first)) or 0) < MOST_BY_DOMAIN:
        return False
    before = of_message.where(Reaction.actor_id <= actor.id).order_by(Reaction.actor_id.desc()).limit(NEAREST)
    after = of_message.where(Reaction.actor_id > actor.id).order_by(Reaction.actor_id).limit(NEAREST)
    near = union_all(select(before.subquery()), select(after.subquery())).subquery()
    # Not as a join: PostgreSQL expects few actors of the domain, and would look for them among all that there are.
    of_domain = select(Actor.id).where(Actor.id == near.c.actor_id, is_below(domain_of(actor.host))).scalar_subquery()
    return (session.scalar(select(func.count(of_domain)).select_from(near)) or 0) >= MOST_BY_DOMAIN


def find_reaction(session: Session, undo: Activity, actor: Actor) -> Reaction | None:
    """The actor's own reaction that its Undo names: by the URI of its Like, or by what the Undo repeats of it."""
    named = undo.object
    if named.id:
        reaction = session.scalar(
            select(Reaction).where(Reaction.activity_uri == named.id, Reaction.actor_id == actor.id)
        )
        if reaction is not None:
            return reaction
    message = find_by_uri(session, named.object_id) if isinstance(named, Activity) else None
    if message is None or not isinstance(named, Activity):
        return None
    return find_own(session, message.id, actor.id, named.content)


def find_own(session: Session, message_id: str, actor_id: str, emoji: str | None) -> Reaction | None:
    """The actor's reaction with this emoji; without one, its heart."""
    return session.scalar(
        select(Reaction).where(
            Reaction.message_id == message_id, Reaction.actor_id == actor_id, Reaction.emoji == read_emoji(emoji)
        )
    )


def list_reactions_from_elsewhere(session: Session, message_id: str) -> list[tuple[Reaction, Actor]]:
    """Those of other servers' people, each with who it is by."""
    query = select(Reaction, Actor).join(Actor, Actor.id == Reaction.actor_id)
    rows = session.execute(query.where(Reaction.message_id == message_id, Actor.host.is_not(None)))
    return [(row.Reaction, row.Actor) for row in rows]


def _is_of_an_emoji(character: str) -> bool:
    """Anything but words, spaces and what is not seen: which signs are emoji, the clients know better than we do."""
    if character in _JOINERS or character == _LETTER_AS_EMOJI or ord(character) in _TAGS:
        return True
    category = unicodedata.category(character)
    return category[0] not in "LZ" and category not in {"Cc", "Cf", "Co", "Cs", "Mc", "Mn"}
