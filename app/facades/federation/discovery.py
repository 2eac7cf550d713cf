"""How other servers find us: WebFinger, host-meta, NodeInfo."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.metadata import version

import msgspec
from flask import Blueprint, Response, request

from activitypub import nodeinfo
from activitypub.webfinger import JRD_TYPE, Handle, host_meta, jrd
from app.db import reading
from app.errors import InvalidInputError
from app.facades.federation.answers import NO_ACTOR, missing
from app.queries.instance import get_instance
from app.queries.resources import find_by_name, find_by_uri
from app.queries.server_settings import server_settings
from app.queries.statistics import count_usage
from app.settings import current
from app.uris import Uris

blueprint = Blueprint("discovery", __name__)

_MAX_RESOURCE = 2048
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")


@blueprint.get("/.well-known/webfinger")
def get_webfinger() -> Response:
    """RFC 7033, for `acct:` handles of ours and for our actors' own URIs."""
    resources = request.args.getlist("resource")
    if len(resources) != 1 or not resources[0] or len(resources[0]) > _MAX_RESOURCE:
        raise InvalidInputError("Unsupported resource format")
    uris, resource = Uris(current().origin), resources[0]
    with reading() as session:
        if uris.is_local(resource):
            actor = find_by_uri(session, uris, resource)
        else:
            name, host = _parse_account(resource)
            actor = find_by_name(session, name) if host == uris.host and _NAME.fullmatch(name) else None
    if actor is None:
        raise missing(NO_ACTOR)
    body = jrd(Handle(actor.preferred_username, uris.host), actor=actor.uri)
    return _answer(msgspec.json.encode(body), JRD_TYPE)


@blueprint.get("/.well-known/host-meta")
def get_host_meta() -> Response:
    return _answer(host_meta(current().origin).encode(), "application/xrd+xml; charset=utf-8")


@blueprint.get("/.well-known/nodeinfo")
def get_nodeinfo_links() -> Response:
    origin = current().origin
    links = nodeinfo.well_known({"2.0": f"{origin}/nodeinfo/2.0", "2.1": f"{origin}/nodeinfo/2.1"})
    return _answer(msgspec.json.encode(links), "application/json")


@blueprint.get("/nodeinfo/2.0")
def get_nodeinfo_2_0() -> Response:
    return _answer(msgspec.json.encode(nodeinfo.node_info_2_0(_server())), nodeinfo.content_type("2.0"))


@blueprint.get("/nodeinfo/2.1")
def get_nodeinfo_2_1() -> Response:
    return _answer(msgspec.json.encode(nodeinfo.node_info_2_1(_server())), nodeinfo.content_type("2.1"))


def _answer(body: bytes, content_type: str) -> Response:
    """Open to scripts of every site (RFC 7033, section 5), and good for some minutes."""
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _server() -> nodeinfo.Server:
    with reading() as session:
        instance = get_instance(session)
        usage = count_usage(session, now=datetime.now(UTC))
    settings = server_settings()
    has_room = settings.max_users is None or usage.users < settings.max_users
    return nodeinfo.Server(
        version=version("shoal"),
        name=instance.name,
        open_registrations=has_room and not settings.is_private,
        users=usage.users,
        active_half_year=usage.active_half_year,
        active_month=usage.active_month,
        posts=usage.messages,
    )


def _parse_account(resource: str) -> tuple[str, str]:
    """(name, host) of an `acct:` URI (RFC 7565). In development our host is `localhost:7575`, no public handle's."""
    scheme, _, account = resource.partition(":")
    name, _, host = account.removeprefix("@").rpartition("@")
    if scheme.lower() != "acct":
        raise InvalidInputError("Unsupported resource format")
    if not name or "@" in name:
        raise InvalidInputError("Invalid acct resource")
    return name, host.lower()
