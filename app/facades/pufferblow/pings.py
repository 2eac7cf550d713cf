"""Pings (contracts/pufferblow.md, 7 and 11)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from app.actions import pings
from app.db import reading
from app.errors import NotFoundError
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id, PageNumber
from app.facades.pufferblow.peers import find_known, is_person
from app.facades.pufferblow.telling import tell_ping, tell_ping_acked
from app.queries.accounts import NO_SUCH_USER
from app.queries.pings import Direction, PingView, count_pings, list_pending, list_pings
from app.queries.viewers import Viewer
from app.web.admission import waiting
from app.web.api import NoParams
from app.web.fields import Params
from app.web.limiting import count_asking, count_ping
from app.web.shapes import Shape

TAG = "Pings"


class SendPing(Params):
    """`target` is an id, a name or a handle of somebody here."""

    target: Annotated[str, Field(min_length=1, max_length=2048)]
    message: Annotated[str, Field(max_length=pings.MAX_MESSAGE)] | None = None


class PingInstance(Params):
    target_instance_url: Annotated[str, Field(min_length=1, max_length=2048)]


class WhichPing(Params):
    ping_id: Id


class ListPings(Params):
    direction: Direction = "both"
    page: PageNumber = 1
    per_page: Annotated[int, Field(ge=1, le=50)] = 20


class SentPing(Shape):
    ping_id: str
    ping_type: str
    target_user_id: str | None
    status: str
    message: str | None
    sent_at: Time
    expires_at: Time


class PingSent(Done):
    ping: SentPing


class InstancePing(Shape):
    """`error` says why there was no answer."""

    ping_id: str
    ping_type: str
    target_instance_url: str | None
    health_url: str
    status: str
    http_status: int | None
    latency_ms: int | None
    error: str | None
    sent_at: Time


class InstancePinged(Shape):
    status_code: int
    ping: InstancePing


class Ack(Shape):
    ping_id: str
    sender_ping_id: str
    status: str
    latency_ms: int | None
    acked_at: Time | None


class PingAcked(Done):
    ack: Ack


class PingShown(Shape):
    """`is_sender` is whether one sent it oneself."""

    ping_id: str
    ping_type: str
    sender_id: str
    target_user_id: str | None
    target_actor_uri: str | None
    target_instance_url: str | None
    status: str
    latency_ms: int | None
    instance_http_status: int | None
    instance_latency_ms: int | None
    activity_uri: str | None
    is_sender: bool
    message: str | None
    sent_at: Time
    acked_at: Time | None
    expires_at: Time
    metadata: dict[str, Any]


class PingsListed(Shape):
    status_code: int
    direction: str
    page: int
    per_page: int
    pings: list[PingShown]


class PingsPending(Shape):
    status_code: int
    pending_count: int
    pings: list[PingShown]


class PingsCounted(Shape):
    status_code: int
    user_id: str
    sent_total: int
    received_total: int
    acked_count: int
    timeout_count: int
    avg_latency_ms: float | None


@API.signed_in(
    "POST",
    "/api/v1/ping/send",
    params=SendPing,
    answer=PingSent,
    tag=TAG,
    summary="Ask somebody here whether they are there",
    status=201,
    errors={404, 429},
    scope="account:write",
)
def send_ping(viewer: Viewer, params: SendPing) -> PingSent:
    person = find_known(params.target)
    if person is None or not is_person(person):
        raise NotFoundError(NO_SUCH_USER)
    count_ping(viewer)
    ping = pings.send_ping(viewer, person, params.message)
    tell_ping(ping, viewer.username)
    return PingSent(
        status_code=201,
        message="Ping sent.",
        ping=SentPing(
            ping_id=ping.id,
            ping_type=ping.type,
            target_user_id=ping.target_id,
            status=ping.status,
            message=ping.message,
            sent_at=iso(ping.sent_at),
            expires_at=iso(ping.expires_at),
        ),
    )


@API.signed_in(
    "POST",
    "/api/v1/ping/instance",
    params=PingInstance,
    answer=InstancePinged,
    tag=TAG,
    summary="Ask whether another server answers",
    errors={429},
    scope="account:write",
)
def ping_instance(viewer: Viewer, params: PingInstance) -> InstancePinged:
    count_asking(viewer)
    with waiting():
        ping, health_url, failure = pings.ping_instance(viewer, params.target_instance_url)
    return InstancePinged(
        status_code=200,
        ping=InstancePing(
            ping_id=ping.id,
            ping_type=ping.type,
            target_instance_url=ping.target_url,
            health_url=health_url,
            status=ping.status,
            http_status=ping.http_status,
            latency_ms=ping.latency_ms,
            error=failure,
            sent_at=iso(ping.sent_at),
        ),
    )


@API.signed_in(
    "POST",
    "/api/v1/ping/ack/{ping_id}",
    params=WhichPing,
    answer=PingAcked,
    tag=TAG,
    summary="Answer a ping",
    errors={404, 409},
    scope="account:write",
)
def acknowledge_ping(viewer: Viewer, params: WhichPing) -> PingAcked:
    ping = pings.acknowledge(viewer, params.ping_id)
    tell_ping_acked(ping, viewer.actor_id)
    ack = Ack(
        ping_id=ping.id,
        sender_ping_id=ping.id,
        status=ping.status,
        latency_ms=ping.latency_ms,
        acked_at=iso(ping.acked_at) if ping.acked_at else None,
    )
    return PingAcked(status_code=200, message="Ping acknowledged.", ack=ack)


@API.signed_in(
    "GET",
    "/api/v1/ping/history",
    params=ListPings,
    answer=PingsListed,
    tag=TAG,
    summary="Pings one sent and received, the newest first",
    scope="conference:read",
)
def list_ping_history(viewer: Viewer, params: ListPings) -> PingsListed:
    with reading() as session:
        views = list_pings(
            session,
            viewer.actor_id,
            direction=params.direction,
            page=params.page,
            size=params.per_page,
            now=datetime.now(UTC),
        )
    return PingsListed(
        status_code=200,
        direction=params.direction,
        page=params.page,
        per_page=params.per_page,
        pings=[_shown(view, viewer) for view in views],
    )


@API.signed_in(
    "GET",
    "/api/v1/ping/pending",
    params=NoParams,
    answer=PingsPending,
    tag=TAG,
    summary="Pings that wait for one's answer; 100 at most",
    scope="conference:read",
)
def list_pending_pings(viewer: Viewer, _: NoParams) -> PingsPending:
    with reading() as session:
        views = list_pending(session, viewer.actor_id, now=datetime.now(UTC))
    return PingsPending(status_code=200, pending_count=len(views), pings=[_shown(view, viewer) for view in views])


@API.signed_in(
    "GET",
    "/api/v1/ping/stats",
    params=NoParams,
    answer=PingsCounted,
    tag=TAG,
    summary="How many pings, and how quickly they were answered",
    scope="conference:read",
)
def count_own_pings(viewer: Viewer, _: NoParams) -> PingsCounted:
    with reading() as session:
        counts = count_pings(session, viewer.actor_id, now=datetime.now(UTC))
    return PingsCounted(
        status_code=200,
        user_id=viewer.actor_id,
        sent_total=counts.sent,
        received_total=counts.received,
        acked_count=counts.acked,
        timeout_count=counts.timed_out,
        avg_latency_ms=counts.average_latency_ms,
    )


@API.signed_in(
    "DELETE",
    "/api/v1/ping/{ping_id}",
    params=WhichPing,
    answer=Done,
    tag=TAG,
    summary="Forget a ping",
    errors={404},
    scope="account:write",
)
def dismiss_ping(viewer: Viewer, params: WhichPing) -> Done:
    pings.dismiss(viewer, params.ping_id)
    return Done(status_code=200, message="Ping dismissed successfully.")


def _shown(view: PingView, viewer: Viewer) -> PingShown:
    is_sender = view.sender_id == viewer.actor_id
    return PingShown(
        ping_id=view.id,
        ping_type=view.type,
        sender_id=view.sender_id,
        target_user_id=view.target_id,
        target_actor_uri=None,
        target_instance_url=view.target_url,
        status=view.status,
        latency_ms=view.latency_ms,
        instance_http_status=view.http_status,
        instance_latency_ms=view.latency_ms if view.target_url else None,
        activity_uri=None,
        is_sender=is_sender,
        message=view.message,
        sent_at=iso(view.sent_at),
        acked_at=iso(view.acked_at) if view.acked_at else None,
        expires_at=iso(view.expires_at),
        metadata={} if is_sender else {"sender_ping_id": view.id},
    )
