"""Reads of the outgoing queue of a host: what is due, when, and whether a row is worth making at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from app.act import Inbox
from app.models import Activity, ActivityDocument, Delivery, Host, Message, Receipt
from app.models.columns import UtcDateTime
from app.queries.hearers import first_of_each_domain, list_follower_inboxes
from app.queries.parts import values_in_parts

QUEUED: Final = "queued"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
EXPIRED: Final = "expired"
DROPPED: Final = "dropped"
# What was waited for in vain may have come all the same; what was refused or never sent has not.
NOT_RECEIVED: Final = (FAILED, DROPPED)

UP: Final = "up"
OPEN: Final = "open"
UNREACHABLE: Final = "unreachable"
DORMANT: Final = "dormant"
DEAD: Final = "dead"
GONE: Final = "gone"

# Hosts that are asked now and then whether they are back, for nobody else may tell us.
AWAY: Final = (UNREACHABLE, DORMANT)

# What must reach a server that was away for a week, because it changes who may see what.
LASTING_TYPES: Final = frozenset(
    {"Accept", "Add", "Block", "Delete", "Flag", "Follow", "Join", "Leave", "Reject", "Remove", "Undo"}
)
ANSWERS: Final = frozenset({"Accept", "Reject"})

_NOTED = select(Receipt.inbox, Receipt.host, Receipt.is_shared).join(Message, Message.id == Receipt.message_id)
_SOON: Final = timedelta(seconds=60)
_LONGEST_WAIT: Final = timedelta(days=9)

# Conditions of statements that are built once, because building one takes longer than running it.
# They are run with the parameters of `at_time`.
NOW: Final = bindparam("now", type_=UtcDateTime())
_NEVER_SO_LATE: Final = bindparam("never_so_late", type_=UtcDateTime())
_deliveries: Any = Delivery.__table__
_documents: Any = ActivityDocument.__table__
_activities: Any = Activity.__table__
_hosts: Any = Host.__table__
# A row made in the future was made before the clock was put back, and would wait for the clock to come there again. One
# that was answered since waits for what this clock says.
IS_DUE: Final = (_deliveries.c.state == QUEUED) & or_(
    _deliveries.c.next_attempt_at <= NOW, (_deliveries.c.created_at > NOW) & (_deliveries.c.attempts == 0)
)
# So would a host whose timer ends later than any that we set.
IS_READY: Final = or_(_hosts.c.probe_at.is_(None), _hosts.c.probe_at <= NOW, _hosts.c.probe_at > _NEVER_SO_LATE)


# In the order of the fields of DueDelivery.
_ROW_COLUMNS: Final = (
    "position",
    "activity_id",
    "sender_id",
    "inbox",
    "is_shared",
    "attempts",
    "created_at",
    "expires_at",
)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A row whose time has come, with its document as it lies in the log: sealed, or None if it was erased.

    `attempts` counts the answers of this inbox to this row; failures of the whole host are counted there.
    """

    position: int
    activity_id: str
    sender_id: str
    inbox: str
    is_shared: bool
    attempts: int
    created_at: datetime
    expires_at: datetime
    scope: str | None
    sealed: bytes | None = field(repr=False)


def is_deliverable(host_state: str, activity_type: str) -> bool:
    """Whether an activity of that type is worth a row for a host in that state (reliability.md, section 3.4)."""
    if host_state in (UP, OPEN):
        return True
    return host_state in AWAY and activity_type in LASTING_TYPES


def list_receivers(session: Session, message_uri: str) -> list[Inbox]:
    """The inboxes that have, or may have, a message of ours or of a channel of ours: all it ever went to, whoever
    follows today.
    """
    return _list_receivers(session, [message_uri])


def list_acquainted(session: Session, actor_id: str) -> list[Inbox]:
    """The inboxes of all who follow one of ours, or ever had anything of it, as far as that is known: what it has sent,
    and what was passed on of it. Of a server that has one for all, that one alone; of a domain no more than may follow,
    or whoever follows under ever new names would have all of them be told.
    """
    told = {inbox.uri: inbox for inbox in list_follower_inboxes(session, actor_id)}
    for ids in values_in_parts(session, Activity.id, Activity.actor_id == actor_id, along=Activity.position):
        sent = [Inbox(*row) for row in session.execute(_delivered(Delivery.activity_id.in_(ids)).distinct())]
        told |= {inbox.uri: inbox for inbox in sent}
    for uris in values_in_parts(session, Message.uri, Message.author_id == actor_id, along=Message.id):
        told |= {inbox.uri: inbox for inbox in _list_receivers(session, uris)}
    inboxes = told.values()
    shared = {inbox.host for inbox in inboxes if inbox.is_shared}
    return list(first_of_each_domain(inbox for inbox in inboxes if inbox.is_shared or inbox.host not in shared))


def _list_receivers(session: Session, uris: Collection[str]) -> list[Inbox]:
    noted = _NOTED.where(Message.uri.in_(uris))
    return [Inbox(*row) for row in session.execute(_delivered(_carries_any(uris)).union(noted))]


def _carries_any(uris: Collection[str]) -> ColumnElement[bool]:
    """Whether a delivery is of an activity about these, or of one that passes such one on: each way by its own index.
    In one condition with "or", PostgreSQL goes through all that was ever sent."""
    about = aliased(Activity)
    passed_on = select(about.uri).where(about.object_uri.in_(uris))
    return Delivery.activity_id.in_(
        union_all(
            select(Activity.id).where(Activity.object_uri.in_(uris)),
            select(Activity.id).where(Activity.object_uri.in_(passed_on)),
        )
    )


def _delivered(which: ColumnElement[bool]) -> Select[str, str, bool]:
    return select(Delivery.inbox, Delivery.host, Delivery.is_shared).where(which, Delivery.state.not_in(NOT_RECEIVED))


def at_time(now: datetime) -> dict[str, datetime]:
    """The parameters of IS_DUE and IS_READY."""
    return {"now": now, "never_so_late": now + _LONGEST_WAIT}


def list_due(session: Session, host: str, now: datetime, *, limit: int) -> Sequence[DueDelivery]:
    """The oldest rows of the host that are due, in the order in which it must hear of them."""
    rows = session.connection().execute(_LIST_DUE, {"at_host": host, "rows": limit, **at_time(now)})
    return [DueDelivery(*tuple(row)) for row in rows]


def find_next_attempt(session: Session, host: str, now: datetime) -> datetime | None:
    """When the host has something to hear within a minute, or None; later ones are the sweep's business."""
    probe_at = session.scalar(select(Host.probe_at).where(Host.host == host))
    if probe_at is not None and probe_at > now:
        return probe_at if probe_at <= now + _SOON else None
    return session.scalar(
        select(func.min(Delivery.next_attempt_at)).where(
            Delivery.state == QUEUED, Delivery.host == host, Delivery.next_attempt_at <= now + _SOON
        )
    )


_LIST_DUE: Final = (
    select(
        *(_deliveries.c[name] for name in _ROW_COLUMNS),
        _documents.c.scope,
        _documents.c.sealed,
    )
    .select_from(_deliveries.outerjoin(_documents, _documents.c.activity_id == _deliveries.c.activity_id))
    .where(IS_DUE, _deliveries.c.host == bindparam("at_host"))
    .order_by(_deliveries.c.position)
    .limit(bindparam("rows"))
)

# An answer waits for seconds, and nobody does more than this in that time.
_LATELY: Final = 100
_lately: Final = (
    select(_activities.c.id, _activities.c.type)
    .where(_activities.c.actor_id == bindparam("sender_id"))
    .order_by(_activities.c.position.desc())
    .limit(_LATELY)
    .subquery()
)
# When the answers of `sender_id` that still wait for their first attempt are due, the last of them for each host. One
# made before the clock was put back is due now, whatever it says.
HELD_ANSWERS: Final = (
    select(_deliveries.c.host, func.max(_deliveries.c.next_attempt_at).label("due_at"))
    .select_from(_lately.join(_deliveries, _deliveries.c.activity_id == _lately.c.id))
    .where(
        _lately.c.type.in_(sorted(ANSWERS)),
        _deliveries.c.state == QUEUED,
        _deliveries.c.attempts == 0,
        _deliveries.c.created_at <= NOW,
        _deliveries.c.next_attempt_at > NOW,
    )
    .group_by(_deliveries.c.host)
)
