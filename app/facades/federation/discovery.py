"""How other servers find us: WebFinger, host-meta, NodeInfo."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, request

from activitypub import nodeinfo
from activitypub.errors import MalformedDocumentError
from activitypub.webfinger import JRD_TYPE, Handle, host_meta, jrd, parse_handle
from app.db import reading
from app.errors import InvalidInputError, NotFoundError
from app.ids import INSTANCE_ID
from app.queries.actors import find_by_id, find_local
from app.queries.channels import find_any_channel
from app.queries.statistics import count_usage
from app.settings import current
from app.uris import Uris

if TYPE_CHECKING:
    from app.models import Actor

discovery = Blueprint("discovery", __name__)

_NO_ACTOR = "Local actor not found"


@discovery.get("/.well-known/webfinger")
def get_webfinger() -> Response:
    """RFC 7033, for `acct:` handles of ours and for our actors' own URIs."""
    resources = request.args.getlist("resource")
    if len(resources) != 1 or not resources[0] or len(resources[0]) > 2048:
        raise InvalidInputError("Unsupported resource format")
    uris = Uris(current().origin)
    actor = _find(uris, resources[0])
    body = jrd(Handle(actor.preferred_username, uris.host), actor=actor.uri)
    response = Response(msgspec.json.encode(body), mimetype=JRD_TYPE)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@discovery.get("/.well-known/host-meta")
def get_host_meta() -> Response:
    return Response(host_meta(current().origin), mimetype="application/xrd+xml")


@discovery.get("/.well-known/nodeinfo")
def get_nodeinfo_links() -> Response:
    origin = current().origin
    links = nodeinfo.well_known({"2.0": f"{origin}/nodeinfo/2.0", "2.1": f"{origin}/nodeinfo/2.1"})
    return Response(msgspec.json.encode(links), mimetype="application/json")


@discovery.get("/nodeinfo/2.0")
def get_nodeinfo_2_0() -> Response:
    body = nodeinfo.node_info_2_0(_server())
    return Response(msgspec.json.encode(body), content_type=nodeinfo.content_type("2.0"))


@discovery.get("/nodeinfo/2.1")
def get_nodeinfo_2_1() -> Response:
    body = nodeinfo.node_info_2_1(_server())
    return Response(msgspec.json.encode(body), content_type=nodeinfo.content_type("2.1"))


def _server() -> nodeinfo.Server:
    with reading() as session:
        usage = count_usage(session, now=datetime.now(UTC))
    return nodeinfo.Server(
        version=version("shoal"),
        name=Uris(current().origin).host,
        open_registrations=True,
        users=usage.users,
        active_half_year=usage.active_half_year,
        active_month=usage.active_month,
        posts=usage.messages,
    )


def _find(uris: Uris, resource: str) -> Actor:
    """Raises InvalidInputError for what is no resource of ours, NotFoundError for nobody."""
    if uris.is_local(resource):
        with reading() as session:
            actor = find_by_id(session, INSTANCE_ID if resource == uris.instance else uris.local_id(resource) or "")
    else:
        actor = _find_by_handle(uris, resource)
    if actor is None or actor.deleted_at is not None or not actor.is_local or _is_hidden(actor):
        raise NotFoundError(_NO_ACTOR)
    return actor


def _find_by_handle(uris: Uris, resource: str) -> Actor | None:
    if not resource.startswith("acct:"):
        raise InvalidInputError("Unsupported resource format")
    try:
        handle = parse_handle(resource)
    except MalformedDocumentError as error:
        raise InvalidInputError("Invalid acct resource") from error
    if handle.host != uris.host:
        raise NotFoundError(_NO_ACTOR)
    with reading() as session:
        return find_local(session, handle.user)


def _is_hidden(actor: Actor) -> bool:
    """To strangers a private channel is not there."""
    with reading() as session:
        channel = find_any_channel(session, actor.id)
    return channel is not None and channel.is_private
