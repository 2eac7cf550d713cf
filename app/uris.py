"""The world's names for our things: every local id as an https URI of our origin, and back."""

from __future__ import annotations

import re

import msgspec

_LOCAL_PATH = re.compile(
    r"/ap/(users|channels|dms|spaces|members|roles|invites|emoji|messages|activities)/([a-z0-9_]+)"
)


class Uris(msgspec.Struct, frozen=True):
    """URIs under one public origin, which comes from settings and never from a request's Host header."""

    origin: str

    @property
    def host(self) -> str:
        """Host, with a port where it is not the scheme's own: what stands after the @ of a handle."""
        return self.origin.split("://", 1)[1]

    @property
    def instance(self) -> str:
        return f"{self.origin}/ap/instance"

    @property
    def shared_inbox(self) -> str:
        return f"{self.origin}/ap/inbox"

    def user(self, id: str) -> str:
        return f"{self.origin}/ap/users/{id}"

    def channel(self, id: str) -> str:
        return f"{self.origin}/ap/channels/{id}"

    def conversation(self, id: str) -> str:
        """What is said in a group has it as its context; nothing is served there."""
        return f"{self.origin}/ap/dms/{id}"

    def space(self, id: str) -> str:
        return f"{self.origin}/ap/spaces/{id}"

    def member(self, id: str) -> str:
        return f"{self.origin}/ap/members/{id}"

    def invite(self, id: str) -> str:
        return f"{self.origin}/ap/invites/{id}"

    def emoji(self, id: str) -> str:
        return f"{self.origin}/ap/emoji/{id}"

    def role(self, id: str) -> str:
        return f"{self.origin}/ap/roles/{id}"

    def message(self, id: str) -> str:
        return f"{self.origin}/ap/messages/{id}"

    def activity(self, id: str) -> str:
        return f"{self.origin}/ap/activities/{id}"

    def is_local(self, uri: str) -> bool:
        return uri == self.origin or uri.startswith(self.origin + "/")

    def local_id(self, uri: str) -> str | None:
        """The id inside one of our URIs (a fragment or a sub-path is not one), or None."""
        if not self.is_local(uri):
            return None
        match = _LOCAL_PATH.fullmatch(uri[len(self.origin) :])
        return match.group(2) if match else None

    def kind_of(self, uri: str | None) -> str | None:
        """What one of our URIs names: "users", "channels", "spaces" and so on, or None."""
        if uri is None or not self.is_local(uri):
            return None
        match = _LOCAL_PATH.fullmatch(uri[len(self.origin) :])
        return match.group(1) if match else None
