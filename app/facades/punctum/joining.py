"""Coming into a conference that is at home elsewhere: both sides of it (contracts/punctum.md, 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from activitypub.errors import ActivityPubError, FetchError
from activitypub.fetch import FetchBudget
from app.actions.peers import keeping
from app.actions.peers.calls import Answer, ask, post
from app.actions.peers.hearing import tell_later, welcome
from app.actions.peers.sending import note_names
from app.db import reading
from app.errors import ForbiddenError, NotFoundError, UnavailableError
from app.facades.punctum.problems import MissingObjectError
from app.facades.punctum.taking import KINDS, Taking, take_several
from app.ids import is_object_id
from app.pipeline import compose
from app.queries.actors import get_by_id
from app.queries.objects import Found, find_object
from app.queries.peers import find_home, find_origin, names_at
from app.queries.punctum.federated import MAX_STASH, in_parcels, show_for
from app.queries.punctum.joined import list_first
from app.queries.punctum.shown import Shown, stash
from app.queries.spaces import find_member_of, find_space
from app.queries.standing import find_standing
from app.queries.viewers import Viewer
from app.web.admission import waiting
from app.web.limiting import count_asking

NOT_ITS_ACCOUNT: Final = "An instance speaks for its own accounts alone."


def let_in(domain: str, invite: Found, person: Found) -> Shown:
    """Somebody of the instance comes into a conference of ours: a stash of what they see there.

    Raises ForbiddenError for somebody else's account, for who is banned and for a conference that is not ours to join.
    """
    space_id = invite.value.space_id
    with reading() as session:
        actor, space, home = get_by_id(session, person.id), find_space(session, space_id), find_home(session, space_id)
    if actor.host != domain:
        raise ForbiddenError(NOT_ITS_ACCOUNT)
    if space is None or space.is_home or home is not None:
        raise ForbiddenError("This conference is not joined from another instance.")
    keeping.do_as(compose.told_joining(actor, space.uri), private={"invite_id": invite.id})
    with reading() as session:
        if not find_standing(session, actor.id, space_id).is_member:
            raise ForbiddenError("You are banned from this conference.")  # Since a moment ago.
    welcome(domain, space_id, actor.id)
    with reading() as session:
        ids = list_first(session, space, actor.id)
        shown = next(in_parcels(show_for(session, domain, ids[:MAX_STASH])), ())
    told = {one["id"] for one in shown}
    if later := [id_ for id_ in ids if id_ not in told]:
        tell_later(domain, later)
    return stash(shown)


def join_elsewhere(viewer: Viewer, invite: Found) -> None:
    """One of ours goes into another instance's conference; they are in it when this returns.

    Raises ForbiddenError and NotFoundError as that instance says, UnavailableError where it says nothing useful,
    TooManyRequestsError for who has others be asked for very much.
    """
    space_id = invite.value.space_id
    with reading() as session:
        origin = find_origin(session, invite.id)
    if origin is None:
        raise MissingObjectError
    count_asking(viewer)
    name = _introduce(viewer, origin.domain)
    answer = _post(origin.domain, f"/federation/join-conference-by-invite/{origin.id}", {"user_id": name})
    _take_stash(Taking(origin.domain, awaited={(space_id, viewer.actor_id)}), answer.body)
    with reading() as session:
        member = find_member_of(session, space_id, viewer.actor_id)
    if member is None or member.banned_at is not None:
        raise UnavailableError("The other instance did not say that you are in.")


def get_elsewhere(viewer: Viewer, name: str) -> Found:
    """An invite by its name at its own instance, `name@domain`, as that instance shows it now.

    Raises MissingObjectError, TooManyRequestsError for who has others be asked for very much.
    """
    own_name, _, domain = name.rpartition("@")
    if not is_object_id(own_name):
        raise MissingObjectError
    count_asking(viewer)
    try:
        with waiting():
            raw = ask(domain, f"/invites/by-name/{own_name}", budget=FetchBudget(4))
    except ActivityPubError as error:
        raise MissingObjectError from error
    if raw is None or raw.get("object_type") != "invite":
        raise MissingObjectError
    local_id = Taking(domain).take(raw)
    with reading() as session:
        found = find_object(session, local_id)
    if found is None:
        raise MissingObjectError
    return found


def _introduce(viewer: Viewer, domain: str) -> str:
    """What the instance calls one of ours, who is told to it first if it has not heard of them."""
    with reading() as session:
        known = names_at(session, domain, [viewer.actor_id]).get(viewer.actor_id)
        shown = show_for(session, domain, [viewer.actor_id])
    if known is not None:
        return known
    answer = _post(domain, "/federation/inbox", shown[0])
    note_names(domain, [viewer.actor_id], answer.body)
    with reading() as session:
        named = names_at(session, domain, [viewer.actor_id]).get(viewer.actor_id)
    if named is None:
        raise UnavailableError("The other instance did not take your account.")
    return named


def _post(domain: str, path: str, body: Mapping[str, Any]) -> Answer:
    try:
        with waiting():
            answer = post(domain, path, body)
    except FetchError as error:
        raise UnavailableError("The other instance does not answer. Try again later.") from error
    if answer.status == 403:
        raise ForbiddenError("The other instance does not let you in.")
    if answer.status == 404:
        raise NotFoundError("The other instance does not know this any more.")
    if not answer.is_good:
        raise UnavailableError("The other instance did not understand. Try again later.")
    return answer


def _take_stash(taking: Taking, body: Mapping[str, Any]) -> None:
    ids = body.get("id_list")
    if not isinstance(ids, list):
        return
    raws = [body[id_] for id_ in ids[: 10 * MAX_STASH] if isinstance(id_, str) and isinstance(body.get(id_), Mapping)]
    kinds = [*KINDS]  # What is asked may be anything, which a set does not take.
    known = [raw for raw in raws if raw.get("object_type") in kinds and isinstance(raw.get("id"), str)]
    take_several(taking, known)
