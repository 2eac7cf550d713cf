"""Address: from the audience an activity names to the inboxes it goes to."""

from __future__ import annotations

from activitypub.vocabulary import PUBLIC
from app.act import Act, Inbox
from app.queries.actors import list_by_uris, list_follower_inboxes
from app.queries.channels import find_channel_with_actor
from app.queries.messages import find_by_uri


def address(act: Act) -> list[Inbox]:
    """Each inbox once.

    Direct messages go to people's own inboxes, so that no careless shared inbox shows them to others; everything
    else goes to a server's shared inbox once. A followers collection is opened only for its owner's activities: a
    member's message reaches the followers of a channel through the channel's own Announce.
    """
    addressed = [uri for uri in act.activity.addressed if uri != PUBLIC]
    inboxes = {inbox.uri: inbox for inbox in [*act.inboxes, *_list_readers(act)]}
    if act.actor.followers in addressed:
        inboxes |= {inbox.uri: inbox for inbox in list_follower_inboxes(act.session, act.actor.id)}
    is_direct = act.audience == "direct"
    for actor in list_by_uris(act.session, [uri for uri in addressed if not act.uris.is_local(uri)]):
        uri = actor.inbox if is_direct else actor.shared_inbox or actor.inbox
        if actor.host is not None and not act.uris.is_local(uri):
            inboxes[uri] = Inbox(uri, actor.host, is_shared=uri != actor.inbox)
    return list(inboxes.values())


def _list_readers(act: Act) -> list[Inbox]:
    """The followers of our public channel for an edit or a deletion by the author of a message in it.

    Microblog servers fetched the message when its URI was announced, but make nothing of the Announce of an Update or
    a Delete (contracts/peers.md, 4); from the author itself they take both.
    """
    if act.activity.type not in {"Delete", "Update"} or act.audience != "public":
        return []
    message = find_by_uri(act.session, act.activity.object_id)
    found = find_channel_with_actor(act.session, message.channel_id) if message else None
    if message is None or found is None or message.author_id != act.actor.id or not found[1].is_local:
        return []
    return list_follower_inboxes(act.session, found[1].id)
