"""Blocked addresses (contracts/pufferblow.md, 10)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions import blocked_networks
from app.db import reading
from app.facades.pufferblow.answers import Done, Time, iso
from app.facades.pufferblow.api import API
from app.queries.blocked_networks import list_blocked
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.client import client_ip
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Blocked addresses"
PRIVILEGE = "manage_blocked_ips"


class WhichAddress(Params):
    """An address, or a block of them such as 203.0.113.0/24."""

    ip: Annotated[str, Field(max_length=49)]


class BlockAddress(WhichAddress):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class AddressBlocked(Done):
    reason: str


class BlockedAddress(Shape):
    """`expires_at` is there for what the rate limit blocked by itself."""

    ip: str
    reason: str
    blocked_at: Time
    block_attempts_count: int
    last_attempt_at: Time | None
    expires_at: Time | None


class BlockedListed(Shape):
    status_code: int
    blocked_ips: list[BlockedAddress]


@API.signed_in(
    "POST",
    "/api/v1/blocked-ips/list",
    params=NoParams,
    answer=BlockedListed,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Blocked addresses, the newest first; 1000 at most",
    scope="instance:modify",
)
def list_blocked_ips(_viewer: Viewer, _: NoParams) -> BlockedListed:
    with reading() as session:
        rows = list_blocked(session)
    return BlockedListed(
        status_code=200,
        blocked_ips=[
            BlockedAddress(
                ip=row.network.removesuffix("/32" if "." in row.network else "/128"),
                reason=row.reason,
                blocked_at=iso(row.blocked_at),
                block_attempts_count=row.attempts,
                last_attempt_at=iso(row.last_attempt_at) if row.last_attempt_at else None,
                expires_at=iso(row.expires_at) if row.expires_at else None,
            )
            for row in rows
        ],
    )


@API.signed_in(
    "POST",
    "/api/v1/blocked-ips/block",
    params=BlockAddress,
    answer=AddressBlocked,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Block an address or a block of addresses",
    status=201,
    scope="instance:modify",
)
def block_ip(viewer: Viewer, params: BlockAddress) -> AddressBlocked:
    written = blocked_networks.block(viewer, params.ip, params.reason, own_address=client_ip())
    return AddressBlocked(status_code=201, message=f"IP {written} has been blocked", reason=params.reason)


@API.signed_in(
    "POST",
    "/api/v1/blocked-ips/unblock",
    params=WhichAddress,
    answer=Done,
    privilege=PRIVILEGE,
    tag=TAG,
    summary="Let an address in again",
    scope="instance:modify",
)
def unblock_ip(viewer: Viewer, params: WhichAddress) -> Done:
    written = blocked_networks.unblock(viewer, params.ip)
    return Done(status_code=200, message=f"IP {written} has been unblocked")
