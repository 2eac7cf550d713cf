"""Pages: templates with a policy that lets nothing run, and the one stylesheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, request, send_from_directory
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.actions.oauth.consents import find_redirect, redirect_source
from app.actions.oauth.server import PREFIX
from app.db import reading
from app.errors import AppError, TooManyRequestsError, UnavailableError
from app.facades.oauth.browser import FORM_TOKEN, find_welcome, form_token, is_json, keep_visitor
from app.queries.instance import get_instance
from app.web.answers import answer_error

_HERE: Final = Path(__file__).parent
_CACHE_SECONDS: Final = 3600
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{targets}"
)

blueprint = Blueprint("oauth_pages", __name__)
_templates = Environment(
    loader=PackageLoader("app.facades.oauth"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@blueprint.get("/auth/style.css")
def style() -> Response:
    return send_from_directory(_HERE, "style.css", max_age=_CACHE_SECONDS)


def page(
    template: str, *, status: int = 200, errors: Mapping[str, str] | None = None, target: str = "", **shown: Any
) -> Response:
    """`errors` by the name of the field, "" for the whole form. `target` is another origin that a form may end at:
    browsers hold a policy for forms against redirects, too (CSP, level 3, section 6.3.1)."""
    with reading() as session:
        server_name = get_instance(session).name
    html = _templates.get_template(template).render(
        server_name=server_name,
        viewer=find_welcome(),
        form_token=form_token(),
        form_token_name=FORM_TOKEN,
        errors=errors or {},
        **shown,
    )
    response = Response(html, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY.format(targets=f" {_as_source(target)}" if target else "")
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cache-Control"] = "no-store"
    keep_visitor(response)
    return response


def target_of(next_path: str) -> str:
    """The origin that a form may end at which goes on with `next_path`: a client may have been allowed before."""
    parts = urlsplit(next_path)
    if not parts.path.startswith(PREFIX):
        return ""
    asked = parse_qs(parts.query)
    client_id, redirect_uri = (asked.get(name, [""])[0] for name in ("client_id", "redirect_uri"))
    found = find_redirect(client_id, redirect_uri)
    return "" if found is None else redirect_source(found)


def _as_source(origin: str) -> str:
    """A policy has no words for an IPv6 address (CSP, level 3, section 2.3.1): its scheme has to do."""
    return f"{origin.partition(':')[0]}:" if "[" in origin else origin


def show_error(error: AppError) -> Response:
    """On a page for people; programs are told as everywhere else, and so is everybody where a page would need what is
    away."""
    if isinstance(error, UnavailableError) or is_json() or "text/html" not in request.headers.get("Accept", ""):
        return answer_error(error)
    response = page("error.html", status=error.status, message=error.message)
    if isinstance(error, TooManyRequestsError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response
