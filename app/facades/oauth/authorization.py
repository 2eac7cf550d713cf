"""The authorization endpoint: a client sends somebody here, and is sent back an answer (RFC 6749, section 4.1)."""

from __future__ import annotations

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request

from app.actions.oauth import consents
from app.actions.oauth.consents import Asked
from app.actions.oauth.endpoints import describe
from app.actions.oauth.server import PREFIX, Answer, Request
from app.errors import AppError, InvalidInputError
from app.facades.oauth.answers import oauth_answer
from app.facades.oauth.browser import need_viewer, read_form, text_of
from app.facades.oauth.pages import page, show_error
from app.facades.oauth.words import in_words

blueprint = Blueprint("oauth_authorization", __name__)
blueprint.register_error_handler(AppError, show_error)


@blueprint.get(f"{PREFIX}/")
def describe_or_ask() -> Response:
    """Without a question it tells what there is to ask (contracts/punctum.md, D-30)."""
    if "response_type" in request.args:
        return ask()
    return oauth_answer(Answer(200, describe()))


@blueprint.get(f"{PREFIX}/authorize")
def ask() -> Response:
    asked_by = _read_request()
    consents.check(asked_by)  # Before anybody is asked for a password because of it.
    viewer = need_viewer()
    asked = consents.ask(asked_by, viewer)
    if isinstance(asked, Answer):
        return oauth_answer(asked)
    if asked.is_answered:
        return oauth_answer(consents.allow(asked_by, viewer))
    return _consent_page(asked)


@blueprint.post(f"{PREFIX}/authorize")
def answer() -> Response:
    """The question stands in the query once more."""
    fields = read_form()
    viewer = need_viewer()
    asked_by = _read_request()
    if text_of(fields, "decision") == "allow":
        return oauth_answer(consents.allow(asked_by, viewer))
    return oauth_answer(consents.deny(asked_by))


def _read_request() -> Request:
    try:
        return Request("GET", f"{PREFIX}/authorize", {}, request.args)
    except OAuth2Error as error:
        raise InvalidInputError(str(error.description)) from error


def _consent_page(asked: Asked) -> Response:
    question = request.query_string.decode("ascii", "replace")
    action = f"{PREFIX}/authorize?{question}"
    return page(
        "consent.html", asked=asked, action=action, scopes=in_words(asked.scopes), target=asked.sent_to, user_code=None
    )
