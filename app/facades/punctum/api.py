"""The table that every module of this facade adds its routes to, and how a route is answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final, Literal, NotRequired, TypedDict, Unpack

import msgspec
from flask import Flask, Response

from app.errors import ConflictError, InvalidInputError, ReusedKeyError
from app.facades.punctum.ask import Ask, find_asker
from app.facades.punctum.instances import is_signed
from app.facades.punctum.scopes import DEPENDS, Needed, allow
from app.facades.punctum.shapes import ID_ALONE, Body, change_of, new, or_id
from app.facades.punctum.values import Check, Schema
from app.queries.objects import Kind
from app.queries.punctum.shown import Known
from app.queries.server_settings import server_settings
from app.settings import current
from app.web.answers import JSON

Answer = dict[str, Any]
View = Callable[[Ask], Answer]

PREFIX: Final = "/api/v1"
_NO_STORE: Final = {"Cache-Control": "no-store"}  # Answers hold what only the asker may read.


class Described(TypedDict):
    """What a route takes and answers, as the OpenAPI document says: `answers` is an object of a kind, or what a schema
    says; `errors` are statuses beyond those of all routes. An instance signs what it asks where that is `signed`."""

    answers: NotRequired[Kind | Schema]
    takes: NotRequired[Body]
    query: NotRequired[Mapping[str, Check[Any]]]
    errors: NotRequired[Collection[int]]
    signed: NotRequired[Literal["may", "must"]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is without the prefix, with its parts in braces. Who asks on a route that `is_open` may be a stranger; one
    that `makes` something answers with it, and says where it is."""

    method: str
    path: str
    view: View
    scope: Needed
    status: int
    is_open: bool
    makes: bool
    answers: Kind | Schema = msgspec.field(default_factory=lambda: ID_ALONE)
    takes: Body | None = None
    query: Mapping[str, Check[Any]] = msgspec.field(default_factory=dict)
    errors: Collection[int] = ()
    signed: Literal["may", "must"] | None = None

    @property
    def status_of_new(self) -> int:
        """What is made inside another object has the operator's (contract, 6, H-1)."""
        return current().nested_post_status if self.makes and self.status == 200 else self.status

    def is_open_now(self) -> bool:
        """Whether strangers may ask: of all but the server itself, not where the staff wants a login (contract, 6,
        H-7). What an instance asks, it signs."""
        if not self.is_open or self.scope is None or not server_settings().require_login_to_read:
            return self.is_open
        return self.signed is not None and is_signed()


ROUTES: list[Route] = []


def route(
    method: str,
    path: str,
    *,
    scope: Needed,
    status: int = 200,
    is_open: bool = False,
    makes: bool = False,
    **described: Unpack[Described],
) -> Callable[[View], View]:
    """Add a route, with what a limited session needs for it; if that DEPENDS, the view asks for it.

    A PATCH that answers with an object of a kind, or the id of one that the session may not read, takes what changes of
    one, and what makes one takes a new one, unless something else is said.
    """
    makes = makes or status == 201
    kind = described.get("answers")
    if isinstance(kind, str) and "takes" not in described and (makes or method == "PATCH"):
        described["takes"] = (new if makes else change_of)(kind)
    if isinstance(kind, str) and method == "PATCH":
        described["answers"] = or_id(kind)

    def add(view: View) -> View:
        ROUTES.append(
            Route(
                method=method,
                path=path,
                view=view,
                scope=scope,
                status=status,
                is_open=is_open,
                makes=makes,
                **described,
            )
        )
        return view

    return add


def scope_of(method: str, path: str) -> Needed:
    """What a limited session needs for a route, wherever else the same can be asked."""
    return _scopes()[method, path]


@cache
def _scopes() -> dict[tuple[str, str], Needed]:
    return {(one.method, one.path): one.scope for one in ROUTES}


def mount(app: Flask) -> None:
    for number, one in enumerate(ROUTES):
        app.add_url_rule(
            PREFIX + one.path.replace("{", "<").replace("}", ">"),
            endpoint=f"punctum.{number}.{one.view.__name__}",
            view_func=_handler(one),
            methods=[one.method],
            strict_slashes=False,
        )


def _handler(one: Route) -> Callable[..., Response]:
    def handle(**given: str) -> Response:
        ask = Ask(given, find_asker())
        if one.scope != DEPENDS:
            allow(ask.asker, one.scope)
        if not one.is_open_now():
            ask.require_viewer()
        try:
            shown = one.view(ask)
        except (ConflictError, ReusedKeyError) as error:
            raise InvalidInputError(error.message) from error  # What is taken is a wrong value (contract, 6, H-21).
        is_new = one.makes and not isinstance(shown, Known)
        headers = _NO_STORE | {"Location": f"{PREFIX}/id/{shown['id']}"} if is_new else _NO_STORE
        return Response(
            msgspec.json.encode(shown), one.status_of_new if is_new else 200, headers=headers, mimetype=JSON
        )

    return handle
