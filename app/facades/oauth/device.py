"""The page on which somebody types what a device shows them (RFC 8628, section 3.3)."""

from __future__ import annotations

from flask import Blueprint, Response

from app.actions.oauth import devices
from app.errors import AppError, NotFoundError
from app.facades.oauth.browser import need_viewer, read_form, text_of
from app.facades.oauth.pages import page, show_error
from app.facades.oauth.words import in_words
from app.queries.viewers import Viewer
from app.web.limiting import guess_device_code

blueprint = Blueprint("oauth_device", __name__)
blueprint.register_error_handler(AppError, show_error)


@blueprint.get(devices.PAGE)
def show_device() -> Response:
    """With a code in its address it is typed already, and still has to be sent: whoever gave somebody the address
    may not have them allow anything with one look (section 5.4)."""
    need_viewer()
    return page("device.html", user_code=text_of(read_form(), "user_code"))


@blueprint.post(devices.PAGE)
def answer_device() -> Response:
    fields = read_form()
    viewer = need_viewer()
    user_code, decision = text_of(fields, "user_code"), text_of(fields, "decision")
    guess_device_code(viewer.actor_id)
    try:
        return _answer(viewer, user_code, decision)
    except NotFoundError as error:
        return page("device.html", status=404, user_code=user_code, errors={"user_code": error.message})


def _answer(viewer: Viewer, user_code: str, decision: str) -> Response:
    """Raises NotFoundError."""
    if decision == "allow":
        devices.allow_device(viewer, user_code)
        return page("device_done.html", is_allowed=True)
    if decision == "deny":
        devices.deny_device(user_code)
        return page("device_done.html", is_allowed=False)
    asked = devices.ask_about(user_code)
    code = devices.spell_user_code(user_code)
    return page("consent.html", asked=asked, action=devices.PAGE, scopes=in_words(asked.scopes), user_code=code)
