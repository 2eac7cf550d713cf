"""What an installation needs before its first request: the keys' canary, the instance actor, the home space."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app import sealing
from app.actions import background
from app.db import transaction
from app.errors import UnavailableError
from app.ids import INSTANCE_ID, new_id
from app.keyring import WrongKeyError
from app.models import Actor, Setting, Space
from app.projections import actors
from app.settings import Settings
from app.uris import Uris

_CANARY = b"shoal canary"


def prepare_installation(settings: Settings) -> None:
    """Make what must be there, once; safe to run again and from several processes after one another.

    Raises WrongKeyError when SHOAL_SECRET_KEY is not the one this database was made with, and UnavailableError when
    the database is away.
    """
    uris = Uris(settings.origin)
    with transaction() as session:
        _check_canary(session)
        _check_origin(session, settings)
        if session.scalar(select(Actor.id).where(Actor.id == INSTANCE_ID)) is None:
            _add_instance(session, uris)
        if session.scalar(select(Space.actor_id).where(Space.is_home)) is None:
            _add_home_space(session, uris)
        background.install(session, datetime.now(UTC))


def _check_canary(session: Session) -> None:
    stored = session.scalar(select(Setting.value).where(Setting.name == "canary"))
    if stored is None:
        sealed = sealing.seal_row(session, sealing.LOG_SCOPE, "canary", _CANARY).hex()
        session.execute(insert(Setting).values(name="canary", value=sealed))
    elif sealing.unseal_row(session, sealing.LOG_SCOPE, "canary", bytes.fromhex(stored)) != _CANARY:
        raise WrongKeyError("SHOAL_SECRET_KEY is not the one this database was made with")


def _check_origin(session: Session, settings: Settings) -> None:
    """Every URI other servers know begins with the origin, so a database belongs to one."""
    stored = session.scalar(select(Setting.value).where(Setting.name == "origin"))
    if stored is None:
        session.execute(insert(Setting).values(name="origin", value=settings.origin))
    elif stored != settings.origin:
        raise UnavailableError(f"This database belongs to {stored}; SHOAL_ORIGIN says {settings.origin}.")


def _add_instance(session: Session, uris: Uris) -> None:
    actors.add_local(
        session,
        id=INSTANCE_ID,
        uri=uris.instance,
        type="Application",
        local_name="instance",
        name=uris.host,
        shared_inbox=uris.shared_inbox,
        now=datetime.now(UTC),
    )


def _add_home_space(session: Session, uris: Uris) -> None:
    space_id = new_id("space")
    actors.add_local(
        session,
        id=space_id,
        uri=uris.space(space_id),
        type="Group",
        local_name="home",
        name=uris.host,
        shared_inbox=uris.shared_inbox,
        now=datetime.now(UTC),
    )
    session.execute(insert(Space).values(actor_id=space_id, owner_id=None, is_home=True))
