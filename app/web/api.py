"""A facade's table of routes: what is asked, what is answered and who may ask, written once for Flask and OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import ExitStack
from typing import Any, NotRequired, TypedDict, TypeVar, Unpack

import msgspec
from flask import Flask, Response, request

from app.queries.scopes import Scope
from app.queries.viewers import Viewer
from app.web.answers import json_answer
from app.web.fields import Fields, P, Params, parse, read_fields
from app.web.shapes import Shape

A = TypeVar("A", bound=Shape)
Authenticate = Callable[[Fields], Viewer]

_PATH_NAME = re.compile(r"\{([a-z_]+)\}")


def path_names(path: str) -> list[str]:
    """The parameters in a path that is written as OpenAPI does."""
    return _PATH_NAME.findall(path)


class NoParams(Params):
    """For a route that asks for nothing."""


class About(TypedDict):
    """What a route's documentation says; `errors` are statuses beyond those all routes have.

    `scope` is what a session with limits needs; without one the route is for sessions without limits.
    `max_file_bytes` tells how much the files of one request may have together, for a route that takes files.
    """

    tag: str
    summary: str
    status: NotRequired[int]
    errors: NotRequired[Collection[int]]
    scope: NotRequired[Scope]
    max_file_bytes: NotRequired[Callable[[], int]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is written as OpenAPI does, `/channels/{channel_id}`. `view` takes the viewer first if `needs_viewer`.

    Without an `answer` it answers with a file, and asks for itself who asks.
    """

    method: str
    path: str
    view: Callable[..., Shape | Response]
    params: type[Params]
    answer: type[Shape] | None
    tag: str
    summary: str
    status: int = 200
    errors: Collection[int] = ()
    needs_viewer: bool = False
    privilege: str | None = None
    scope: Scope | None = None
    max_file_bytes: Callable[[], int] | None = None

    @property
    def name(self) -> str:
        """Unique among an API's routes."""
        return f"{self.method.lower()}_{self.view.__name__}"

    @property
    def path_names(self) -> list[str]:
        return path_names(self.path)


class Api:
    """Routes of one facade, with the way it tells who asks."""

    def __init__(self, name: str, *, authenticate: Authenticate) -> None:
        self.name = name
        self.routes: list[Route] = []
        self._authenticate = authenticate

    def public(
        self, method: str, path: str, *, params: type[P], answer: type[A], **about: Unpack[About]
    ) -> Callable[[Callable[[P], A]], Callable[[P], A]]:
        """A route that nobody needs a token for."""

        def add(view: Callable[[P], A]) -> Callable[[P], A]:
            self.routes.append(Route(method=method, path=path, view=view, params=params, answer=answer, **about))
            return view

        return add

    def file(
        self, path: str, *, params: type[P], **about: Unpack[About]
    ) -> Callable[[Callable[[P], Response]], Callable[[P], Response]]:
        """A route that answers GET and HEAD with a file, or a part of one."""

        def add(view: Callable[[P], Response]) -> Callable[[P], Response]:
            self.routes.append(Route(method="GET", path=path, view=view, params=params, answer=None, **about))
            return view

        return add

    def signed_in(
        self,
        method: str,
        path: str,
        *,
        params: type[P],
        answer: type[A],
        privilege: str | None = None,
        **about: Unpack[About],
    ) -> Callable[[Callable[[Viewer, P], A]], Callable[[Viewer, P], A]]:
        """A route for people with a token, and with `privilege` where it is named."""

        def add(view: Callable[[Viewer, P], A]) -> Callable[[Viewer, P], A]:
            self.routes.append(
                Route(
                    method=method,
                    path=path,
                    view=view,
                    params=params,
                    answer=answer,
                    needs_viewer=True,
                    privilege=privilege,
                    **about,
                )
            )
            return view

        return add

    def mount(self, app: Flask) -> None:
        """Serve every route, with and without a slash at its end."""
        for route in self.routes:
            app.add_url_rule(
                _PATH_NAME.sub(r"<\1>", route.path),
                endpoint=f"{self.name}.{route.name}",
                view_func=self._handler(route),
                methods=[route.method],
                strict_slashes=False,
            )

    def _handler(self, route: Route) -> Callable[..., Response]:
        def handle(**path: str) -> Response:
            max_file_bytes = route.max_file_bytes() if route.max_file_bytes else 0
            with ExitStack() as until:
                fields = read_fields(request, path, until=until, max_file_bytes=max_file_bytes)
                given: tuple[Any, ...] = (self._admit(route, fields),) if route.needs_viewer else ()
                answer = route.view(*given, parse(route.params, fields))
            return answer if isinstance(answer, Response) else json_answer(answer, route.status)

        return handle

    def _admit(self, route: Route, fields: Fields) -> Viewer:
        viewer = self._authenticate(fields)
        viewer.require_scope(route.scope)
        if route.privilege is not None:
            viewer.require(route.privilege)
        return viewer
