"""Rate limits: a moving window for each bucket of routes and each client's network (contracts/pufferblow.md, 8).

Who goes on after the limit cools down, longer each time; who never stops is blocked for an hour. Deliveries from other
servers have a pace of their own (`app.web.admission`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

import msgspec
from cachetools import LRUCache
from flask import Flask, Response, current_app, g, request

from activitypub.uris import domain_of
from app.actions.blocked_networks import Attempts, block_for_a_while
from app.errors import BlockedError, NotFoundError, TooManyRequestsError, UnauthenticatedError
from app.queries.blocked_networks import find_block
from app.queries.server_settings import server_settings
from app.queries.viewers import Viewer
from app.services.rates import Rate, Rates, Standing
from app.web.client import client_ip, client_network

# What share of `max_rate_limit_requests` a bucket has.
BUCKETS: Final = {"auth": 0.2, "uploads": 0.15, "messages": 0.5, "default": 1.0}
# And what one account has other servers be asked for.
_ELSEWHERE: Final = 0.05
LEAST: Final = 5
BLOCKED: Final = "Malicious activities detected, you have been blocked."
_EXCEEDED: Final = "Rate limit exceeded. Please try again later."
_COOLING: Final = "Rate limit exceeded. Cooldown active."
_MAX_COOLDOWN_SECONDS: Final = 300
_COOLDOWN_STEP_SECONDS: Final = 30
_MOST_COOLING: Final = 16_384
_EXTENSION: Final = "shoal.limits"
# Guesses at one account's password: from one network or by one session, and from everywhere (hostile case TOK-16).
_GUESSES_OF_ONE: Final = Rate(10, 900)
_GUESSES_OF_ALL: Final = Rate(100, 900)
_SIGNED_IN: Final = Rate(1, 30 * 24 * 3600)  # A network where somebody signed in is theirs for a month.
_REGISTRATIONS: Final = Rate(20, 3600)
_DEVICE_CODES: Final = Rate(20, 900)
_UNKNOWN_NAMES: Final = Rate(10, 60)  # Of invites, which let in whoever knows one (hostile case AUZ-10).
_PINGS: Final = Rate(60, 300)  # Of one account: whoever takes theirs back has sent them all the same.
_CHOSEN_NAMES: Final = Rate(100, 600)  # As many in the long run; somebody may have a list of them to make at once.

_AUTH: Final = ("/api/v1/users/signin", "/api/v1/users/signup", "/api/v1/users/profile/reset-auth-token")
_AUTH_PREFIX: Final = "/api/v1/auth/"
_UPLOADS: Final = (
    "/api/v1/storage/upload",
    "/api/v1/users/profile/avatar",
    "/api/v1/users/profile/banner",
    "/api/v1/system/upload-avatar",
    "/api/v1/system/upload-banner",
)
_MESSAGES: Final = ("/send_message", "/load_messages", "/dms/send", "/dms/messages")
# Punctum's, of which the last two make whatever they are given.
_POSTED: Final = ("/api/v1/messages", "/api/v1/channels/<id>/messages", "/api/v1/id", "/api/v1/ids")


class Limits(msgspec.Struct):
    """Of one process. `cooling` has until when (monotonic) who cools down, by network, the latest of very many: whoever
    has many networks and never comes back would leave an entry for each."""

    rates: Rates
    attempts: Attempts = msgspec.field(default_factory=Attempts)
    cooling: LRUCache[str, float] = msgspec.field(default_factory=lambda: LRUCache(_MOST_COOLING))


def bucket_of(rule: str, method: str) -> str | None:
    """The one bucket of a route, by its rule in the URL map; None for what is not limited here.

    Reading a file is no upload: pictures are loaded by the hundred.
    """
    path = rule.rstrip("/")
    if path.startswith("/ws"):
        return "messages"
    if path.startswith("/auth"):
        return "auth" if method == "POST" else "default"
    if not path.startswith(("/api/", "/storage/")):
        return None
    if path in _AUTH or path.startswith(_AUTH_PREFIX):
        return "auth"
    if method == "POST" and path in _UPLOADS:
        return "uploads"
    is_post = method == "POST" and path in _POSTED
    return "messages" if is_post or path.endswith(_MESSAGES) else "default"


def limit_requests(app: Flask, rates: Rates) -> None:
    app.extensions[_EXTENSION] = Limits(rates)
    app.before_request(_limit)
    app.after_request(_add_headers)


@contextmanager
def guess_password(username: str) -> Iterator[None]:
    """For an attempt to sign in. Raises TooManyRequestsError where there were too many wrong ones.

    Those from elsewhere keep nobody out of a network where they signed in before.
    """
    name, network = username.lower()[:255], client_network()
    counts: list[tuple[Rate, tuple[str, ...]]] = [(_GUESSES_OF_ONE, ("guess", name, network))]
    if not _is_theirs(name, network):
        counts.append((_GUESSES_OF_ALL, ("guess", name)))
    with _guess(*counts):
        yield
    note_signed_in(username)


def note_signed_in(username: str) -> None:
    """Remember for a month from now that the network is theirs."""
    key = ("signed in", username.lower()[:255], client_network())
    rates = _limits().rates
    rates.give_back(_SIGNED_IN, *key)  # A full window takes no newer one.
    rates.hit(_SIGNED_IN, *key)


def _is_theirs(name: str, network: str) -> bool:
    return not _limits().rates.has_room(_SIGNED_IN, "signed in", name, network)


def guess_own_password(viewer: Viewer) -> AbstractContextManager[None]:
    """For who is signed in and says their password. Raises TooManyRequestsError.

    What counts is the session, in whichever network: whoever found its token opens no other, and keeps nobody with a
    session of their own from ending it.
    """
    return _guess((_GUESSES_OF_ONE, ("guess of a session", viewer.session_id or viewer.actor_id)))


def guess_name() -> None:
    """Count nothing yet. Raises TooManyRequestsError for who asked for too many names that there are not."""
    if not _limits().rates.has_room(_UNKNOWN_NAMES, "name", client_network()):
        raise TooManyRequestsError(_EXCEEDED, retry_after_seconds=_UNKNOWN_NAMES.seconds)


def note_unknown_name() -> None:
    _limits().rates.hit(_UNKNOWN_NAMES, "name", client_network())


def count_chosen_name() -> None:
    """Count a name that somebody wants for an invite of their own: whether it is taken tells as much as asking for it.

    Raises TooManyRequestsError.
    """
    _take(_CHOSEN_NAMES, "chosen name", client_network())


def count_asking(viewer: Viewer) -> None:
    """Count what somebody has us ask another server for, whoever that is (hostile case FET-21). Raises
    TooManyRequestsError."""
    _take(_share_of(_ELSEWHERE), "elsewhere", viewer.actor_id)


def count_ping(viewer: Viewer) -> None:
    """Count what rings at somebody else's, whatever becomes of it. Raises TooManyRequestsError."""
    _take(_PINGS, "ping", viewer.actor_id)


def register_client() -> None:
    """Count a client that makes itself known, which leaves a row for a month. Raises TooManyRequestsError."""
    _take(_REGISTRATIONS, "register", client_network())


def guess_device_code(actor_id: str) -> None:
    """Count a code that somebody typed (RFC 8628, section 5.1). Raises TooManyRequestsError."""
    _take(_DEVICE_CODES, "device code", actor_id)


def count_instance(domain: str) -> None:
    """Count a request that an instance signed, from whichever of its networks, and by whichever of the names below one
    domain. Raises TooManyRequestsError."""
    _take(_rate_of("default"), "instance", domain_of(domain))


def count_said() -> None:
    """Count what a client says on its socket as a request about messages. Raises TooManyRequestsError."""
    _take(_rate_of("messages"), "messages", client_network())


@contextmanager
def _guess(*counts: tuple[Rate, tuple[str, ...]]) -> Iterator[None]:
    """Counts if it ends in what is raised for a wrong name or password, and already while it is tried: many may be at
    the same moment."""
    rates = _limits().rates
    with ExitStack() as given_back:
        for rate, key in counts:
            if not rates.hit(rate, *key).is_within:
                raise TooManyRequestsError("Too many wrong passwords. Try again later.", retry_after_seconds=60)
            given_back.callback(rates.give_back, rate, *key)
        try:
            yield
        except (NotFoundError, UnauthenticatedError):
            given_back.pop_all()
            raise


def _take(rate: Rate, *key: str) -> None:
    """Raises TooManyRequestsError."""
    standing = _limits().rates.hit(rate, *key)
    if not standing.is_within:
        raise _exceeded(standing)


def _exceeded(standing: Standing) -> TooManyRequestsError:
    return TooManyRequestsError(_EXCEEDED, retry_after_seconds=max(1, math.ceil(standing.resets_at - time.time())))


def _limit() -> None:
    if request.path == "/healthz":
        return
    _refuse_blocked()
    rule = request.url_rule
    bucket = bucket_of(rule.rule if rule else request.path, request.method)
    if bucket is None or request.method == "OPTIONS":
        return
    network = client_network()
    rate = _rate_of(bucket)
    _refuse_cooling(network, rate)
    standing = _limits().rates.hit(rate, bucket, network)
    g.rate = (rate, standing)
    if not standing.is_within:
        _punish(network, rate, standing)


def _refuse_blocked() -> None:
    blocked = find_block(client_ip())
    if blocked is not None:
        _limits().attempts.note(blocked.network)
        raise BlockedError(BLOCKED)


def _refuse_cooling(network: str, rate: Rate) -> None:
    cooling = _limits().cooling
    until = cooling.get(network)
    if until is None:
        return
    left = until - time.monotonic()
    if left <= 0:
        cooling.pop(network, None)
        return
    g.rate = (rate, Standing(is_within=False, remaining=0, resets_at=time.time() + left))
    raise TooManyRequestsError(_COOLING, retry_after_seconds=math.ceil(left))


def _punish(network: str, rate: Rate, standing: Standing) -> None:
    """The first time it is said, then it costs time, and in the end everything."""
    settings = server_settings()
    limits = _limits()
    warnings = Rate(settings.max_rate_limit_warnings + 1, rate.seconds)
    warned = limits.rates.hit(warnings, "warnings", network)
    if not warned.is_within and block_for_a_while(network):
        raise BlockedError(BLOCKED)
    times = warnings.amount - warned.remaining
    if times == 1:
        raise _exceeded(standing)
    seconds = min(_MAX_COOLDOWN_SECONDS, _COOLDOWN_STEP_SECONDS * (times - 1))
    limits.cooling[network] = time.monotonic() + seconds
    raise TooManyRequestsError(_COOLING, retry_after_seconds=seconds)


def _rate_of(bucket: str) -> Rate:
    return _share_of(BUCKETS[bucket])


def _share_of(share: float) -> Rate:
    settings = server_settings()
    amount = max(LEAST, int(settings.max_rate_limit_requests * share))
    return Rate(amount, settings.rate_limit_duration * 60)


def _add_headers(response: Response) -> Response:
    """The bucket's own window, which is `rate_limit_duration` minutes long."""
    known: tuple[Rate, Standing] | None = g.get("rate")
    if known is not None:
        rate, standing = known
        response.headers["X-RateLimit-Limit"] = str(rate.amount)
        response.headers["X-RateLimit-Remaining"] = str(standing.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(standing.resets_at))
    return response


def _limits() -> Limits:
    limits: Limits = current_app.extensions[_EXTENSION]
    return limits
