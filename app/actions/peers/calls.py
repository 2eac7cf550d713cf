"""Requests to other instances, signed by ours, and what they answer as JSON."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from activitypub.errors import ActivityPubError, FetchError, MalformedDocumentError
from activitypub.fetch import FetchBudget, Response
from activitypub.signatures import sign_cavage
from activitypub.strict_json import load_object
from activitypub.uris import host_of, same_origin
from app.actions.keys import signing_key
from app.actions.signed_gets import sign_get
from app.errors import ForbiddenError
from app.ids import INSTANCE_ID
from app.services.remote import remote_client
from app.settings import current

DEADLINE_SECONDS: Final = 10.0
INBOX: Final = "/federation/inbox"
_PREFIX: Final = "/api/v1"
_JSON: Final = "application/json"
MAX_BYTES: Final = 1 << 20


class Answer(msgspec.Struct, frozen=True):
    """`body` is empty for what was not a JSON object."""

    status: int
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Whether asking again would be answered in the same way."""
        return 400 <= self.status < 500 and self.status not in (401, 408, 425, 429)


def ask(domain: str, path: str, *, budget: FetchBudget) -> Mapping[str, Any] | None:
    """What an instance shows at the path; None for what it does not. Raises FetchError where it does not answer, or
    sends us elsewhere for it: nobody else is asked because it says so."""
    url = _url(domain, path)

    def headers(hop: str) -> Mapping[str, str]:
        if not same_origin(hop, url):
            raise FetchError(f"{domain} leads elsewhere", permanent=True)
        return {"accept": _JSON, **sign_get(hop)}

    response = remote_client().get(
        url, headers=headers, max_bytes=MAX_BYTES, deadline_seconds=DEADLINE_SECONDS, budget=budget
    )
    answer = _answer(response)
    return answer.body if answer.is_good else None


def post(domain: str, path: str, body: Mapping[str, Any]) -> Answer:
    """Raises FetchError where the instance does not answer, ForbiddenError for one that is blocked here.

    A comment, which a key named "..." is, tells it from an equal one in the same second, whose signature would be
    equal, too: that is taken for a replay.
    """
    url, key = _url(domain, path), signing_key(INSTANCE_ID)
    raw = msgspec.json.encode({**body, "...": secrets.token_hex(8)})

    def headers(hop: str) -> Mapping[str, str]:
        now = datetime.now(UTC)
        signed = sign_cavage("POST", hop, key_id=key.id, private_key=key.key, body=raw, now=now, content_type=_JSON)
        return {"accept": _JSON, **signed}

    return _answer(
        remote_client().post(url, body=raw, headers=headers, deadline_seconds=DEADLINE_SECONDS, max_bytes=MAX_BYTES)
    )


def _url(domain: str, path: str) -> str:
    """Raises FetchError for what is no domain, whatever a stranger calls one."""
    try:
        is_domain = host_of(f"https://{domain}/") == domain
    except MalformedDocumentError:
        is_domain = False
    if not is_domain:
        raise FetchError("not a domain", permanent=True)
    if current().refuses(domain):
        raise ForbiddenError("This instance is blocked here.")
    return f"https://{domain}{_PREFIX}{path}"


def _answer(response: Response) -> Answer:
    try:
        return Answer(response.status, load_object(response.body))
    except ActivityPubError:
        return Answer(response.status)
