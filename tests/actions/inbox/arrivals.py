"""What arrives in the inbox, a clock to move by hand, and what became of it all."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activitypub import build
from activitypub.documents import Activity
from activitypub.fetch import Reason, UnreachableError
from app.db import reading
from app.effects import EFFECTS
from app.models import Actor, Host, InboxItem
from app.pipeline import accept
from tests.signed_requests import signed
from tests.world import World, moment

HOST = "pond.example"
TIMEOUT = UnreachableError("no answer", reason=Reason.TIMEOUT)


class Clock:
    """A clock that is moved by hand, from now on."""

    def __init__(self) -> None:
        self.now = moment()

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def arrive(world: World, activity: Activity, *, signer: str | None = None) -> Activity:
    """A request with the activity is accepted."""
    activity = world.identified(activity)
    verified, body = signed(dict(activity.document), actor=signer or activity.actor)
    assert accept(verified, activity, body) == "queued"
    return activity


def say(world: World, zoe: Actor, text: str, **fields: Any) -> Activity:
    note = world.note(zoe, text, to=[world.bob.uri], mentions={world.bob.uri: "@bob"}, **fields)
    return arrive(world, build.create(actor=zoe.uri, object=note))


def say_with_strangers(world: World, zoe: Actor, text: str) -> Activity:
    """A message whose other reader has to be fetched."""
    yan = "https://lake.example/users/yan"
    note = world.note(zoe, text, to=[world.bob.uri, yan], mentions={yan: "@yan"})
    return arrive(world, build.create(actor=zoe.uri, object=note))


def items() -> list[InboxItem]:
    with reading() as session:
        return list(session.scalars(select(InboxItem).order_by(InboxItem.position)))


def states() -> list[str]:
    return [item.state for item in items()]


def lease_of(host: str = HOST) -> tuple[str | None, datetime | None]:
    with reading() as session:
        row = session.execute(select(Host.inbox_lease, Host.inbox_lease_until).where(Host.host == host)).one_or_none()
        return (row[0], row[1]) if row else (None, None)


def fail_on(monkeypatch: pytest.MonkeyPatch, text: str, error: BaseException) -> None:
    """Whatever says `text` cannot be applied, for a reason that is ours."""
    original = EFFECTS["Create"].apply

    def apply(act: Any) -> list[Activity]:
        if text in json.dumps(dict(act.activity.document)):
            raise error
        return original(act)

    monkeypatch.setattr(EFFECTS["Create"], "apply", apply)


def texts(world: World) -> list[str | None]:
    """What was said, in the order it was recorded."""
    said = [row.object_uri for row in world.log() if row.type == "Create" and "/notes/" in str(row.object_uri)]
    return [world.text(str(uri)) for uri in said]
