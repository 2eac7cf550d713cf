"""What a channel of ours tells its followers elsewhere about what was done in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activitypub import build
from activitypub.documents import Activity
from activitypub.vocabulary import PUBLIC
from app.act import Act
from app.models import Actor, Channel
from app.queries.actors import has_remote_followers


def relay(act: Act, channel: Channel, group: Actor, *, note_uri: str | None = None) -> list[Activity]:
    """The channel's Announce of the activity (FEP-1b12: Lemmy, PieFed, Shoal), and for a new note of its URI
    (microblog servers, which show it as a boost).

    The activity goes first: whoever understands it has the note by the time its URI comes, and need not fetch it.
    Nothing is announced where nobody elsewhere follows, for a private channel (its members are addressed one by
    one), or by a server that is not the channel's home.
    """
    if not group.is_local or channel.is_private or not has_remote_followers(act.session, group.id):
        return []
    followers = group.followers or ""
    to, cc = ([PUBLIC], [followers]) if act.audience == "public" else ([followers], [])
    objects: list[str | Mapping[str, Any]] = [act.recorded, note_uri] if note_uri else [act.recorded]
    return [build.announce(actor=group.uri, object=announced, published=act.now, to=to, cc=cc) for announced in objects]
