"""Signed GETs: the instance actor asks for everything we fetch, because many servers answer nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from activitypub.fetch import FetchBudget, Response
from activitypub.signatures import sign_cavage
from app.actions.keys import signing_key
from app.ids import INSTANCE_ID
from app.services.remote import remote_client


def sign_get(url: str) -> Mapping[str, str]:
    """Headers for one GET of one URL."""
    key = signing_key(INSTANCE_ID)
    return sign_cavage("GET", url, key_id=key.id, private_key=key.key, now=datetime.now(UTC))


class SignedClient:
    """The guarded client of this process, signing each hop of what it gets."""

    def get(self, url: str, *, headers: Mapping[str, str], budget: FetchBudget | None = None) -> Response:
        """Raises FetchError."""
        return remote_client().get(url, headers=lambda hop: {**headers, **sign_get(hop)}, budget=budget)
