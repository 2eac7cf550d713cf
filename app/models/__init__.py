"""Tables: columns, constraints, relationships."""

from app.models.accounts import Account, FormerName, LoginSession, Presence, RefreshToken, RoleGrant
from app.models.activities import Activity, ActivityDocument, Delivery, Event, Host, InboxItem, Receipt, Setting
from app.models.actors import Actor, ActorKey, Block, DataKey, Follow, Tombstone
from app.models.channels import Channel, Conversation, Participant, Pin, ReadMark, Space
from app.models.files import Attachment, Blob, File
from app.models.members import CustomEmoji, FormerMember, Invite, Member
from app.models.messages import HistoryGap, Message, MessageContent, Reaction, Share
from app.models.moderation import AuditEntry, BlockedNetwork, Report, Role
from app.models.nodes import NodeChallenge, NodeSession, NodeTrust
from app.models.notifications import Notification, Ping
from app.models.oauth import (
    BrowserSession,
    LoginAddress,
    OAuthClient,
    OAuthCode,
    OAuthConsent,
    OAuthDeviceCode,
    OAuthSession,
)
from app.models.operations import BackgroundTask, Sample
from app.models.peers import KnownId, Outgoing, Peer, SeenSignature, Subscription, ToldInstance, ToldPerson
from app.models.search import SearchTerms

__all__ = [
    "Account", "Activity", "ActivityDocument", "Actor", "ActorKey", "Attachment", "AuditEntry", "BackgroundTask",
    "Blob", "Block", "BlockedNetwork", "BrowserSession", "Channel", "Conversation", "CustomEmoji", "DataKey",
    "Delivery", "Event", "File", "Follow", "FormerMember", "FormerName", "HistoryGap", "Host", "InboxItem", "Invite",
    "KnownId", "LoginAddress", "LoginSession", "Member", "Message", "MessageContent", "NodeChallenge", "NodeSession",
    "NodeTrust", "Notification", "OAuthClient", "OAuthCode", "OAuthConsent", "OAuthDeviceCode", "OAuthSession",
    "Outgoing", "Participant", "Peer", "Pin", "Ping", "Presence", "Reaction", "ReadMark", "Receipt", "RefreshToken",
    "Report", "Role", "RoleGrant", "Sample", "SearchTerms", "SeenSignature", "Setting", "Share", "Space",
    "Subscription", "ToldInstance", "ToldPerson", "Tombstone",
]  # fmt: skip
