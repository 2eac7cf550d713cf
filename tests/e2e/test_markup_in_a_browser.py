"""What is left of hostile markup does nothing in a real Chromium that has no other protection."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Error, Frame, Page, sync_playwright

from activitypub.html import from_text, sanitise
from tests.activitypub.test_html import payloads

from .test_pages import CHROMIUMS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

AT_ONCE = 50
BLANK = "about:blank"
SETTLE_MILLISECONDS = 300


class Watched:
    """A page without a policy, and everything that anything in it tried."""

    def __init__(self, page: Page) -> None:
        self.tried: list[str] = []
        self._page = page
        page.on("dialog", self._dismiss)
        page.on("console", lambda message: self.tried.append(f"console {message.text}"))
        page.on("pageerror", lambda error: self.tried.append(f"error {error}"))
        page.on("popup", lambda popup: self.tried.append(f"popup {popup.url}"))
        page.on("framenavigated", self._note_navigation)
        page.on("request", lambda request: self.tried.append(f"asked for {request.url}"))

    def _dismiss(self, dialog: Dialog) -> None:
        self.tried.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _note_navigation(self, frame: Frame) -> None:
        if frame.url != BLANK:  # To set the content is a navigation, too.
            self.tried.append(f"went to {frame.url}")

    def show(self, markup: str) -> list[str]:
        """What was tried while it was shown, focused and pointed at."""
        self.tried.clear()
        self._page.set_content(f"<!doctype html><body>{markup}", wait_until="load")
        self._page.evaluate(
            """for (const found of document.body.querySelectorAll("*")) {
                 for (const kind of ["mouseover", "focus", "toggle", "animationstart", "error", "load"]) {
                   found.dispatchEvent(new Event(kind, {bubbles: true}));
                 }
               }"""
        )
        self._page.wait_for_timeout(SETTLE_MILLISECONDS)
        return list(self.tried)


@pytest.fixture
def watched() -> Iterator[Watched]:
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip("no Chromium on PATH")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"Chromium does not start: {error}")
        yield Watched(browser.new_page())
        browser.close()


def test_what_would_act_is_seen_to(watched: Watched) -> None:
    """Or nothing below would tell."""
    assert watched.show("<img src=data:, onerror=alert(1)>") != []
    assert watched.show("<a onmouseover=alert(1)>x</a>") != []


def test_nothing_acts_once_it_is_sanitised_or_was_text(watched: Watched) -> None:
    hostile = payloads()
    for start in range(0, len(hostile), AT_ONCE):
        some = hostile[start : start + AT_ONCE]
        markup = "".join(f"<div>{sanitise(payload)}</div><div>{from_text(payload, {})}</div>" for payload in some)
        assert watched.show(markup) == [], f"one of the payloads from {start} on"
