"""Create a Person: the instance signs up a local account, and the first one owns the server; or it makes a bot."""

from __future__ import annotations

from activitypub import build
from activitypub.documents import Activity, ActorDocument
from app.act import Act
from app.effects.speaking import check_not_timed_out
from app.errors import ConflictError, ForbiddenError
from app.models import Actor
from app.projections import accounts, actors, audit
from app.queries.accounts import NAME_TAKEN, is_full
from app.queries.actors import find_by_id, find_local
from app.queries.channels import get_home_space, lock_home_space
from app.queries.permissions import get_permissions

FULL = "This server takes no more accounts."


def authorise(act: Act, person: ActorDocument) -> None:
    if not act.is_local or act.actor.uri != act.uris.instance:
        raise ForbiddenError("only the instance makes accounts")
    if act.uris.local_id(person.id) is None:
        raise ForbiddenError("an account is made on its own server")
    _check_owner(act)
    if find_local(act.session, person.preferred_username) is not None:
        raise ConflictError(NAME_TAKEN)
    lock_home_space(act.session)  # Of two who come for the last place, the second is to see the first.
    if is_full(act.session):
        raise ForbiddenError(FULL)


def _check_owner(act: Act) -> None:
    """Of a bot, whose name is a word of its owner's. Raises ForbiddenError while they are timed out."""
    owner = find_by_id(act.session, act.private.get("bot_owner_id", ""))
    if owner is not None:
        check_not_timed_out(get_permissions(act.session, owner), now=act.now)


def apply(act: Act, person: ActorDocument) -> list[Activity]:
    actor = actors.add_local(
        act.session,
        id=act.uris.local_id(person.id) or "",
        uri=person.id,
        type=person.type,
        local_name=person.preferred_username.lower(),
        name=person.name,
        shared_inbox=act.uris.shared_inbox,
        now=act.now,
    )
    accounts.add(
        act.session,
        actor,
        username=person.name,
        password_hash=act.private["password_hash"],
        now=act.now,
        bot_owner_id=act.private.get("bot_owner_id"),
    )
    audit.note(act.session, "user_joined", actor_id=actor.id, now=act.now)
    act.found["actor_id"] = actor.id
    return [build.join(actor=actor.uri, object=_home(act, actor).uri)]


def _home(act: Act, actor: Actor) -> Actor:
    space = get_home_space(act.session)
    accounts.claim_ownership(act.session, actor, space)
    home = find_by_id(act.session, space.actor_id)
    if home is None:
        raise LookupError("the home space has no actor")
    return home
