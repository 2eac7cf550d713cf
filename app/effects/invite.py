"""Invite: a member of a space makes an invite to it, which is a document of its own from then on."""

from __future__ import annotations

from activitypub.documents import Activity
from app.act import Act
from app.effects.spaces import invite
from app.errors import ForbiddenError


def authorise(act: Act) -> None:
    if not act.is_local:
        raise ForbiddenError("a space's invites are made on its own server")
    invite.authorise_making(act)


def apply(act: Act) -> list[Activity]:
    invite.make(act)
    return []
