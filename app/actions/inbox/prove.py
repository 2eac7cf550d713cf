"""Prove: from an accepted request to activities whose actors said them (FEP-fe34).

The request proves what its signer says. What it passes on from somebody else is proved by an integrity proof, or by
fetching it from its home; what cannot be proved is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activitypub.documents import Activity, id_of, parse_activity
from activitypub.errors import OriginError, ProofError, SignatureError, UnusableKeyError
from activitypub.fetch import FetchBudget
from activitypub.origin import Decision, Verdict, announced_activity, decide
from activitypub.proofs import proof_key_id, verify_proof
from app.actions.remote_actors import fetch_document, key_for
from app.settings import current

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proved:
    """`relayed` is what a Group's Announce holds, proved for itself."""

    activity: Activity
    relayed: tuple[Activity, ...] = ()


def prove(document: Document, *, signer: str, budget: FetchBudget) -> Proved:
    """Raises ActivityPubError for what cannot be believed; a FetchError that is not permanent may pass."""
    decision = _decide(document, signer)
    if decision.verdict is Verdict.FETCH and id_of(document.get("actor")) != signer:
        document = _from_home_or_proof(document, decision, budget)
        decision = _decide(document, id_of(document.get("actor")) or "")
    activity = parse_activity(document)
    inner = announced_activity(document)
    if inner is None:
        return Proved(activity)
    if decision.verdict is Verdict.FETCH:
        inner = _from_home_or_proof(inner, decision, budget, announcer=activity.actor)
    return Proved(activity, (parse_activity(inner),))


def _decide(document: Document, signer: str, announcer: str | None = None) -> Decision:
    decision = decide(document, signer=signer, local_origin=current().origin, announcer=announcer)
    if decision.verdict is Verdict.DROP:
        raise OriginError(decision.reason)
    return decision


def _from_home_or_proof(
    document: Document, decision: Decision, budget: FetchBudget, *, announcer: str | None = None
) -> Document:
    if decision.has_proof and _is_proved(document):
        return document
    if decision.uri is None:
        raise OriginError("there is no home to ask")
    fetched = fetch_document(decision.uri, budget=budget).json
    if _decide(fetched, id_of(fetched.get("actor")) or "", announcer).verdict is not Verdict.ACCEPT:
        raise OriginError("its home passes it on from elsewhere")
    return fetched


def _is_proved(document: Document) -> bool:
    try:
        key = key_for(proof_key_id(document))
        if key.owner != id_of(document.get("actor")):
            return False
        verify_proof(document, key, now=datetime.now(UTC))
    except (ProofError, SignatureError, UnusableKeyError):
        return False
    return True
