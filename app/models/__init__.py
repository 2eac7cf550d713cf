"""Tables: columns, constraints, relationships."""

from app.models.accounts import Account, LoginSession, Presence, RefreshToken, RoleGrant
from app.models.activities import Activity, ActivityDocument, Delivery, Event, Host, InboxItem, Receipt, Setting
from app.models.actors import Actor, ActorKey, Block, DataKey, Follow, Tombstone
from app.models.channels import Channel, Conversation, Participant, Pin, ReadMark, Space
from app.models.messages import Message, MessageContent, Reaction, Share

__all__ = [
    "Account", "Activity", "ActivityDocument", "Actor", "ActorKey", "Block", "Channel", "Conversation", "DataKey",
    "Delivery", "Event", "Follow", "Host", "InboxItem", "LoginSession", "Message", "MessageContent", "Participant",
    "Pin", "Presence", "Reaction", "ReadMark", "Receipt", "RefreshToken", "RoleGrant", "Setting", "Share", "Space",
    "Tombstone",
]  # fmt: skip
