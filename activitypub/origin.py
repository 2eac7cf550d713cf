"""Who may say what: FEP-fe34's origin rules for an activity that arrived, as one pure function."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from activitypub.aliases import check_plain
from activitypub.documents import type_of
from activitypub.errors import MalformedDocumentError, OriginError
from activitypub.uris import is_canonical, origin_of, parse_https, same_origin
from activitypub.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES

Node: TypeAlias = Mapping[str, object]

_POINTING: Final = frozenset(
    {
        "Add", "Announce", "Block", "Dislike", "EmojiReact", "Flag", "Follow", "Ignore", "Invite", "Join",
        "Leave", "Like", "Listen", "Offer", "Read", "Remove", "View",
    }
)  # fmt: skip
# What the object's own home can tell of, or the channel in which the object stands.
_BORNE_OUT: Final = frozenset({"Create", "Delete", "Update"})
_MAX_NAMED: Final = 500
"""Of a list whose members are looked at one by one; no reader of ours goes further."""


class Verdict(StrEnum):
    ACCEPT = "accept"
    FETCH = "fetch"
    DROP = "drop"


class Decision(msgspec.Struct, frozen=True):
    """What to do with an activity.

    ACCEPT: its actor said it. FETCH: somebody else passed it on, so believe only what stands at ``uri``, or
    the document itself if ``has_proof`` and the proof verifies; ``uri`` is the activity's id, or that of the
    activity inside an Announce, where it may have a fragment and be borne out by its object alone. DROP: it cannot be
    true, ``reason`` is for the log.
    """

    verdict: Verdict
    uri: str | None = None
    reason: str = ""
    has_proof: bool = False


class _Claim(msgspec.Struct, frozen=True):
    """An activity whose own id and actor are in order. ``announcer`` is who passed it on inside an Announce."""

    id: str
    kind: str
    actor: str
    node: Node
    announcer: str | None = None

    @property
    def object(self) -> object:
        return _only(self.node.get("object"))


def decide(activity: Node, *, signer: str, local_origin: str, announcer: str | None = None) -> Decision:
    """May this activity be believed, given the actor whose key signed the request that brought it?

    ``signer`` is the URI of the actor that owns the verified key, ``local_origin`` our own origin, ``announcer``
    the actor in whose Announce the activity was found, if it was fetched because of one. Nothing is looked up:
    that the owner of a stored object is the actor, that a Follow was ours, that an actor moved where it says, is
    left to the effects.
    """
    try:
        check_plain(activity)
        return _decide(activity, signer=signer, local_origin=local_origin, announcer=announcer)
    except (OriginError, MalformedDocumentError) as error:
        return Decision(Verdict.DROP, reason=str(error))


def _decide(activity: Node, *, signer: str, local_origin: str, announcer: str | None, depth: int = 0) -> Decision:
    claim = _read(activity, local_origin, announcer)
    if (rule := _RULES.get(claim.kind)) is not None:  # a type without a rule has no effect either
        rule(claim)
    if signer != claim.actor:
        return _ask_at_home(claim)
    if (inner := announced_activity(activity)) is None:
        return Decision(Verdict.ACCEPT)
    if depth > 0:
        raise OriginError("an Announce of an Announce of an activity")
    return _decide(inner, signer=claim.actor, local_origin=local_origin, announcer=claim.actor, depth=depth + 1)


def _read(activity: Node, local_origin: str, announcer: str | None) -> _Claim:
    actor = _canonical(activity.get("actor"), "actor")
    if origin_of(actor) == local_origin:
        raise OriginError("the actor is ours, and ours do not come from outside")
    uri = activity.get("id")
    if not isinstance(uri, str) or not is_canonical(uri):
        raise OriginError("the id is not a canonical https URI")
    if not same_origin(uri, actor):
        raise OriginError("the id is of another origin than the actor")
    kind = _only(activity.get("type"))
    if not isinstance(kind, str):
        raise OriginError("there is not exactly one type")
    return _Claim(uri, kind, actor, activity, announcer)


def _ask_at_home(claim: _Claim) -> Decision:
    has_proof = _has_proof(claim)
    is_borne_out = claim.announcer is not None and claim.kind in _BORNE_OUT
    if not (has_proof or is_borne_out or is_fetchable(claim.id)):
        raise OriginError("passed on by another actor, without a proof, under an id that cannot be fetched")
    return Decision(Verdict.FETCH, uri=claim.id, has_proof=has_proof)


def is_fetchable(uri: str) -> bool:
    """Whether a canonical id is a document's own; Mastodon, GoToSocial and others give activities a fragment."""
    return parse_https(uri, allow_fragment=True).fragment is None


def _has_proof(claim: _Claim) -> bool:
    """Is there an eddsa-jcs-2022 proof (FEP-8b32) by a key of the actor's own origin? Not yet verified."""
    proof = _only(claim.node.get("proof"))
    if not isinstance(proof, Mapping):
        return False
    key = proof.get("verificationMethod")
    is_known = (proof.get("type"), proof.get("cryptosuite")) == ("DataIntegrityProof", "eddsa-jcs-2022")
    return is_known and isinstance(key, str) and is_canonical(key) and same_origin(key, claim.actor)


def announced_activity(activity: Node) -> Node | None:
    """The activity that a group passes on inside its Announce (FEP-1b12), if there is one.

    It is one wherever our reader takes it for one: a second type beside it must not hide it from the rules.
    """
    inner = _only(activity.get("object"))
    if type_of(activity) != "Announce" or not isinstance(inner, Mapping):
        return None
    return inner if type_of(inner) in ACTIVITY_TYPES else None


def _check_authored(claim: _Claim) -> None:
    """Create and Update: the object is of the actor's origin, and if it names its authors, the actor is one."""
    authored = claim.object
    if not same_origin(_canonical(authored, "object"), claim.actor):
        raise OriginError("the object is of another origin than the actor")
    if not isinstance(authored, Mapping):
        return
    authors = _authors_of(authored, home=claim.actor)
    # An actor's attributedTo are its moderators or owners; who may change it is known to the effect.
    if authors and claim.actor not in authors and type_of(authored) not in ACTOR_TYPES:
        raise OriginError("the object is attributed to somebody else than the actor")


def check_message(message: Node) -> None:
    """Raise ``OriginError`` unless the message, as its home has it, could have come in a Create by its author."""
    if not _authors_of(message, home=_canonical(message, "message")):
        raise OriginError("the message is attributed to nobody")


def _authors_of(authored: Node, *, home: str) -> list[str]:
    """Everybody whom it names as its author; they are of one origin, or none of them is believed."""
    named = _list(authored.get("attributedTo"))
    if len(named) > _MAX_NAMED:
        raise OriginError("the object is attributed to very many")
    authors = [_canonical(author, "attributedTo") for author in named]
    if not all(same_origin(author, home) for author in authors):
        raise OriginError("the object is attributed to another origin than its own")
    return authors


def _check_deleted(claim: _Claim) -> None:
    """Moderators of a group, who may be of any server, delete what members elsewhere said in it, and the group passes
    that on (FEP-1b12).

    Whether the object was said in the group that has passed it on is known to the effect.
    """
    deleted = _canonical(claim.object, "object")
    if claim.announcer is None and not same_origin(deleted, claim.actor):
        raise OriginError("the object is of another origin than the actor")


def _check_undone(claim: _Claim) -> None:
    """What is undone was done by the same actor; an embedded activity may lack an id, but not its actor."""
    undone = claim.object
    if isinstance(undone, Mapping) and _canonical(undone.get("actor"), "object's actor") != claim.actor:
        raise OriginError("the activity to undo is somebody else's")
    if isinstance(undone, Mapping) and undone.get("id") is None:
        return
    if not same_origin(_canonical(undone, "object"), claim.actor):
        raise OriginError("the activity to undo is of another origin")


def _check_answered(claim: _Claim) -> None:
    """Accept and Reject: what is answered is found later, by its id or, as one may lack that, by its two actors; but a
    Follow of others is not the sender's to answer."""
    answered = claim.object
    if isinstance(answered, Mapping) and answered.get("id") is None:
        _canonical(answered.get("actor"), "object's actor")
        _canonical(answered.get("object"), "object's object")
    else:
        _canonical(answered, "object")
    if not isinstance(answered, Mapping) or type_of(answered) != "Follow" or "object" not in answered:
        return
    if _id(answered["object"]) != claim.actor:
        raise OriginError("the Follow is of somebody else than the actor")


def _check_moved(claim: _Claim) -> None:
    if _id(claim.object) != claim.actor:
        raise OriginError("an actor may move only itself")
    _canonical(claim.node.get("target"), "target")


def _check_pointers(claim: _Claim) -> None:
    """Everything else only points at its objects; what is embedded is fetched from its home if it is needed."""
    pointers = _list(claim.node.get("object"))[:_MAX_NAMED]  # Of a Flag of very many things the first are enough.
    if not pointers:
        raise OriginError("there is no object")
    for pointer in pointers:
        _canonical(pointer, "object")
    if claim.kind in {"Add", "Remove"}:
        _canonical(claim.node.get("target"), "target")


_RULES: Final[dict[str, Callable[[_Claim], None]]] = {
    **dict.fromkeys(_POINTING, _check_pointers),
    **dict.fromkeys(("Accept", "Reject", "TentativeAccept", "TentativeReject"), _check_answered),
    "Create": _check_authored,
    "Update": _check_authored,
    "Delete": _check_deleted,
    "Undo": _check_undone,
    "Move": _check_moved,
}


def _canonical(value: object, what: str) -> str:
    uri = _id(value)
    if uri is None or not is_canonical(uri):
        raise OriginError(f"{what} is not one canonical https URI")
    return uri


def _id(value: object) -> str | None:
    """The URI that a value is, or that the node it is gives as its id."""
    value = _only(value)
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else None


def _only(value: object) -> object:
    """JSON-LD writes one value with or without a list around it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _list(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
