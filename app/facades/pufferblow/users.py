"""Signing up and in, and what people see of each other (contracts/pufferblow.md, 3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions import accounts
from app.db import reading
from app.facades.pufferblow.answers import SessionOpened, session_opened
from app.facades.pufferblow.api import API
from app.facades.pufferblow.profiles import UserData, user_data
from app.queries.accounts import get_profile, list_profiles
from app.queries.server_settings import server_settings
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.authentication import find_asker
from app.web.fields import Params
from app.web.limiting import guess_password, note_signed_in
from app.web.shapes import Shape

TAG = "Users"

Password = Annotated[str, Field(min_length=1, max_length=accounts.MAX_PASSWORD_LENGTH)]


# The action says what a name may be; the pattern is for the documentation.
Username = Annotated[str, Field(json_schema_extra={"pattern": accounts.USERNAME})]


class SignUp(Params):
    """On a private server the token is of somebody who may create users; elsewhere nobody needs one."""

    username: Username
    password: Password
    auth_token: Annotated[str | None, Field(max_length=4096)] = None


class SignIn(Params):
    username: Annotated[str, Field(min_length=1, max_length=255)]
    password: Password


class WhichProfile(Params):
    user_id: Annotated[str | None, Field(max_length=64)] = None


class ProfileShown(Shape):
    status_code: int
    user_data: UserData


class UsersListed(Shape):
    status_code: int
    users: list[UserData]


class UsersRoute(Shape):
    status_code: int
    description: str


@API.public(
    "POST",
    "/api/v1/users/signup",
    params=SignUp,
    answer=SessionOpened,
    tag=TAG,
    summary="Make an account",
    status=201,
    errors={401, 403, 409},
)
def sign_up(params: SignUp) -> SessionOpened:
    inviter = find_asker(params.auth_token, scope=None) if server_settings().is_private else None
    pair = accounts.sign_up(params.username, params.password, invited_by=inviter)
    note_signed_in(params.username)
    return session_opened(pair, status_code=201, message="Account created successfully")


@API.public(
    "GET",
    "/api/v1/users/signin",
    params=SignIn,
    answer=SessionOpened,
    tag=TAG,
    summary="Sign in; prefer POST, which keeps the password out of logs",
    errors={401, 403, 404},
)
@API.public(
    "POST",
    "/api/v1/users/signin",
    params=SignIn,
    answer=SessionOpened,
    tag=TAG,
    summary="Sign in",
    errors={401, 403, 404},
)
def sign_in(params: SignIn) -> SessionOpened:
    with guess_password(params.username):
        pair = accounts.sign_in(params.username, params.password)
    return session_opened(pair, status_code=200, message="Signin successfully")


@API.signed_in(
    "POST",
    "/api/v1/users/profile",
    params=WhichProfile,
    answer=ProfileShown,
    tag=TAG,
    summary="One's own profile, or somebody else's",
    errors={404},
    scope="account:read",
)
def show_profile(viewer: Viewer, params: WhichProfile) -> ProfileShown:
    with reading() as session:
        profile = get_profile(session, params.user_id or viewer.actor_id)
    return ProfileShown(status_code=200, user_data=user_data(profile, viewer))


@API.signed_in(
    "GET",
    "/api/v1/users/list",
    params=NoParams,
    answer=UsersListed,
    tag=TAG,
    summary="Everybody one may meet here",
    scope="account:read",
)
def list_users(viewer: Viewer, _: NoParams) -> UsersListed:
    with reading() as session:
        profiles = list_profiles(session, viewer)
    return UsersListed(status_code=200, users=[user_data(profile, viewer) for profile in profiles])


@API.public(
    "GET", "/api/v1/users", params=NoParams, answer=UsersRoute, tag=TAG, summary="That the users routes are here"
)
def users_route(_: NoParams) -> UsersRoute:
    return UsersRoute(status_code=200, description="This is the main users route")
