"""One's own account: name, description, status, password, tokens (contracts/pufferblow.md, 3)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

from pydantic import Field

from app.actions import profile, tokens
from app.actions.accounts import MAX_PASSWORD_LENGTH
from app.facades.pufferblow.answers import Done, SessionOpened, session_opened
from app.facades.pufferblow.api import API
from app.facades.pufferblow.users import TAG, Password, Username
from app.live.statuses import tell_status
from app.queries.viewers import Viewer
from app.web.fields import Params
from app.web.limiting import guess_own_password


class ChangeProfile(Params):
    """All that is given changes; `new_password` needs `old_password`."""

    new_username: Username | None = None
    status: str | None = None
    new_password: Annotated[str, Field(max_length=MAX_PASSWORD_LENGTH)] | None = None
    old_password: Annotated[str, Field(max_length=MAX_PASSWORD_LENGTH)] | None = None
    about: Annotated[str, Field(json_schema_extra={"maxLength": profile.MAX_ABOUT})] | None = None


class PasswordGiven(Params):
    password: Password


class ProfileChanged(Done):
    """`status` is the one that was set, in its one spelling."""

    status: str | None = None


@API.signed_in(
    "PUT",
    "/api/v1/users/profile",
    params=ChangeProfile,
    answer=ProfileChanged,
    tag=TAG,
    summary="Change one's name, description, status or password",
    errors={409},
    scope="account:write",
)
def change_profile(viewer: Viewer, params: ChangeProfile) -> ProfileChanged:
    if params.new_password is not None:
        viewer.require_scope(None)  # Whoever can change it needs no session any more.
    changes = profile.Changes(
        username=params.new_username,
        status=params.status,
        new_password=params.new_password,
        old_password=params.old_password,
        about=params.about,
    )
    with guess_own_password(viewer) if "Password" in changes.names else nullcontext():
        status = profile.change(viewer, changes)
    if status is not None:
        tell_status(status, "http_profile_update")
    names = changes.names
    message = f"{' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))} updated successfully"
    return ProfileChanged(status_code=200, message=message, status=status.status if status else None)


@API.signed_in(
    "POST",
    "/api/v1/users/profile/reset-auth-token",
    params=PasswordGiven,
    answer=SessionOpened,
    tag=TAG,
    summary="End all of one's sessions and open a new one",
    errors={404},
)
def reset_auth_token(viewer: Viewer, params: PasswordGiven) -> SessionOpened:
    with guess_own_password(viewer):
        pair = tokens.reset(viewer, params.password)
    return session_opened(pair, status_code=200, message="auth_token reset successfully")
