"""How each server is asked what it knows, so that a step can be asserted on all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .client import ChatClient, Document
from .fedify_peer import FedifyPeer, PeerState
from .live import Event, LiveSocket


@dataclass(frozen=True, slots=True)
class Room:
    """A channel as one person sees it on their own server, with that person's socket open."""

    client: ChatClient
    channel_id: str
    live: LiveSocket

    def send(self, text: str) -> str:
        """Returns the message's id."""
        return str(self.client.send_message(self.channel_id, text)["message_id"])

    def texts(self) -> list[str]:
        """The newest fifty, oldest first."""
        return [message["message"] for message in self.client.load_messages(self.channel_id)]

    def message(self, text: str) -> Document:
        """LookupError when nobody said that here."""
        found = [message for message in self.client.load_messages(self.channel_id) if message["message"] == text]
        if not found:
            raise LookupError(f"no message {text!r}")
        return found[-1]

    def heard(self, text: str) -> Event:
        """The push of a message of this channel, past or to come."""
        return self.live.wait_for(
            lambda event: (
                event.get("type") == "message" and event["channel_id"] == self.channel_id and event["message"] == text
            )
        )

    def edit(self, text: str, new_text: str) -> None:
        self.client.edit_message(self.channel_id, self.message(text)["message_id"], new_text)

    def delete(self, text: str) -> None:
        self.client.delete_message(self.channel_id, self.message(text)["message_id"])

    def react(self, text: str, emoji: str) -> None:
        self.client.react(self.channel_id, self.message(text)["message_id"], emoji)

    def take_reaction_back(self, text: str, emoji: str) -> None:
        self.client.take_reaction_back(self.channel_id, self.message(text)["message_id"], emoji)

    def reactions(self, text: str) -> dict[str, int]:
        """Emoji to how many."""
        return {reaction["emoji"]: reaction["count"] for reaction in self.message(text)["reactions"]}


def channel_named(client: ChatClient, name: str) -> str:
    """The id of a channel of this server or, where its home is elsewhere, of what stands for it here."""
    for channel in client.list_channels():
        if channel["channel_name"].lstrip("#").partition("@")[0] == name:
            return str(channel["channel_id"])
    raise LookupError(f"no channel {name!r}")


def message_uri(client: ChatClient, message_id: str) -> str:
    """The address of a message that was written on this server."""
    return f"{client.origin}/ap/messages/{message_id}"


def heard_directly(text: str) -> Callable[[Event], bool]:
    """Whether an event is the push of a direct message."""
    return lambda event: event.get("type") == "direct_message" and event["message"] == text


def heard_of(state: PeerState, activity_type: str, object_uri: str) -> list[dict[str, Any]]:
    """Activities of that type about that object, sent by their actor or announced by a channel (FEP-1b12)."""
    inner = [
        activity["object"]
        for activity in state.received("Announce")
        if isinstance(activity["object"], dict) and activity["object"].get("type") == activity_type
    ]
    return [
        activity for activity in [*state.received(activity_type), *inner] if id_of(activity["object"]) == object_uri
    ]


def shared_notes(peer: FedifyPeer, *, by: str) -> list[str]:
    """What the notes say whose URI a channel announced to the peer, in order; the peer fetched each from its home."""
    return [
        entry["object"]["content"]
        for entry in peer.state().announced
        if entry["actor"] == by and entry["object"] is not None and entry["object"]["type"] == "Note"
    ]


def direct_texts(client: ChatClient, peer: str) -> list[str]:
    return [message["message"] for message in client.dm_messages(peer)]


def followers_of(client: ChatClient, uri: str) -> list[str]:
    """Actors that follow one of this server's."""
    return [id_of(item) for item in client.collection(client.document(uri)["followers"])]


def following_of(client: ChatClient, uri: str) -> list[str]:
    """Actors that one of this server's follows."""
    return [id_of(item) for item in client.collection(client.document(uri)["following"])]


def id_of(item: object) -> str:
    """The URI of something that a document embeds or names."""
    return str(item["id"]) if isinstance(item, dict) else str(item)
