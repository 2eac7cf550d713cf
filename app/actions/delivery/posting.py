"""One activity to one inbox over the wire: signed afresh, and once more in the other way if the first is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from activitypub.errors import FetchError
from activitypub.fetch import Reason, Response, UnreachableError
from activitypub.signatures import announces_rfc9421, sign_cavage, sign_rfc9421
from app.actions.delivery.policy import Answer, NoAnswer
from app.actions.keys import SigningKey
from app.actions.signed_gets import sign_get
from app.actions.turns import Clock

CAVAGE: Final = "draft-cavage"
RFC9421: Final = "rfc9421"

_OTHER: Final = {CAVAGE: RFC9421, RFC9421: CAVAGE}
_REFUSALS: Final = (401, 403)
_ABSENT: Final = frozenset({Reason.NO_SUCH_HOST, Reason.CONNECT, Reason.TLS_NAME})
_SAMPLE: Final = 200


class InboxClient(Protocol):
    """The part of the guarded client that delivery needs; whatever it raises is a FetchError."""

    def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Callable[[str], Mapping[str, str]],
        deadline_seconds: float,
    ) -> Response: ...

    def get(self, url: str, *, headers: Callable[[str], Mapping[str, str]], deadline_seconds: float) -> Response: ...


class Posting(msgspec.Struct, frozen=True):
    """What came back, a line about it for the admin, and the scheme the host has now shown to take, if any."""

    result: Answer | NoAnswer
    sample: str | None = None
    learned_scheme: str | None = None


class Poster(msgspec.Struct, frozen=True):
    """How to reach inboxes: the client, the clock that dates each signature, the time for one exchange."""

    client: InboxClient
    clock: Clock
    deadline_seconds: float

    def post(self, inbox: str, body: bytes, key: SigningKey, *, scheme: str | None, may_knock_twice: bool) -> Posting:
        """Draft-cavage unless the host has shown to take RFC 9421 (contracts/peers.md).

        A 401 or 403 is asked once more in the other scheme ("double-knock"), and an answer to that which is neither
        a refusal nor a failure teaches us the scheme. PieFed notes the id of an activity before it looks at the
        signature, so knocking twice is for the first attempt only.
        """
        first = self._send(inbox, body, key, scheme or CAVAGE)
        if not may_knock_twice or not _is_refusal(first):
            return _posting(first, scheme)
        other = _OTHER.get(scheme or CAVAGE, RFC9421)
        second = self._send(inbox, body, key, other)
        if isinstance(second, Response) and second.status < 500 and not _is_refusal(second):
            return Posting(_answer(second), _sample(second), learned_scheme=other)
        return _posting(first, scheme)

    def probe(self, host: str) -> Answer | NoAnswer:
        """Whether anything answers there, asked for what every server shows to anyone (FEP-f1d5, NodeInfo)."""
        try:
            answer = self.client.get(
                f"https://{host}/.well-known/nodeinfo", headers=sign_get, deadline_seconds=self.deadline_seconds
            )
        except FetchError as error:
            return _no_answer(error)
        return _answer(answer)

    def _send(self, inbox: str, body: bytes, key: SigningKey, scheme: str) -> Response | NoAnswer:
        sign = sign_rfc9421 if scheme == RFC9421 else sign_cavage

        def headers(url: str) -> Mapping[str, str]:
            return sign("POST", url, key_id=key.id, private_key=key.key, body=body, now=self.clock())

        try:
            return self.client.post(inbox, body=body, headers=headers, deadline_seconds=self.deadline_seconds)
        except FetchError as error:
            return _no_answer(error)


def _is_refusal(answer: Response | NoAnswer) -> bool:
    return isinstance(answer, Response) and answer.status in _REFUSALS


def _posting(answer: Response | NoAnswer, scheme: str | None) -> Posting:
    if isinstance(answer, NoAnswer):
        return Posting(answer, printable(answer.detail))
    # A scheme that was learned by trying is not given up for an announcement.
    announced = RFC9421 if scheme is None and announces_rfc9421(answer.headers.items()) else None
    return Posting(_answer(answer), _sample(answer), learned_scheme=announced)


def _no_answer(error: FetchError) -> NoAnswer:
    is_absent = isinstance(error, UnreachableError) and error.reason in _ABSENT
    return NoAnswer(str(error), is_permanent=error.permanent, is_absent=is_absent)


def _answer(response: Response) -> Answer:
    return Answer(response.status, response.headers.get("retry-after"))


def _sample(response: Response) -> str | None:
    if 200 <= response.status < 300:
        return None
    text = response.body[: 4 * _SAMPLE].decode("utf-8", errors="replace")
    return printable(f"{response.status} {text}")


def printable(text: str) -> str:
    """A stranger's words cut to a line that any database and terminal takes."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_SAMPLE].rstrip()
