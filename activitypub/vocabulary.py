"""The words of the wire: types and properties of ActivityStreams 2.0 and the extensions that servers really use."""

from __future__ import annotations

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
# The three spellings that mean the public collection (activitypub, section 5.6).
PUBLIC_NAMES = frozenset({PUBLIC, "as:Public", "Public"})

AS2 = "https://www.w3.org/ns/activitystreams"
SECURITY_V1 = "https://w3id.org/security/v1"
MULTIKEY_V1 = "https://w3id.org/security/multikey/v1"
DATA_INTEGRITY_V1 = "https://w3id.org/security/data-integrity/v1"

ACTIVITY_JSON = "application/activity+json"
LD_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
RFC9421 = "https://datatracker.ietf.org/doc/html/rfc9421"

ACTIVITY_TYPES = frozenset(
    {
        "Accept", "Add", "Announce", "Block", "Create", "Delete", "Dislike", "EmojiReact", "Flag", "Follow", "Invite",
        "Join", "Leave", "Like", "Move", "Read", "Reject", "Remove", "TentativeAccept", "Undo", "Update", "View",
    }
)  # fmt: skip
ACTOR_TYPES = frozenset({"Application", "Group", "Organization", "Person", "Service"})
# What becomes a message when it is created; the rest of the world's posts are read by their text, name and link.
MESSAGE_TYPES = frozenset({"Article", "Audio", "ChatMessage", "Event", "Image", "Note", "Page", "Question", "Video"})

# Our own terms, inline: a context URL of ours would be fetched by peers that then fail (contracts/peers.md).
OBJECT_CONTEXT: list[object] = [
    AS2,
    SECURITY_V1,
    DATA_INTEGRITY_V1,
    {
        "Emoji": "toot:Emoji",
        "EmojiReact": "litepub:EmojiReact",
        "Hashtag": "as:Hashtag",
        "blurhash": "toot:blurhash",
        "conversation": "ostatus:conversation",
        "embedColor": "shoal:embedColor",
        "embedShown": "shoal:embedShown",
        "embedType": "shoal:embedType",
        "litepub": "http://litepub.social/ns#",
        "ostatus": "http://ostatus.org#",
        "sensitive": "as:sensitive",
        "shoal": "urn:shoal:terms#",
        "size": "https://joinpeertube.org/ns#size",
        "toot": "http://joinmastodon.org/ns#",
    },
]
ACTOR_CONTEXT: list[object] = [
    AS2,
    SECURITY_V1,
    MULTIKEY_V1,
    {
        "PropertyValue": "schema:PropertyValue",
        "channelType": "shoal:channelType",
        "discoverable": "toot:discoverable",
        "featured": {"@id": "toot:featured", "@type": "@id"},
        "implements": {"@id": "https://w3id.org/fep/844e#implements", "@type": "@id", "@container": "@set"},
        "indexable": "toot:indexable",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
        "schema": "http://schema.org#",
        "shoal": "urn:shoal:terms#",
        "toot": "http://joinmastodon.org/ns#",
        "value": "schema:value",
    },
]
