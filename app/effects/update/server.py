"""Update the instance actor: somebody of the staff names and describes this server anew."""

from __future__ import annotations

import unicodedata
from typing import Final

from activitypub import html
from activitypub.documents import Activity, ActorDocument
from app.act import Act, LiveEvent
from app.effects.speaking import authorise_naming
from app.errors import InvalidInputError
from app.projections import audit, files, server_settings
from app.queries.actors import list_server_inboxes
from app.queries.channels import get_home_space
from app.queries.permissions import get_permissions
from app.queries.server_settings import MAX_DESCRIPTION, MAX_NAME

_PORTRAITS: Final[dict[str, audit.Kind]] = {"avatar": "server_avatar_updated", "banner": "server_banner_updated"}


def authorise(act: Act, document: ActorDocument) -> None:
    get_permissions(act.session, act.actor).require("manage_server_settings")
    authorise_naming(act)
    _check_name(document.name)
    if len(html.to_text(document.summary)) > MAX_DESCRIPTION:
        raise InvalidInputError(f"server_description: at most {MAX_DESCRIPTION} characters.")
    act.audience = "public"


def apply(act: Act, document: ActorDocument) -> list[Activity]:
    """`act.private["settings"]` are changes that no other server hears of, asked for together with these.

    With `act.private["portrait"]` a picture changes, whose file is among the new ones.
    """
    settings = act.private.get("settings", {})
    server_settings.describe(act.session, document, now=act.now)
    files.add(act.session, act.private.get("new_files", ()), now=act.now)
    if "picture" in act.private:
        files.hold_picture(act.session, act.private["picture"])
    act.inboxes += list_server_inboxes(act.session)
    act.publish(LiveEvent("server_updated", channel_id=get_home_space(act.session).actor_id, actor_id=act.actor.id))
    if "portrait" in act.private:
        audit.note(act.session, _PORTRAITS[act.private["portrait"]], actor_id=act.actor.id, now=act.now)
        return []
    server_settings.put(act.session, settings)
    audit.note(
        act.session,
        "server_settings_updated",
        actor_id=act.actor.id,
        now=act.now,
        fields=[*act.private.get("described", ()), *settings],
    )
    return []


def _check_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= MAX_NAME:
        raise InvalidInputError(f"server_name: 1 to {MAX_NAME} characters.")
    if any(unicodedata.category(character) == "Cc" for character in name.strip()):
        raise InvalidInputError("server_name: no control characters.")
