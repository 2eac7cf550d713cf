"""Other servers: the wire with nothing behind it but a script, and actors that sign what they send."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.errors import BlockedAddressError, FetchError
from activitypub.fetch import Deadline, FetchBudget, GuardedClient, Headers, Response
from activitypub.keys import generate_rsa, public_key_to_pem, sign
from activitypub.signatures import HttpRequest
from activitypub.uris import host_of, parse_https
from app.services.remote import is_refused
from tests.activitypub.signed import cavage, rfc9421
from tests.facades.conftest import ORIGIN

CONTEXT = "https://www.w3.org/ns/activitystreams"

Said: TypeAlias = Mapping[str, Any] | None
Scripted: TypeAlias = dict[str, Any] | int | FetchError
# A document, a status, an error to raise; or which of them, by what is posted.
Answer: TypeAlias = Scripted | Callable[[Said], Scripted]


@functools.cache
def rsa_key(name: str = "") -> RSAPrivateKey:
    """One key for each name: making one takes longer than most tests."""
    return generate_rsa()


class Wire(GuardedClient):
    """The guarded client, whose questions to the world are answered from a script: each URL's next answer, and the
    last one for ever. Of what the script does not have, the world says 404."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.deadlines: dict[str, Deadline] = {}  # Of what was asked for last under each URL.
        self.moved: dict[str, str] = {}  # Where each URL leads from now on.
        self.types: dict[str, str] = {}  # What is not of ActivityPub's own type.

    def serve(self, url: str, *answers: Answer) -> None:
        self.answers[url] = list(answers)

    def forget(self) -> None:
        """What was asked of it; the script goes on."""
        for noted in (self.asked, self.posted, self.headers, self.deadlines):
            noted.clear()

    def _post(self, url: str, body: bytes, headers: Any, *_: Any) -> Response:
        """What is posted is noted without its comment, and answered by the script as if it were asked for."""
        _check(url)
        said = json.loads(body)
        said.pop("...", None)
        self.posted.append((url, said))
        return self._answer(url, said)

    def _get(self, url: str, headers: Any, max_bytes: int, deadline: Deadline, budget: FetchBudget | None) -> Response:
        _check(url)
        if budget is not None:
            budget.spend()
        asked = parse_https(url, allow_fragment=True)
        self.headers.append(headers(asked.origin + asked.target) if callable(headers) else headers)
        self.asked.append(url)
        self.deadlines[url] = deadline
        if url in self.moved:
            return self._get(self.moved[url], headers, max_bytes, deadline, budget)
        return self._answer(url)

    def _answer(self, url: str, said: Said = None) -> Response:
        answers = self.answers.get(url, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(said)
        if isinstance(answer, FetchError):
            raise answer
        if isinstance(answer, int):
            return Response(answer, Headers(), b"", url)
        media_type = self.types.get(url, "application/activity+json")
        return Response(200, Headers([("content-type", media_type)]), json.dumps(answer).encode(), url)


def _check(url: str) -> None:
    """As the guarded client does before it asks (tests/activitypub/fetch/test_guard.py)."""
    if is_refused(host_of(url)):
        raise BlockedAddressError(f"{url} is refused")


@dataclass
class RemoteActor:
    """An actor of another server, with the one key it signs with; those of one server share it, to save time."""

    uri: str
    type: str = "Person"
    key: RSAPrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = rsa_key(self.host)

    @property
    def key_id(self) -> str:
        return f"{self.uri}#main-key"

    @property
    def host(self) -> str:
        return self.uri.split("/")[2]

    @property
    def name(self) -> str:
        return self.uri.rsplit("/", 1)[1]

    @property
    def document(self) -> dict[str, Any]:
        return {
            "@context": [CONTEXT, "https://w3id.org/security/v1"],
            "id": self.uri,
            "type": self.type,
            "preferredUsername": self.name,
            "inbox": f"{self.uri}/inbox",
            "endpoints": {"sharedInbox": f"https://{self.host}/inbox"},
            "followers": f"{self.uri}/followers",
            "publicKey": {
                "id": self.key_id,
                "owner": self.uri,
                "publicKeyPem": public_key_to_pem(self.key.public_key()),
            },
        }

    def activity(self, type: str, object: Any, *, number: int = 1, **fields: Any) -> dict[str, Any]:
        return {
            "@context": CONTEXT,
            "id": f"{self.uri}/activities/{type.lower()}-{number}",
            "type": type,
            "actor": self.uri,
            "object": object,
            **fields,
        }

    def note(self, *, number: int = 1, **fields: Any) -> dict[str, Any]:
        return {
            "id": f"{self.uri}/notes/{number}",
            "type": "Note",
            "attributedTo": self.uri,
            "content": "<p>hello</p>",
            **fields,
        }

    def get(self, path: str, **odd: Any) -> HttpRequest:
        """A signed GET; what is `odd` about it is said as to `tests.activitypub.signed.cavage`."""
        return self.bare("GET", path, **odd)

    def bare(self, method: str, path: str, **odd: Any) -> HttpRequest:
        """A signed request without a body."""
        return self._signed(method=method, target=path, covered="(request-target) host date", body=b"", **odd)

    def post(self, body: bytes | dict[str, Any], path: str = "/ap/inbox", **odd: Any) -> HttpRequest:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._signed(**{"method": "POST", "target": path, "body": raw} | odd)

    def post_rfc9421(self, body: dict[str, Any], path: str = "/ap/inbox", **odd: Any) -> HttpRequest:
        created = int(datetime.now(UTC).timestamp())
        options: dict[str, Any] = {"parameters": f'created={created};keyid="{self.key_id}"', "signer": self.sign} | odd
        return rfc9421(target=path, body=json.dumps(body).encode(), **options)

    def sign(self, message: bytes) -> bytes:
        return sign(self.key, message)

    def _signed(self, **request: Any) -> HttpRequest:
        headers = {"date": format_datetime(datetime.now(UTC), usegmt=True)} | request.pop("headers", {})
        signing: dict[str, Any] = {"key_id": self.key_id, "signer": self.sign}
        return cavage(headers=headers, **(signing | request))


def path_of(uri: str) -> str:
    """Where one of our URIs is asked for."""
    assert uri.startswith(ORIGIN)
    return uri.removeprefix(ORIGIN)
