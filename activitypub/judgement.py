"""What the bytes of a delivery say and whether to believe them: an inbox's whole decision, as one pure function."""

import msgspec

from activitypub.documents import Activity, id_of, parse_activity, type_of
from activitypub.errors import MalformedDocumentError
from activitypub.origin import Decision, Verdict, decide
from activitypub.strict_json import JsonObject, load_object
from activitypub.vocabulary import ACTIVITY_TYPES


class Judgement(msgspec.Struct, frozen=True):
    """``activity`` is None for a type that the vocabulary does not have, which is always dropped."""

    document: JsonObject
    type: str
    activity: Activity | None
    decision: Decision


def judge(body: bytes, *, signer: str, local_origin: str) -> Judgement:
    """Read a delivered body and decide what becomes of it, given the actor whose key signed the request.

    ``decide`` says what the verdicts mean. The fourth, to refuse, is ``MalformedDocumentError``: the bytes are no
    JSON that everybody reads alike, or no activity. Nothing else is raised, and nothing is looked up.
    """
    document = load_object(body)
    type_ = type_of(document)
    if type_ is None or id_of(document.get("actor")) is None:
        raise MalformedDocumentError("an activity has a type and an actor")
    if type_ not in ACTIVITY_TYPES:
        return Judgement(document, type_, None, Decision(Verdict.DROP, reason="no type of the vocabulary"))
    activity = parse_activity(document)
    return Judgement(document, type_, activity, decide(document, signer=signer, local_origin=local_origin))
