"""Reads of reports: for moderators all but those about themselves, for everybody else their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from activitypub.uris import domain_of
from app.errors import NotFoundError
from app.ids import first_id_at
from app.models import Account, Actor, Message, Report
from app.queries.actors import is_below
from app.queries.permissions import who_holds
from app.queries.spaces import list_bots_of
from app.queries.viewers import Viewer
from app.sealing import open_row

SCOPE = "reports"
PENDING = "pending"
NO_SUCH_REPORT = "The provided report_id does not exist or could not be found."
PRIVILEGE = "moderate_content"
MOST_BY_DOMAIN: Final = 10
"""Reports about one person within what their caller calls lately, of which one is of each server."""
MOST_AT_ONCE: Final = 100
"""Reports of one of ours that nobody has answered, or of all of a domain lately: moderators are shown so many."""


class ReportView(msgspec.Struct, frozen=True):
    """`texts` are what the messages said when they were reported, by their ids: for moderators alone."""

    id: str
    type: str
    status: str
    category: str
    description: str | None
    reporter_id: str
    reporter_name: str
    target_id: str
    target_name: str
    message_ids: tuple[str, ...]
    channel_ids: tuple[str, ...]
    texts: dict[str, str]
    created_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    reason: str | None


class ReportState(msgspec.Struct, frozen=True):
    """How a report stands; `target_owner_id` is whose the bot is that it is about."""

    id: str
    type: str
    category: str
    status: str
    resolution: str | None
    reporter_id: str
    target_id: str
    target_owner_id: str | None


def may_look_into(session: Session, viewer: Viewer, report: Report) -> bool:
    """Moderators read and close all reports but those about themselves: who reported them is hidden from them, and
    somebody else decides (hostile case AUZ-21)."""
    return viewer.has(PRIVILEGE) and report.target_id not in _themselves(session, viewer)


def _themselves(session: Session, viewer: Viewer) -> set[str]:
    """The viewer and their bots, which say what they have them say; nobody for the owner of the server, who may be the
    only one there is and reads all."""
    return set() if "owner" in viewer.roles else {viewer.actor_id, *list_bots_of(session, viewer.actor_id)}


def was_reported(
    session: Session, reporter: Actor, target: Actor, message_ids: Sequence[str], *, since: datetime
) -> bool:
    """Whether the same was reported before: from here the same thing, while it is open; from another server, one report
    about a person counts for all of its people (reliability.md, section 5.2), and a few of a domain's for all of it.
    """
    query = select(Report.message_ids).where(Report.target_id == target.id)
    if reporter.is_local:
        query = query.where(Report.reporter_id == reporter.id, Report.status == PENDING)
        return any(
            set(message_ids) <= set(known) for known in session.scalars(query) if bool(known) == bool(message_ids)
        )
    by_domain = (
        select(Actor.host)
        .join(Report, Report.reporter_id == Actor.id)
        .where(Report.target_id == target.id, Report.created_at > since, is_below(domain_of(reporter.host or "")))
    )
    hosts = session.scalars(by_domain.limit(MOST_BY_DOMAIN)).all()
    return reporter.host in hosts or len(hosts) >= MOST_BY_DOMAIN


def has_reported_enough(session: Session, reporter: Actor, *, since: datetime) -> bool:
    """Whether more of them would only hide those of others."""
    query = select(func.count()).select_from(Report)
    if reporter.is_local:
        query = query.where(Report.reporter_id == reporter.id, Report.status == PENDING)
    else:
        lately = Report.id > first_id_at("report", since)
        query = query.join(Actor, Actor.id == Report.reporter_id).where(
            lately, is_below(domain_of(reporter.host or ""))
        )
    return (session.scalar(query) or 0) >= MOST_AT_ONCE


def list_reports(session: Session, viewer: Viewer, *, limit: int) -> tuple[list[ReportView], int]:
    """The newest ones that the viewer may read, and how many there are."""
    reporter, target = aliased(Actor), aliased(Actor)
    is_moderator, hidden = viewer.has(PRIVILEGE), _themselves(session, viewer)
    readable: ColumnElement[bool] = Report.reporter_id == viewer.actor_id
    if is_moderator:  # As `may_look_into` says.
        readable = or_(readable, Report.target_id.not_in(hidden))
    query = (
        select(Report, reporter, target)
        .join(reporter, reporter.id == Report.reporter_id)
        .join(target, target.id == Report.target_id)
        .where(readable)
        .order_by(Report.id.desc())
        .limit(limit)
    )
    views = [
        _view(session, report, reporter_, target_, with_texts=is_moderator and report.target_id not in hidden)
        for report, reporter_, target_ in session.execute(query)
    ]
    return views, session.scalar(select(func.count()).select_from(Report).where(readable)) or 0


def find_states(session: Session, report_ids: Collection[str]) -> dict[str, ReportState]:
    """How those that there still are stand, by id, for whoever checks who may know."""
    columns = (Report.id, Report.type, Report.category, Report.status, Report.resolution)
    people = (Report.reporter_id, Report.target_id, Account.bot_owner_id)
    query = select(*columns, *people).outerjoin(Account, Account.actor_id == Report.target_id)
    rows = session.execute(query.where(Report.id.in_(report_ids)))
    return {row.id: ReportState(*row) for row in rows}


def list_moderators(session: Session, candidates: Collection[str]) -> set[str]:
    """Those of `candidates` (actor ids) who look into reports, but not into one that they are the target of."""
    return who_holds(session, PRIVILEGE, candidates)


def get_report(session: Session, viewer: Viewer, report_id: str) -> Report:
    """One that the viewer may look into. Raises NotFoundError."""
    report = session.get(Report, report_id)
    if report is None or not may_look_into(session, viewer, report):
        raise NotFoundError(NO_SUCH_REPORT)
    return report


def list_standing(session: Session, report: Report) -> Sequence[str]:
    """The ids of those messages that it is about which nobody has deleted, the oldest first."""
    query = select(Message.id).where(Message.id.in_(report.message_ids), Message.deleted_at.is_(None))
    return session.scalars(query.order_by(Message.id)).all()


def _view(session: Session, report: Report, reporter: Actor, target: Actor, *, with_texts: bool) -> ReportView:
    texts = open_row(session, SCOPE, report.id, report.evidence) if with_texts else None
    return ReportView(
        id=report.id,
        type=report.type,
        status=report.status,
        category=report.category,
        description=report.description,
        reporter_id=reporter.id,
        reporter_name=_name(reporter),
        target_id=target.id,
        target_name=_name(target),
        message_ids=tuple(report.message_ids),
        channel_ids=tuple(report.channel_ids),
        texts=msgspec.json.decode(texts, type=dict[str, str]) if texts else {},
        created_at=report.created_at,
        resolved_at=report.resolved_at,
        resolution=report.resolution,
        reason=report.reason,
    )


def _name(actor: Actor) -> str:
    return actor.name if actor.is_local else f"{actor.preferred_username}@{actor.host}"


def find_open_report(session: Session, reporter_id: str, object_id: str) -> str | None:
    """The id of somebody's report of that very thing which nobody has answered."""
    query = select(Report.id).where(
        Report.reporter_id == reporter_id, Report.object_id == object_id, Report.status == PENDING
    )
    return session.scalar(query.limit(1))
