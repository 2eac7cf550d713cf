"""Reports (contracts/punctum.md, 1.9): of anything but the instance and other reports."""

from __future__ import annotations

from typing import Final

from app.actions.moderation import report_object
from app.db import reading
from app.errors import ForbiddenError
from app.facades.punctum import members
from app.facades.punctum.api import route
from app.facades.punctum.ask import Ask, Data
from app.facades.punctum.doing import refer, show_id, show_made, shown_before
from app.facades.punctum.keys import REPORT
from app.facades.punctum.problems import MissingKeyError, NotPartOfError, WrongTypeError
from app.facades.punctum.shapes import new
from app.facades.punctum.values import reference
from app.pipeline import Made
from app.queries.objects import Found, Kind
from app.queries.punctum.shown import Shown, show
from app.queries.viewers import Viewer

_REPORTED: dict[str, Kind] = {
    "accounts": "account",
    "conferences": "conference",
    "channels": "channel",
    "messages": "message",
    "invites": "invite",
    "roles": "role",
}
_NOTE: Final = new("report", is_needed=False)
_NOT_REPORTED: Final = frozenset({"instance", "report"})


@route("POST", "/id/{id}/report", scope="message:write", status=201, answers="report", takes=_NOTE)
def post_report_of_id(ask: Ask) -> Shown:
    found = ask.find()
    if found.kind in _NOT_REPORTED:
        raise WrongTypeError
    return report(ask.viewer, found, ask.data("report", may_be_empty=True))


@route("POST", "/ids/{id}/report", scope="message:write", status=201, answers="report", takes=_NOTE)
def post_report_of_ids(ask: Ask) -> Shown:
    return post_report_of_id(ask)


@route(
    "POST",
    "/reports",
    scope="message:write",
    status=201,
    answers="report",
    takes=new("report", "target", target=reference),
)
def post_report(ask: Ask) -> Shown:
    return create(ask.viewer, ask.data("report"))


def create(viewer: Viewer, data: Data) -> Shown:
    if data.get("target") is None:
        raise MissingKeyError("target")
    REPORT.of_new(data)
    kinds: set[Kind] = {*_REPORTED.values(), "conference_member", "emoji"}
    return report(viewer, refer(viewer, "target", reference("target", data["target"]), kinds), data)


def _of_kind(path: str, kind: Kind) -> None:
    @route("POST", f"/{path}/{{id}}/report", scope="message:write", status=201, answers="report", takes=_NOTE)
    def post_report_of_kind(ask: Ask) -> Shown:
        return report(ask.viewer, ask.find(kind), ask.data("report", may_be_empty=True))


def _of_child(path: str, kind: Kind) -> None:
    @route(
        "POST",
        f"/conferences/{{id}}/{path}/{{child}}/report",
        scope="message:write",
        status=201,
        answers="report",
        takes=_NOTE,
    )
    def post_report_of_child(ask: Ask) -> Shown:
        space = ask.find("conference")
        child = _member(ask, space) if kind == "conference_member" else ask.find(kind, "child")
        if child.space_id != space.id:
            raise NotPartOfError
        return report(ask.viewer, child, ask.data("report", may_be_empty=True))


def _member(ask: Ask, space: Found) -> Found:
    """By its id or by the account's. Raises HiddenError."""
    with reading() as session:
        members.require_membership(session, ask.viewer, space.id)
    return members.get_in_space(ask, space)


for _path, _kind in _REPORTED.items():
    _of_kind(_path, _kind)
_of_child("members", "conference_member")
_of_child("channels", "channel")
_of_child("roles", "role")
_of_child("invites", "invite")


@route("GET", "/reports/{id}", scope="message:moderate", answers="report")
def get_report(ask: Ask) -> Shown:
    with reading() as session:
        return show(session, ask.viewer, ask.find_in(session, "report"))


@route("PATCH", "/reports/{id}", scope="message:write", answers="report")
def patch_report(ask: Ask) -> Shown:
    return change(ask, ask.find("report"))


@route("DELETE", "/reports/{id}", scope="message:write")
def delete_report(ask: Ask) -> Shown:
    return remove(ask, ask.find("report"))


def change(ask: Ask, found: Found) -> Shown:
    """Nothing of a report changes once it is made (contracts/punctum.md, 6, H-16)."""
    REPORT.of_change(ask.data(), shown_before(ask, found))
    return show_id(ask.viewer, found.id)


def remove(_ask: Ask, _found: Found) -> Shown:
    raise ForbiddenError("Reports are closed by moderators, and kept.")


def report(viewer: Viewer, found: Found, data: Data) -> Shown:
    if found.kind in _NOT_REPORTED:
        raise WrongTypeError
    note = REPORT.of_new(data).get("note", "")
    return show_made(viewer, Made(report_object(viewer, found, note), is_repeat=False))
