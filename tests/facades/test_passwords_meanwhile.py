"""A password that is changed while it is compared opens nothing: those who sign in may have to wait for their turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.actions import accounts, profile, tokens
from app.actions.oauth import grants
from app.queries import oauth
from tests.facades.conftest import PASSWORD, Person, Server
from tests.facades.oauth.flows import DEVICE, REDIRECT, App, Browser, Page, bearer, signed_in
from tests.facades.oauth.test_registration import bot_app

NEW = "another horse"
PROFILE = "/api/v1/users/profile"
FIND = "find_active_account"
SECONDS_OF_A_CHANGE = 2.0


def change(server: Server, person: Person, *, old: str = PASSWORD, new: str = NEW) -> Any:
    given = {"old_password": old, "new_password": new}
    return server.call("PUT", PROFILE, person=person, json=given)


@contextmanager
def changing_meanwhile(monkeypatch: pytest.MonkeyPatch, module: Any, do: Callable[[], None]) -> Iterator[None]:
    """Once, after the password was found to be right and before anything comes of it."""
    compare = module.is_password

    def compare_slowly(password: str, password_hash: str | None) -> bool:
        is_right: bool = compare(password, password_hash)
        monkeypatch.setattr(module, "is_password", compare)
        do()
        return is_right

    monkeypatch.setattr(module, "is_password", compare_slowly)
    yield


@pytest.fixture
def changed(server: Server, owner: Person) -> Callable[[], None]:
    def change_it() -> None:
        assert change(server, owner).status_code == 200

    return change_it


def sessions(server: Server) -> int:
    return server.stored()["sessions"]


def test_who_signs_in_by_the_old_one_does_not(
    server: Server, owner: Person, changed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, given = sessions(server), {"username": owner.username, "password": PASSWORD}

    with changing_meanwhile(monkeypatch, accounts, changed):
        assert server.call("POST", "/api/v1/users/signin", json=given).status_code == 401

    assert sessions(server) == before
    assert server.call("POST", "/api/v1/users/signin", json=given | {"password": NEW}).status_code == 200


def test_nor_with_a_browser(
    server: Server, owner: Person, changed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, browser = sessions(server), Browser(server)
    page: Page = browser.page("/auth/login")

    with changing_meanwhile(monkeypatch, accounts, changed):
        answer = browser.post(page.actions[0], page.forms[0] | {"email": owner.username, "password": PASSWORD})

    assert answer.status_code == 401
    assert sessions(server) == before


def test_nor_are_new_tokens_had_by_it(
    server: Server, owner: Person, changed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sessions(server)

    with changing_meanwhile(monkeypatch, tokens, changed):
        reset = server.call("POST", f"{PROFILE}/reset-auth-token", person=owner, json={"password": PASSWORD})

    assert reset.status_code == 401
    assert sessions(server) == before


@pytest.mark.parametrize("more", [{}, {"about": "hacked"}])
def test_nor_is_it_changed_again(
    server: Server,
    owner: Person,
    changed: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, str],
) -> None:
    given = {"old_password": PASSWORD, "new_password": "a thief's"} | more

    with changing_meanwhile(monkeypatch, profile, changed):
        assert server.call("PUT", PROFILE, person=owner, json=given).status_code == 401

    assert server.call("POST", PROFILE, person=owner).json["user_data"]["about"] is None
    assert change(server, owner, old=NEW, new=PASSWORD).status_code == 200


def allowed(server: Server, person: Person, by: str) -> tuple[App, dict[str, str]]:
    """A client that may have tokens, and what it asks for them with."""
    browser = signed_in(server, person)
    if by == "bot":
        return bot_app(server, browser, "account:read"), {"grant_type": "client_credentials"}
    app = App(server)
    if by == "code":
        form = {"grant_type": "authorization_code", "code": app.code(browser), "redirect_uri": REDIRECT}
        return app, form | {"code_verifier": app.verifier}
    asked = app.ask("device_authorization", scope=app.scope).json
    assert browser.submit(f"/auth/device?user_code={asked['user_code']}", decision="allow").status_code == 200
    return app, {"grant_type": DEVICE, "device_code": asked["device_code"]}


@pytest.mark.parametrize(("by", "look"), [("code", FIND), ("device", FIND), ("bot", "is_active")])
def test_what_a_client_has_at_the_same_moment_does_not_outlive_the_old_one(
    server: Server, owner: Person, by: str, look: str
) -> None:
    """The new one comes when the account was looked at, and is waited for, unless it waits itself."""
    app, form = allowed(server, owner, by)
    other, answers = Server(server.client.application.test_client()), list[int]()
    thread = threading.Thread(target=lambda: answers.append(change(other, owner).status_code))
    found = getattr(oauth, look)

    def find_meanwhile(session: Session, id_: str) -> object:
        is_there = found(session, id_)
        thread.start()
        thread.join(SECONDS_OF_A_CHANGE)
        return is_there

    with pytest.MonkeyPatch.context() as patch:
        for module in (oauth, grants):
            patch.setattr(module, look, find_meanwhile, raising=False)
        tokens = app.ask("token", **form)
    thread.join()

    assert answers == [200]
    if tokens.status_code == 200:
        assert server.call("POST", PROFILE, headers=bearer(tokens.json["access_token"])).status_code == 401
        assert app.refresh(tokens.json.get("refresh_token", "")).status_code != 200
