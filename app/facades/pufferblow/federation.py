"""Following people of other servers (contracts/pufferblow.md, 6)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.errors import InvalidInputError, NotFoundError
from app.facades.pufferblow.answers import Done
from app.facades.pufferblow.api import API
from app.facades.pufferblow.peers import find_known, resolve
from app.pipeline import compose, submit
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.shapes import Shape


class Follow(Params):
    remote_handle: Annotated[str, Field(min_length=3, max_length=2048)]


class FollowResult(Shape):
    activity_id: str
    target_actor: str
    delivery_target: str


class Followed(Done):
    result: FollowResult


@API.signed_in(
    "POST",
    "/api/v1/federation/follow",
    params=Follow,
    answer=Followed,
    tag="Federation",
    summary="Follow somebody on another server",
    errors={409, 429},
    scope="account:write",
)
def follow(viewer: Viewer, params: Follow) -> Followed:
    target = resolve(viewer, params.remote_handle)
    if target.is_local:
        raise InvalidInputError("Follow target must be remote for federation follow flow")
    outcome = submit(compose.follow(viewer, target))
    return Followed(
        status_code=200,
        message="Follow activity delivered",
        result=FollowResult(
            activity_id=outcome.uri, target_actor=target.uri, delivery_target=target.shared_inbox or target.inbox
        ),
    )


@API.signed_in(
    "POST",
    "/api/v1/federation/unfollow",
    params=Follow,
    answer=Followed,
    tag="Federation",
    summary="Stop following somebody on another server",
    errors={404, 409},
    scope="account:write",
)
def unfollow(viewer: Viewer, params: Follow) -> Followed:
    """No route of the reference server, which has no way back."""
    target = find_known(params.remote_handle)
    if target is None or target.is_local:
        raise NotFoundError("You do not follow this actor.")
    outcome = submit(compose.unfollow(viewer, target))
    return Followed(
        status_code=200,
        message="Unfollow activity delivered",
        result=FollowResult(
            activity_id=outcome.uri, target_actor=target.uri, delivery_target=target.shared_inbox or target.inbox
        ),
    )
