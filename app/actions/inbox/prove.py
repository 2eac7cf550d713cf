"""Prove: from an accepted request to activities whose actors said them (FEP-fe34).

The request proves what its signer says. What it passes on from somebody else is proved by an integrity proof, or by
fetching it from its home; what cannot be proved is dropped. Many activities are not to be had at their home, because
their ids have a fragment or nobody answers there: of such ones inside an Announce what they are about bears them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from activitypub.documents import Activity, id_of, parse_activity, type_of
from activitypub.errors import (
    ActivityPubError,
    FetchError,
    KeyUnavailableError,
    OriginError,
    ProofError,
    SignatureError,
    UnusableKeyError,
)
from activitypub.fetch import FetchBudget
from activitypub.origin import Decision, Verdict, announced_activity, decide, is_fetchable
from activitypub.proofs import proof_key_id, verify_proof
from app.actions.remote_actors import fetch_document, key_for
from app.db import reading
from app.effects.undo import REACTIONS
from app.errors import NotFoundError
from app.queries.messages import NO_SUCH_MESSAGE, find_by_uri
from app.settings import current

Document = Mapping[str, Any]

# Of an Announce without what is inside: that is not its channel's to say.
_KEPT = ("@context", "id", "type", "actor", "to", "cc", "published")


class Proved(msgspec.Struct, frozen=True):
    """`relayed` is what a Group's Announce holds, proved for itself. `is_of_edit` is an Announce of a note that was
    edited; `via` is the Group (a URI) whose word alone it is.
    """

    activity: Activity
    relayed: tuple[Activity, ...] = ()
    is_of_edit: bool = False
    via: str | None = None


def prove(document: Document, *, signer: str, budget: FetchBudget, is_last_attempt: bool = False) -> Proved:
    """Raises ActivityPubError for what cannot be believed; a FetchError that is not permanent may pass, and at the last
    attempt is as good as one that is."""
    decision = _decide(document, signer)
    if decision.verdict is Verdict.FETCH and id_of(document.get("actor")) != signer:
        document = _from_home_or_proof(document, decision, budget)
        decision = _decide(document, id_of(document.get("actor")) or "")
    activity = parse_activity(document)
    inner = announced_activity(document)
    if inner is None:
        return Proved(activity)
    if decision.verdict is Verdict.FETCH:
        try:
            inner = _from_home_or_proof(inner, decision, budget, announcer=activity.actor)
        except ActivityPubError as error:
            if _may_pass(error) and not is_last_attempt:
                raise
            return _borne_out(document, inner, error)
    return Proved(activity, (parse_activity(inner),))


def _may_pass(error: ActivityPubError) -> bool:
    return isinstance(error, KeyUnavailableError) or (isinstance(error, FetchError) and not error.permanent)


def _borne_out(announce: Document, inner: Document, error: ActivityPubError) -> Proved:
    """What an Announce comes to whose activity its home does not show: that of the note it is about, whose home does.

    Whether something is gone that stands in it, a channel tells by itself. Raises the error for anything else.
    """
    about, type_ = id_of(inner.get("object")), type_of(inner)
    told = {name: announce[name] for name in _KEPT if name in announce}
    match type_:
        case "Create" | "Update":
            return Proved(parse_activity(told | {"object": about}), is_of_edit=type_ == "Update")
        case "Delete":
            own = parse_activity(told | {"type": "Delete", "object": about})
            return Proved(own, via=own.actor)
    raise error


def _decide(document: Document, signer: str, announcer: str | None = None) -> Decision:
    decision = decide(document, signer=signer, local_origin=current().origin, announcer=announcer)
    if decision.verdict is Verdict.DROP:
        raise OriginError(decision.reason)
    return decision


def _from_home_or_proof(
    document: Document, decision: Decision, budget: FetchBudget, *, announcer: str | None = None
) -> Document:
    _check_is_of_use(document)
    if decision.has_proof and _is_proved(document):
        return document
    if decision.uri is None or not is_fetchable(decision.uri):
        raise OriginError("there is no home to ask")
    fetched = fetch_document(decision.uri, budget=budget).json
    if _decide(fetched, id_of(fetched.get("actor")) or "", announcer).verdict is not Verdict.ACCEPT:
        raise OriginError("its home passes it on from elsewhere")
    return fetched


def _check_is_of_use(document: Document) -> None:
    """A channel passes on every vote, and most are about what was said before anybody here heard of it: for those,
    nobody's home is asked. Raises NotFoundError."""
    done = document["object"] if type_of(document) == "Undo" else document
    if not isinstance(done, Mapping) or type_of(done) not in REACTIONS:
        return
    with reading() as session:
        if find_by_uri(session, id_of(done.get("object"))) is None:
            raise NotFoundError(NO_SUCH_MESSAGE)


def _is_proved(document: Document) -> bool:
    try:
        key = key_for(proof_key_id(document))
        if key.owner != id_of(document.get("actor")):
            return False
        verify_proof(document, key, now=datetime.now(UTC))
    except (ProofError, SignatureError, UnusableKeyError):
        return False
    return True
