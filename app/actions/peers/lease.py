"""The lease of an instance: one worker at a time speaks to it, and one that died is replaced in two minutes."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.actions.turns import Clock
from app.db import transaction
from app.projections import peers
from app.queries.peers import LEASE


class LeaseLostError(Exception):
    """It ended, and another worker may be speaking to the instance."""


class Lease(msgspec.Struct):
    """The right to speak to an instance until then. When it ends says whose it is, so that nobody ends another's."""

    domain: str
    until: datetime
    now: Clock

    def keep(self) -> None:
        """Have it last for one more request, also by a clock that was put back. Raises LeaseLostError, and
        UnavailableError."""
        if not LEASE / 2 <= self.until - self.now() <= LEASE:
            self._renew(self.now() + LEASE)

    def _renew(self, until: datetime) -> None:
        with transaction() as session:
            if not peers.renew(session, self.domain, held=self.until, until=until):
                raise LeaseLostError
        self.until = until

    def end(self) -> None:
        """Let another have it, if it is not another's already."""
        with transaction() as session:
            peers.renew(session, self.domain, held=self.until, until=None)


def take_lease(domain: str, now: Clock) -> Lease | None:
    """None while another worker speaks to the instance."""
    at = now()
    with transaction() as session:
        peers.ensure(session, domain, now=at)
        is_ours = peers.lease(session, domain, now=at, until=at + LEASE)
    return Lease(domain, at + LEASE, now) if is_ours else None
