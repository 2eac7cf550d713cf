"""The wire as a fixture: it says what a test lets it, and nothing else is ever asked."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub.fetch import Headers, Response
from app.actions import keys
from app.services import remote
from tests.facades.federation import remote as scripted
from tests.world import World


class Wire(scripted.Wire):
    """Also answers WebFinger, with the media type that has (RFC 7033, section 4.4)."""

    def _get(self, url: str, headers: Any, *rest: Any) -> Response:
        answer = super()._get(url, headers, *rest)
        if "/.well-known/webfinger" not in url:
            return answer
        return Response(answer.status, Headers([("content-type", "application/jrd+json")]), answer.body, url)


@pytest.fixture
def wire(world: World, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """In place of this process's one guarded client."""
    wire = Wire()
    monkeypatch.setattr(remote, "_client", wire)
    monkeypatch.setattr(keys, "generate_rsa", scripted.rsa_key)
    return wire
