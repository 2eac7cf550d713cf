"""Address: from the audience an activity names to the inboxes it goes to."""

from __future__ import annotations

from activitypub.documents import Activity
from activitypub.vocabulary import PUBLIC
from app.act import Act, Inbox
from app.effects.relaying import list_followers
from app.queries.actors import list_by_uris
from app.queries.channels import find_channel_with_actor
from app.queries.deliveries import list_receivers
from app.queries.messages import find_by_uri

_TELLS_OF_DELETION = frozenset({("Announce", "Delete"), ("Undo", "Announce")})


def address(act: Act) -> list[Inbox]:
    """Each inbox once.

    Direct messages go to people's own inboxes, so that no careless shared inbox shows them to others; everything
    else goes to a server's shared inbox once. A followers collection is opened only for its owner's activities: a
    member's message reaches the followers of a channel through the channel's own Announce.
    """
    addressed = [uri for uri in act.activity.addressed if uri != PUBLIC]
    inboxes = {inbox.uri: inbox for inbox in [*act.inboxes, *_list_readers(act)]}
    if act.actor.followers in addressed:
        inboxes |= {inbox.uri: inbox for inbox in list_followers(act, act.actor.id)}
    is_direct = act.audience == "direct"
    for actor in list_by_uris(act.session, [uri for uri in addressed if not act.uris.is_local(uri)]):
        uri = actor.inbox if is_direct else actor.shared_inbox or actor.inbox
        # Who is known over Punctum alone has no inbox.
        if uri and actor.host is not None and not act.uris.is_local(uri):
            inboxes[uri] = Inbox(uri, actor.host, is_shared=uri != actor.inbox)
    return list(inboxes.values())


def _list_readers(act: Act) -> list[Inbox]:
    """Who is told of an edit or a deletion besides those it is addressed to.

    The followers of our public channel hear of both from the author of a message in it: microblog servers fetched the
    message when its URI was announced, but make nothing of the Announce of an Update or a Delete (contracts/peers.md,
    4). A deletion goes to everybody who was ever sent the message (reliability.md, section 5.3): from its author, or
    from a moderator as what the channel announces and takes back, and in a private channel directly.
    """
    if act.activity.type not in {"Delete", "Update"}:
        return _list_receivers(act)
    message = find_by_uri(act.session, act.activity.object_id)
    if message is None:
        return []
    found = find_channel_with_actor(act.session, message.channel_id)
    is_author = message.author_id == act.actor.id
    readers: list[Inbox] = []
    if act.activity.type == "Delete" and (is_author or (found is not None and found[0].is_private)):
        readers += list_receivers(act.session, message.uri)
    if is_author and found is not None and found[1].is_local and act.audience == "public":
        readers += list_followers(act, found[1].id)
    return readers


def _list_receivers(act: Act) -> list[Inbox]:
    """Of the message whose deletion our channel announces, or whose boost it takes back."""
    inner = act.activity.object
    if not isinstance(inner, Activity) or (act.activity.type, inner.type) not in _TELLS_OF_DELETION:
        return []
    return list_receivers(act.session, inner.object_id or "")
