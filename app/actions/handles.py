"""Whom people mean by a handle or an address, at whatever server."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from activitypub.errors import MalformedDocumentError
from activitypub.webfinger import parse_handle, resolve
from app.actions.remote_actors import fetch_document, find_living, save_actor
from app.actions.signed_gets import SignedClient
from app.db import reading
from app.errors import InvalidInputError, NotFoundError
from app.models import Actor
from app.queries.actors import PEOPLE, find_actor, find_local, find_remote
from app.settings import current
from app.uris import Uris


def resolve_handle(text: str) -> Actor:
    """The actor that a person means by `user@host`, `@user@host`, `acct:…` or a URI.

    WebFinger is confirmed both ways: the actor found must say that it is who was asked for. Raises InvalidInputError
    for what is no handle, NotFoundError for nobody, FetchError where their server does not answer.
    """
    uris = Uris(current().origin)
    if text.startswith(("https://", "http://")):
        return _local_person(find_actor, text) if uris.is_local(text) else find_living(text) or _led_to(text)
    try:
        handle = parse_handle(text)
    except MalformedDocumentError as error:
        raise InvalidInputError("Remote handle must be in format user@domain") from error
    if handle.host == uris.host:
        return _local_person(find_local, handle.user)
    with reading() as session:
        known = find_remote(session, handle.user, handle.host)
    if known is not None:
        return known
    found = resolve(text, SignedClient())
    actor = _led_to(found.actor)
    if actor.preferred_username.lower() != found.handle.user.lower():
        raise NotFoundError("The handle and the actor do not name each other.")
    return actor


def _led_to(uri: str) -> Actor:
    """Whoever it is: a page about somebody leads to them."""
    return save_actor(fetch_document(uri))


def _local_person(find: Callable[[Session, str], Actor | None], name: str) -> Actor:
    """People alone: a channel of ours may be private, and then is not there for whoever names it."""
    with reading() as session:
        actor = find(session, name)
    if actor is None or actor.type not in PEOPLE:
        raise NotFoundError("Local actor not found")
    return actor
