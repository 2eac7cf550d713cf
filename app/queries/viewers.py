"""Who asks: the one value that every question of permission is asked about."""

from __future__ import annotations

import msgspec

from app.errors import ForbiddenError, InsufficientScopeError
from app.models import Actor
from app.queries.privileges import privileges_of
from app.queries.scopes import Scope


class Viewer(msgspec.Struct, frozen=True):
    """An actor that proved who it is: one of ours by a token, another server's by a signed request.

    `session_id` is the login session of a token; `scopes` are all that a limited session may do, None for everything
    its account may. `granted` is what roles allow that the owner of the server made, beside `roles` themselves. A
    remote viewer has no roles here; an instance actor asks for all the people of its server, because most servers sign
    their GETs with it.
    """

    actor_id: str
    uri: str
    username: str
    roles: frozenset[str] = frozenset()
    session_id: str | None = None
    host: str | None = None
    is_instance: bool = False
    scopes: frozenset[str] | None = None
    granted: frozenset[str] = frozenset()

    @property
    def is_local(self) -> bool:
        return self.host is None

    @property
    def asks_for_server(self) -> bool:
        """Another server's instance actor."""
        return self.is_instance and self.host is not None

    @property
    def privileges(self) -> frozenset[str]:
        return privileges_of(self.roles) | self.granted if self.is_local else frozenset()

    def is_allowed(self, scope: str | None) -> bool:
        """Whether this session may do what needs `scope`; what needs None is for sessions without limits."""
        return self.scopes is None or scope in self.scopes

    def require_scope(self, scope: Scope | None) -> None:
        """Raises InsufficientScopeError where this session is not allowed it."""
        if not self.is_allowed(scope):
            raise InsufficientScopeError(scope)

    def has(self, privilege: str) -> bool:
        return privilege in self.privileges

    def require(self, privilege: str) -> None:
        """Raises ForbiddenError for who has not the privilege."""
        if not self.has(privilege):
            raise ForbiddenError(f"Access forbidden. Missing required privilege: {privilege}.")


def remote_viewer(actor: Actor) -> Viewer:
    """Another server's actor, proved by its signature."""
    return Viewer(
        actor.id,
        actor.uri,
        actor.preferred_username,
        host=actor.host,
        is_instance=actor.type == "Application",
    )
