"""Address: from the audience an activity names to the inboxes it goes to."""

from __future__ import annotations

from activitypub.vocabulary import PUBLIC
from app.act import Act
from app.queries.actors import Inbox, list_by_uris, list_follower_inboxes


def address(act: Act) -> list[Inbox]:
    """Each inbox once.

    Direct messages go to people's own inboxes, so that no careless shared inbox shows them to others; everything
    else goes to a server's shared inbox once. A followers collection is opened only for its owner's activities: a
    member's message reaches the followers of a channel through the channel's own Announce.
    """
    addressed = [uri for uri in act.activity.addressed if uri != PUBLIC]
    inboxes: dict[str, Inbox] = {}
    if act.actor.followers in addressed:
        inboxes |= {inbox.uri: inbox for inbox in list_follower_inboxes(act.session, act.actor.id)}
    is_direct = act.audience == "direct"
    for actor in list_by_uris(act.session, [uri for uri in addressed if not act.uris.is_local(uri)]):
        uri = actor.inbox if is_direct else actor.shared_inbox or actor.inbox
        if actor.host is not None and not act.uris.is_local(uri):
            inboxes[uri] = Inbox(uri, actor.host, is_shared=uri != actor.inbox)
    return list(inboxes.values())
