"""One's own account: sessions, apps and bots; and how to connect a client."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response

from app.actions.oauth import browsers, clients, consents
from app.db import reading
from app.errors import AppError
from app.facades.oauth.browser import leads_to, need_viewer, read_form, text_of
from app.facades.oauth.pages import page, show_error
from app.facades.oauth.words import choices, in_words
from app.queries.oauth import list_apps, list_sessions
from app.queries.viewers import Viewer
from app.settings import current

PATH = "/auth/account"

blueprint = Blueprint("oauth_account", __name__)
blueprint.register_error_handler(AppError, show_error)


@blueprint.get("/client")
def client() -> Response:
    """There is no client of our own yet."""
    return leads_to("/client/connect", status=302)  # contracts/punctum.md, 2.3.


@blueprint.get("/client/connect")
def connect() -> Response:
    return page("connect.html", origin=current().origin)


@blueprint.get(PATH)
def show_account() -> Response:
    return _account_page(need_viewer())


@blueprint.post(f"{PATH}/sessions/end")
def end_session() -> Response:
    fields = read_form()
    browsers.end_session(need_viewer(), text_of(fields, "session_id"))
    return leads_to(PATH)


@blueprint.post(f"{PATH}/apps/revoke")
def revoke_app() -> Response:
    fields = read_form()
    consents.forget(need_viewer(), text_of(fields, "client_id"))
    return leads_to(PATH)


@blueprint.post(f"{PATH}/bots")
def make_bot() -> Response:
    fields = read_form()
    viewer = need_viewer()
    try:
        made = clients.make_bot(viewer, text_of(fields, "name"), fields.form.getlist("scope"))
    except AppError as error:
        field = "name" if "A name" in error.message else ""
        return _account_page(viewer, errors={field: error.message}, status=error.status)
    return page("bot.html", status=201, bot=made, origin=current().origin)


@blueprint.post(f"{PATH}/bots/remove")
def remove_bot() -> Response:
    fields = read_form()
    clients.remove_bot(need_viewer(), text_of(fields, "client_id"))
    return leads_to(PATH)


def _account_page(viewer: Viewer, *, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    with reading() as session:
        sessions = list_sessions(session, viewer.actor_id, now=datetime.now(UTC))
        apps = list_apps(session, viewer.actor_id)
    return page(
        "account.html",
        status=status,
        errors=errors,
        sessions=sessions,
        apps=[(app, in_words(app.scopes)) for app in apps],
        scopes=choices(),
        current_session=viewer.session_id,
    )
