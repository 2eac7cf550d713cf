"""Reads of the inboxes elsewhere that are told what an actor says, as every message asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, literal, select
from sqlalchemy.orm import Session, aliased

from activitypub.uris import domain_of, host_of
from app.act import Inbox
from app.db import rows_of
from app.insertion import LOOKS_ELSEWHERE
from app.models import Follow
from app.queries.actors import ACCEPTED

MOST_INBOXES_OF_DOMAIN: Final = 500
FEW_FOLLOWERS: Final = 1000
_FIRST: Final = 1000
"""Followers of one domain that are looked at where it has more inboxes than it may."""


def list_follower_inboxes(session: Session, target_id: str) -> list[Inbox]:
    """The inboxes, each once, of everyone elsewhere who follows the actor.

    Of one domain they are those that it had first, 500 at most. Servers of many people have one that they share, and
    whoever has one for each would have every message of ours be written down and sent as often. What is read grows with
    the inboxes, and not with those who follow by them: of very many followers each domain and each inbox of it is
    looked up in the index, behind the one before.
    """
    rows = rows_of(session, _FEW, {"target_id": target_id})
    if len(rows) <= FEW_FOLLOWERS:
        return list(first_of_each_domain(_inboxes(rows)))
    inboxes = _inboxes(rows_of(session, _WALK, {"target_id": target_id, "most": MOST_INBOXES_OF_DOMAIN}))
    found = Counter(domain_of(inbox.host) for inbox in inboxes)
    first: list[Inbox] = []
    for domain in [domain for domain, count in found.items() if count >= MOST_INBOXES_OF_DOMAIN]:
        rows = rows_of(session, _FIRST_OF_DOMAIN, {"target_id": target_id, "domain": domain})
        first += _inboxes(row for row in rows if row.domain == domain)
    return list(first_of_each_domain({inbox.uri: inbox for inbox in [*first, *inboxes]}.values()))


def first_of_each_domain(inboxes: Iterable[Inbox]) -> Iterator[Inbox]:
    """As many of each as one may have."""
    found = Counter[str]()
    for inbox in inboxes:
        domain = domain_of(inbox.host)
        found[domain] += 1
        if found[domain] <= MOST_INBOXES_OF_DOMAIN:
            yield inbox


def _inboxes(rows: Iterable[Any]) -> list[Inbox]:
    """Each once, that of the earliest follow first where its id is among the columns."""
    found = {row.inbox: Inbox(row.inbox, _host_of(row.inbox), row.is_shared) for row in sorted(rows)}
    return list(found.values())


_host_of = lru_cache(maxsize=8192)(host_of)


def _hears(follow: type[Follow]) -> ColumnElement[bool]:
    """In the words of the index's condition."""
    return and_(follow.target_id == bindparam("target_id"), follow.state == ACCEPTED, follow.domain.is_not(None))


def _walk() -> Select[Any]:
    """Each inbox, and of each domain so many at most."""
    first, next_, inner, behind, by = (aliased(Follow) for _ in range(5))
    least = select(first.domain).where(_hears(first)).order_by(first.domain).limit(1)
    domains = select(least.scalar_subquery().label("domain")).cte("domains", recursive=True)
    following = (
        select(next_.domain)
        .where(_hears(next_), next_.domain > domains.c.domain)
        .order_by(next_.domain)
        .limit(1)
        .scalar_subquery()
    )
    domains = domains.union_all(select(following).where(domains.c.domain.is_not(None)))

    of_domain = select(inner.inbox).where(_hears(inner), inner.domain == domains.c.domain)
    least_inbox = of_domain.order_by(inner.inbox).limit(1).scalar_subquery()
    inboxes = (
        select(domains.c.domain, least_inbox.label("inbox"), literal(1).label("number"))
        .where(domains.c.domain.is_not(None))
        .cte("inboxes", recursive=True)
    )
    inbox_behind = (
        select(behind.inbox)
        .where(_hears(behind), behind.domain == inboxes.c.domain, behind.inbox > inboxes.c.inbox)
        .order_by(behind.inbox)
        .limit(1)
        .scalar_subquery()
    )
    inboxes = inboxes.union_all(
        select(inboxes.c.domain, inbox_behind, inboxes.c.number + 1).where(
            inboxes.c.inbox.is_not(None), inboxes.c.number < bindparam("most")
        )
    )

    is_shared = (
        select(by.is_shared)
        .where(_hears(by), by.domain == inboxes.c.domain, by.inbox >= inboxes.c.inbox)
        .order_by(by.inbox)
        .limit(1)
        .scalar_subquery()
    )
    columns = (inboxes.c.inbox, is_shared.label("is_shared"))
    return select(*columns).where(inboxes.c.inbox.is_not(None)).execution_options(**LOOKS_ELSEWHERE)


# Each in the order of an index, or PostgreSQL may go through all follows, as most of them are of one who has very many.
_FEW: Final = (
    select(Follow.id, Follow.inbox, Follow.is_shared)
    .where(_hears(Follow))
    .order_by(Follow.domain)
    .limit(FEW_FOLLOWERS + 1)
    .execution_options(**LOOKS_ELSEWHERE)
)
_FIRST_OF_DOMAIN: Final = (
    select(Follow.id, Follow.inbox, Follow.is_shared, Follow.domain)
    .where(_hears(Follow), Follow.domain >= bindparam("domain"))
    .order_by(Follow.domain, Follow.id)
    .limit(_FIRST)
    .execution_options(**LOOKS_ELSEWHERE)
)
_WALK: Final = _walk()
