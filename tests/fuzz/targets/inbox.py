"""An inbox's decision: bytes to accept, fetch, drop or refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from activitypub.documents import Activity, Note, parse_activity
from activitypub.errors import MalformedDocumentError
from activitypub.judgement import Judgement, judge
from activitypub.origin import Verdict, announced_activity, decide
from tests.fuzz.shared import documents
from tests.fuzz.target import Target

OURS = "https://ours.test"
MALLORY, VICTIM, GROUP = "https://evil.test/u/mallory", "https://good.test/u/victim", "https://groups.test/c/cats"
_SIGNERS = (MALLORY, VICTIM, GROUP)
_OWN_OBJECTS = frozenset({"Create", "Update", "Delete"})


def check(data: bytes) -> None:
    """Whoever signs it: refused as malformed, or what is believed is of the origin of whoever said it."""
    for signer in _SIGNERS:
        try:
            judged = judge(data, signer=signer, local_origin=OURS)
        except MalformedDocumentError:
            return  # Whether bytes can be read has nothing to do with who signed them.
        _check_judgement(judged, signer)
    assert json.loads(data) == judged.document


def _check_judgement(judged: Judgement, signer: str) -> None:
    verdict, activity = judged.decision.verdict, judged.activity
    if verdict is Verdict.DROP:
        assert judged.decision.reason
        return
    assert activity is not None
    assert _origin(activity.actor) != OURS
    assert _origin(activity.id) == _origin(activity.actor)
    inner = announced_activity(judged.document)
    if verdict is Verdict.ACCEPT:
        _check_said(activity, by=signer)
        assert inner is not None or not _is_relaying(judged.document, activity)
    if inner is not None and activity.actor == signer:
        _check_relayed(inner, judged, signer)
    elif verdict is Verdict.FETCH:
        assert activity.actor != signer
        assert judged.decision.uri == activity.id


def _check_relayed(inner: Mapping[str, Any], judged: Judgement, announcer: str) -> None:
    try:
        relayed = parse_activity(inner)
    except MalformedDocumentError:
        return  # Read by itself it is read one level deeper; the worker then drops it.
    if judged.decision.verdict is Verdict.ACCEPT:
        _check_said(relayed, by=announcer, is_moderation=relayed.type == "Delete")
        return
    assert judged.decision.uri == relayed.id
    assert _origin(relayed.id) == _origin(relayed.actor) != OURS
    # What is fetched from there is held to the same rules, on behalf of its own actor.
    if decide(inner, signer=relayed.actor, local_origin=OURS).verdict is Verdict.ACCEPT:
        _check_said(relayed, by=relayed.actor)


def _check_said(activity: Activity, *, by: str, is_moderation: bool = False) -> None:
    """`is_moderation`: a group deletes what others said in it, which the effect holds against where it was said."""
    origin = _origin(by)
    assert activity.actor == by
    assert _origin(activity.id) == origin
    if activity.type in _OWN_OBJECTS and not is_moderation:
        assert _origin(activity.object_id) == origin
    if activity.type == "Move":
        assert activity.object_id == by
    said = activity.object
    if activity.type in {"Create", "Update"} and isinstance(said, Note):
        assert _origin(said.attributed_to) == origin
    if activity.type == "Undo" and isinstance(said, Activity):
        assert said.actor == by
        assert said.id is None or _origin(said.id) == origin
    if activity.type in {"Accept", "Reject"} and isinstance(said, Activity) and said.type == "Follow":
        assert said.object_id in {by, None}


def _is_relaying(document: Mapping[str, Any], activity: Activity) -> bool:
    """Would a worker take the object of this Announce for an activity of somebody's? Of a list it takes none."""
    given = document.get("object")
    is_one = not isinstance(given, list) or len(given) == 1
    return activity.type == "Announce" and isinstance(activity.object, Activity) and is_one


def _origin(uri: str | None) -> str:
    """By another parser than ours, and only in the one spelling that needs no repair."""
    assert uri is not None
    parts = urlsplit(uri)
    assert parts.scheme == "https"
    assert parts.username is None
    assert parts.netloc == parts.netloc.lower()
    assert parts.hostname
    return f"https://{parts.netloc}"


def _seeds() -> Iterator[bytes]:
    """Real documents, said to be from one of the signers, so that they get past the first question."""
    for document in documents():
        yield json.dumps(document).encode()
        actor = document.get("actor")
        if isinstance(actor, str) and len(parts := urlsplit(actor).netloc) > 3:
            text = json.dumps(document).replace(actor, MALLORY).replace(f"https://{parts}", "https://evil.test")
            yield text.encode()


TARGET = Target("inbox", check, _seeds, max_bytes=8192, is_json=True)
