"""Update a Person or a Group: somebody describes themselves anew, or a moderator a channel."""

from __future__ import annotations

from activitypub import build
from activitypub.documents import Activity, ActorDocument
from activitypub.times import write_time
from activitypub.uris import same_origin
from activitypub.vocabulary import PUBLIC
from app.act import Act, LiveEvent
from app.effects.create.group import NAME_TAKEN, check_name
from app.effects.speaking import authorise_naming
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.models import Actor, Channel
from app.projections import accounts, actors, audit, channels, files
from app.queries.accounts import NAME_TAKEN as USERNAME_TAKEN
from app.queries.actors import NO_SUCH_ACTOR, PEOPLE, find_actor, find_local, has_remote_followers, list_keys
from app.queries.channels import find_channel, is_name_taken
from app.queries.documents import actor_document
from app.queries.permissions import get_permissions


def authorise(act: Act, document: ActorDocument) -> None:
    target = find_actor(act.session, document.id)
    if target is None:
        raise NotFoundError(NO_SUCH_ACTOR)
    act.found["target"] = target
    if target.id == act.actor.id:
        if act.is_local and target.type in PEOPLE:
            _authorise_own(act, document)
        return
    if not act.is_local:
        # A channel elsewhere, or that server, is edited by its own server's people, a person by nobody else.
        if target.type not in {"Group", "Application"} or not same_origin(target.uri, act.actor.uri):
            raise ForbiddenError("only the actor itself can change its description")
        return
    channel = find_channel(act.session, target.id)
    if channel is None or not target.is_local:
        raise ForbiddenError("only the actor itself can change its description")
    get_permissions(act.session, act.actor).require("edit_channels")
    authorise_naming(act)
    check_name(document.name)
    name_key = channels.name_key(document.name)
    if name_key != channel.name_key and is_name_taken(act.session, name_key):
        raise ConflictError(NAME_TAKEN)


def _authorise_own(act: Act, document: ActorDocument) -> None:
    authorise_naming(act)
    named = find_local(act.session, document.preferred_username)
    if named is not None and named.id != act.actor.id:
        raise ConflictError(USERNAME_TAKEN)


def apply(act: Act, document: ActorDocument) -> list[Activity]:
    target: Actor = act.found.pop("target")
    if target.id == act.actor.id and act.is_local and target.type not in PEOPLE:
        return []  # It says what has changed already.
    channel = find_channel(act.session, target.id)
    if channel is not None and target.is_local:
        audit.note(act.session, "channel_updated", actor_id=act.actor.id, target=target.id, now=act.now)
        channels.rename(act.session, channel, name=document.name.strip())
        act.publish(LiveEvent("channel_updated", channel_id=target.id, actor_id=act.actor.id))
        return _tell_followers(act, target, channel)
    if not act.is_local:
        return []  # Of an actor elsewhere we believe what its home says, which has just been asked.
    actors.describe(act.session, target, document, now=act.now)
    files.add(act.session, act.private.get("new_files", ()), now=act.now)
    if "picture" in act.private:
        files.hold_picture(act.session, act.private["picture"])
    if "username" in act.private:
        accounts.describe(act.session, target, username=act.private["username"], about=act.private["about"])
        accounts.set_values(act.session, target.id, act.private.get("values", {}))
        accounts.change_access(act.session, target.id, now=act.now, **act.private["access"])
        act.publish(LiveEvent("account_changed", actor_id=target.id, data={"account_id": target.id}))
    return []


def _tell_followers(act: Act, group: Actor, channel: Channel) -> list[Activity]:
    """Other servers believe of an actor what it says itself, so the channel does."""
    if not has_remote_followers(act.session, group.id):
        return []
    document = actor_document(act.uris, group, list_keys(act.session, group.id), channel)
    del document["@context"]
    document |= {"name": channel.name, "updated": write_time(act.now)}
    to = [group.followers or ""] if channel.is_private else [PUBLIC]
    return [build.update(actor=group.uri, object=document, to=to, cc=[group.followers or ""])]
