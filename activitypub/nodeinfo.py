"""NodeInfo: what our server tells the world about itself (schemas 2.0 and 2.1)."""

from typing import Final, Literal, TypeAlias

import msgspec

from activitypub.strict_json import JsonObject

Version: TypeAlias = Literal["2.0", "2.1"]
_SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/"


class Server(msgspec.Struct, frozen=True):
    """What is told: the numbers are of local accounts and of public posts only."""

    version: str
    name: str
    open_registrations: bool
    users: int
    active_half_year: int
    active_month: int
    posts: int
    comments: int = 0
    repository: str | None = None
    homepage: str | None = None


def well_known(urls: dict[Version, str]) -> JsonObject:
    """The document at ``/.well-known/nodeinfo``, given where each version is served."""
    return {"links": [{"rel": _SCHEMA + version, "href": url} for version, url in urls.items()]}


def content_type(version: Version) -> str:
    """The media type with the profile by which readers tell the versions apart."""
    return f'application/json; profile="{_SCHEMA}{version}#"'


def node_info_2_0(server: Server) -> JsonObject:
    return _document("2.0", server, software={})


def node_info_2_1(server: Server) -> JsonObject:
    """As 2.0, and where the program comes from, as far as that is known."""
    known: JsonObject = {}
    if server.repository is not None:
        known["repository"] = server.repository
    if server.homepage is not None:
        known["homepage"] = server.homepage
    return _document("2.1", server, software=known)


def _document(version: Version, server: Server, *, software: JsonObject) -> JsonObject:
    return {
        "version": version,
        "software": {"name": "shoal", "version": server.version, **software},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": server.open_registrations,
        "usage": {
            "users": {
                "total": server.users,
                "activeHalfyear": server.active_half_year,
                "activeMonth": server.active_month,
            },
            "localPosts": server.posts,
            "localComments": server.comments,
        },
        "metadata": {"nodeName": server.name},
    }
