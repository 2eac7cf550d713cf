"""What moderators do to people: bans and timeouts, reports and what becomes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from app.db import joined, reading
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.models import Actor, Report
from app.pipeline import compose, submit, submit_together, together
from app.projections import accounts, audit, reports
from app.queries import messages
from app.queries.accounts import NO_SUCH_USER, get_profile
from app.queries.actors import find_by_id, get_by_id
from app.queries.objects import Found, behind
from app.queries.permissions import get_permissions, require_rank_over
from app.queries.reports import find_open_report, get_report, list_standing
from app.queries.scopes import Scope
from app.queries.viewers import Viewer

BAN_SCOPE: Final[Scope] = "conference_member:ban"
TIMEOUT_SCOPE: Final[Scope] = "conference_member:kick"
MAX_TIMEOUT_MINUTES: Final = 40_320  # Four weeks.

# What a moderator may answer a report with, in the words of several clients, and what each does.
RESOLUTIONS: Final = {
    "dismiss": "dismiss",
    "dismissed": "dismiss",
    "resolve": "resolve",
    "warn": "warn",
    "warn_user": "warn",
    "delete": "delete_messages",
    "delete_message": "delete_messages",
    "delete_messages": "delete_messages",
    "timeout": "timeout",
    "timeout_user": "timeout",
    "mute": "timeout",
    "ban": "ban",
    "ban_user": "ban",
}
_REPORTED_TIMEOUT: Final = 60  # Minutes.
_CLOSED: Final = "This report is closed already."


def get_person(actor_id: str) -> Actor:
    """Raises NotFoundError."""
    with reading() as session:
        actor = find_by_id(session, actor_id)
        if actor is None or actor.deleted_at is not None:
            raise NotFoundError(NO_SUCH_USER)
        get_profile(session, actor.id)  # A channel is nobody's person.
    return actor


def ban(viewer: Viewer, actor_id: str, reason: str | None) -> str:
    """Put somebody out of this server for good; returns what they are called.

    Raises NotFoundError, and ForbiddenError for who may do as much as the viewer.
    """
    person = get_person(actor_id)
    submit(compose.ban(viewer, person), private={"reason": reason})
    return person.name


def lift_ban(viewer: Viewer, actor_id: str) -> str:
    """Raises NotFoundError for who is not banned."""
    person = get_person(actor_id)
    submit(compose.ban_lifted(viewer, person))
    return person.name


def time_out(viewer: Viewer, actor_id: str, minutes: int, reason: str | None) -> tuple[str, datetime]:
    """Let somebody read and not write for a while; (what they are called, when it ends).

    Raises NotFoundError, InvalidInputError for another server's person, ForbiddenError for who may do as much as the
    viewer.
    """
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    return _set_timeout(viewer, actor_id, until, reason), until


def end_timeout(viewer: Viewer, actor_id: str) -> str:
    return _set_timeout(viewer, actor_id, None, None)


def report_person(viewer: Viewer, actor_id: str, *, category: str, description: str, forward: bool = False) -> None:
    """Raises NotFoundError, InvalidInputError for oneself, ConflictError while the same report is open."""
    person = get_person(actor_id)
    submit(compose.report(viewer, person, description), private={"category": category, "forward": forward})


def report_messages(
    viewer: Viewer, message_ids: Sequence[str], *, category: str, description: str, forward: bool = False
) -> int:
    """One report for each author of them; returns how many messages were reported.

    Raises NotFoundError for what the viewer cannot see, InvalidInputError for one's own, ConflictError while the same
    report is open.
    """
    by_author: dict[str, list[str]] = defaultdict(list)
    people: dict[str, Actor] = {}
    with reading() as session:
        for message_id in dict.fromkeys(message_ids):
            message, _ = messages.get_visible(session, viewer, message_id)
            by_author[message.author_id].append(message_id)
            people[message.author_id] = get_by_id(session, message.author_id)
    activities = [
        compose.report(viewer, people[author_id], description, message_ids=ids) for author_id, ids in by_author.items()
    ]
    with together():
        for activity in activities:
            submit(activity, private={"category": category, "forward": forward})
    return sum(map(len, by_author.values()))


def check_rank_over(viewer: Viewer, actor_id: str) -> None:
    """Raises ForbiddenError for who may do as much as the viewer."""
    with reading() as session:
        permissions = get_permissions(session, get_by_id(session, viewer.actor_id))
        require_rank_over(session, permissions, actor_id)


def report_object(viewer: Viewer, found: Found, note: str) -> str:
    """Report anything that the viewer may read, about whoever is behind it; the report's id.

    Who reports the same again while it is open has reported it. Raises NotFoundError for what is gone.
    """
    with reading() as session:
        known = find_open_report(session, viewer.actor_id, found.id)
        person = get_by_id(session, behind(session, found))
    if known is not None:
        return known
    ids = [found.id] if found.kind == "message" else []
    activity = compose.report(viewer, person, note, message_ids=ids)
    outcome = submit(activity, private={"object_id": found.id})
    return str(outcome.found["report_id"])


def resolve_report(viewer: Viewer, report_id: str, action: str, reason: str | None) -> str:
    """Do to a report's person or messages what `action` says, and close it; returns the action's one name.

    Raises NotFoundError for a report that the viewer may not look into, InvalidInputError for an unknown action or one
    that this report has nothing for, ConflictError for a report that is closed, ForbiddenError where the viewer may not
    do that, or not in this session.
    """
    resolution = RESOLUTIONS.get(action.strip().lower())
    if resolution is None:
        raise InvalidInputError(f"Unsupported action. Supported values: {', '.join(sorted(set(RESOLUTIONS.values())))}")
    with reading() as session:
        report = get_report(session, viewer, report_id)
    if report.status != "pending":
        raise ConflictError(_CLOSED)
    status = "dismissed" if resolution == "dismiss" else "resolved"
    with together() as session:  # Of two who answer it at once, the second does nothing.
        closed = reports.resolve(
            session,
            report_id,
            by=viewer.actor_id,
            status=status,
            resolution=resolution,
            reason=reason,
            now=datetime.now(UTC),
        )
        if not closed:
            raise ConflictError(_CLOSED)
        audit.note(session, "report_resolved", actor_id=viewer.actor_id, target=report_id, action=resolution)
        _carry_out(viewer, resolution, report, reason)
    return resolution


def _carry_out(viewer: Viewer, resolution: str, report: Report, reason: str | None) -> None:
    match resolution:
        case "ban":
            _require(viewer, "ban_users", scope=BAN_SCOPE)
            ban(viewer, report.target_id, reason)
        case "timeout":
            _require(viewer, "mute_users", scope=TIMEOUT_SCOPE)
            time_out(viewer, report.target_id, _REPORTED_TIMEOUT, reason)
        case "delete_messages":
            _delete_messages(viewer, report)


def _delete_messages(viewer: Viewer, report: Report) -> None:
    """All of them that still stand, or none: who looks into a report may be nobody where its messages are.

    Raises InvalidInputError for a report of no messages, ForbiddenError.
    """
    if not report.message_ids:
        raise InvalidInputError("This report is not about messages.")
    with reading() as session:
        standing = list_standing(session, report)
    try:
        submit_together([compose.deletion(viewer, message_id) for message_id in standing])
    except NotFoundError as error:
        raise ForbiddenError("You may not delete these messages where they stand.") from error


def _require(viewer: Viewer, privilege: str, *, scope: Scope) -> None:
    """What the route for it alone asks for: an answer to a report is no way around that."""
    viewer.require_scope(scope)
    viewer.require(privilege)


def _set_timeout(viewer: Viewer, actor_id: str, until: datetime | None, reason: str | None) -> str:
    person = get_person(actor_id)
    if not person.is_local:
        raise InvalidInputError("Only people of this server can be timed out. Others can be banned.")
    with joined() as session:
        permissions = get_permissions(session, get_by_id(session, viewer.actor_id))
        permissions.require("mute_users")
        require_rank_over(session, permissions, person.id)
        accounts.time_out(session, person.id, until=until, reason=reason)
        kind: audit.Kind = "user_timed_out" if until else "user_timeout_ended"
        audit.note(session, kind, actor_id=viewer.actor_id, target=person.id)
    return person.name
