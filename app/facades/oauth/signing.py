"""Signing up, in and out (contracts/punctum.md, 2.3)."""

from __future__ import annotations

from flask import Blueprint, Response

from app.actions import accounts
from app.actions.oauth import browsers
from app.errors import AppError, ConflictError, InvalidInputError, NotFoundError, UnauthenticatedError
from app.facades.oauth import browser
from app.facades.oauth.browser import leads_to, need_viewer, read_form, safe_next, text_of
from app.facades.oauth.pages import page, show_error, target_of
from app.queries.server_settings import server_settings
from app.web.fields import Fields
from app.web.limiting import guess_password, note_signed_in

# One sentence for both, so that it tells nobody who has an account here.
WRONG = "The name or the password is wrong."

blueprint = Blueprint("oauth_signing", __name__)
blueprint.register_error_handler(AppError, show_error)


@blueprint.get("/auth/sign_up")
def show_sign_up() -> Response:
    return _sign_up_page(read_form(), {}, status=200)


@blueprint.post("/auth/sign_up")
def sign_up() -> Response:
    fields = read_form()
    username, password, address = (text_of(fields, name) for name in ("username", "password", "email"))
    try:
        cookie = browsers.sign_up(username, password, address=address or None)
    except AppError as error:
        if browser.is_json():
            raise
        return _sign_up_page(fields, {_field_of(error): error.message}, status=error.status)
    note_signed_in(username)
    return _signed_in(fields, cookie)


@blueprint.get("/auth/login")
def show_login() -> Response:
    return _login_page(read_form(), {}, status=200)


@blueprint.post("/auth/login")
def login() -> Response:
    """`email` is what Punctum calls the field; a name will do."""
    fields = read_form()
    typed = text_of(fields, "email") or text_of(fields, "username")
    try:
        cookie = _sign_in(typed, text_of(fields, "password"))
    except AppError as error:
        if browser.is_json():
            raise
        return _login_page(fields, {"": error.message}, status=error.status)
    return _signed_in(fields, cookie)


@blueprint.get("/auth/logout")
def show_logout() -> Response:
    need_viewer()
    return page("logout.html")


@blueprint.post("/auth/logout")
def logout() -> Response:
    read_form()
    browsers.sign_out(need_viewer())
    response = leads_to("/auth/login")
    browser.sign_out(response)
    return response


def _sign_in(typed: str, password: str) -> browsers.Cookie:
    if not typed or not 1 <= len(password) <= accounts.MAX_PASSWORD_LENGTH:
        raise UnauthenticatedError(WRONG)
    name = browsers.name_of(typed)
    try:
        with guess_password(name):
            return browsers.sign_in(name, password)
    except (NotFoundError, UnauthenticatedError) as error:
        raise UnauthenticatedError(WRONG) from error


def _signed_in(fields: Fields, cookie: browsers.Cookie) -> Response:
    """The session that the browser had until now ends: nobody has its cookie any more."""
    before = browser.find_welcome()
    if before is not None:
        browsers.sign_out(before)
    response = leads_to(safe_next(text_of(fields, "next")))
    browser.sign_in(response, cookie)
    return response


def _field_of(error: AppError) -> str:
    """Whose fault it was, by what the actions say."""
    if isinstance(error, ConflictError):
        return "username"
    if not isinstance(error, InvalidInputError):
        return ""
    return next((name for name in ("username", "password") if f"A {name}" in error.message), "email")


def _sign_up_page(fields: Fields, errors: dict[str, str], *, status: int) -> Response:
    next_path = safe_next(text_of(fields, "next"))
    return page(
        "sign_up.html",
        status=status,
        errors=errors,
        target=target_of(next_path),
        next=next_path,
        username=text_of(fields, "username"),
        email=text_of(fields, "email"),
        is_private=server_settings().is_private,
        max_password_length=accounts.MAX_PASSWORD_LENGTH,
    )


def _login_page(fields: Fields, errors: dict[str, str], *, status: int) -> Response:
    next_path = safe_next(text_of(fields, "next"))
    return page(
        "login.html",
        status=status,
        errors=errors,
        target=target_of(next_path),
        next=next_path,
        email=text_of(fields, "email"),
        max_password_length=accounts.MAX_PASSWORD_LENGTH,
    )
