"""The browser that asks: its cookie, who is signed in with it, and that a form is one of ours."""

from __future__ import annotations

import hmac
import re
import secrets
from contextlib import ExitStack
from datetime import datetime
from typing import Final
from urllib.parse import quote

from flask import Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from app.actions.oauth.browsers import Cookie, find_signed_in
from app.errors import ForbiddenError
from app.queries.viewers import Viewer
from app.settings import current
from app.web.cookies import cookie_name, read_cookie
from app.web.fields import Fields, read_fields

FORM_TOKEN: Final = "form_token"  # noqa: S105  A field's name.
_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_START: Final = "/client"
_OWN_PAGE: Final = "/auth/account"


class SignInFirst(HTTPException):
    """Who is not signed in is led to do so, and back."""

    def __init__(self) -> None:
        super().__init__(response=leads_to(f"/auth/login?next={quote(_way_back(), safe='')}"))


def read_form() -> Fields:
    """The parameters of a request for a page; of a POST only what its body holds, and only if one of our forms sent it.

    An address may be another site's work: that of the question whether to allow a client is the client's own, and what
    somebody answers must not stand in it. Raises ForbiddenError for a form that another site, or another browser, was
    shown.
    """
    with ExitStack() as until:
        fields = read_fields(request, {}, until=until)
    if request.method != "POST":
        return fields
    sent = Fields(json=fields.json, form=fields.form)
    if not _is_ours(sent):
        raise ForbiddenError("This form is too old. Go back, load the page again and try once more.")
    return sent


def text_of(fields: Fields, name: str) -> str:
    """Empty without one."""
    found = fields.find(name)
    return found if isinstance(found, str) else ""


def find_viewer() -> Viewer | None:
    """Who is signed in. Raises ForbiddenError for a banned account."""
    if "browser_viewer" not in g:
        value = read_cookie()
        g.browser_viewer = None if value is None else find_signed_in(value)
    viewer: Viewer | None = g.browser_viewer
    return viewer


def find_welcome() -> Viewer | None:
    """Who is signed in and not banned: pages for everybody stay open to whoever wants to sign in as somebody else."""
    try:
        return find_viewer()
    except ForbiddenError:
        return None


def need_viewer() -> Viewer:
    """Raises SignInFirst."""
    viewer = find_viewer()
    if viewer is None:
        raise SignInFirst
    return viewer


def form_token() -> str:
    """What a form holds, and no other site can know: a MAC under the cookie, which is made if there is none."""
    if "visitor" not in g:
        g.visitor = read_cookie() or secrets.token_urlsafe(32)
    return _token_for(g.visitor)


def keep_visitor(response: Response) -> None:
    """The cookie that the forms of this answer belong to, for a browser that had none."""
    if "visitor" in g and g.visitor != read_cookie():
        _set(response, g.visitor, expires=None)


def sign_in(response: Response, cookie: Cookie) -> None:
    """Always a new value, so that nobody can have put theirs there before."""
    _set(response, cookie.value, expires=cookie.expires_at)


def sign_out(response: Response) -> None:
    response.delete_cookie(cookie_name(), secure=current().is_https, httponly=True, samesite="Lax")


def leads_to(path: str, *, status: int = 303) -> Response:
    return Response(status=status, headers={"Location": path, "Cache-Control": "no-store"})


def safe_next(path: str) -> str:
    """Where to go on: a path of ours, or the start for what could lead anywhere else."""
    return path if _PATH.fullmatch(path) else _START


def is_json() -> bool:
    """Whether a program asks: a browser sends JSON across sites only where CORS allows it."""
    return request.mimetype == "application/json"


def _way_back() -> str:
    """The page that was asked for, or the one whose form it was."""
    is_page = current_app.url_map.bind(request.host).test(request.path, "GET")
    return request.full_path.rstrip("?") if is_page else _OWN_PAGE


def _is_ours(fields: Fields) -> bool:
    value = read_cookie()
    if is_json():
        return True
    if value is None:
        # No browser sends a form without saying from where; whatever else does has no cookie to misuse.
        return not ({"Origin", "Sec-Fetch-Site", "Cookie"} & set(request.headers.keys()))
    return hmac.compare_digest(_token_for(value).encode(), text_of(fields, FORM_TOKEN).encode())


def _token_for(value: str) -> str:
    return hmac.digest(value.encode(), b"shoal form", "sha256").hex()


def _set(response: Response, value: str, *, expires: datetime | None) -> None:
    secure = current().is_https
    response.set_cookie(cookie_name(), value, expires=expires, path="/", secure=secure, httponly=True, samesite="Lax")
