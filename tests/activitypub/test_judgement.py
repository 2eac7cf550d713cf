"""From bytes to accept, fetch, drop or refuse."""

from __future__ import annotations

import json

import pytest

from activitypub.errors import MalformedDocumentError
from activitypub.judgement import Judgement, judge
from activitypub.origin import Verdict

OURS, MALLORY, VICTIM = "https://ours.test", "https://evil.test/u/mallory", "https://good.test/u/victim"


def judged(actor: object, type: object = "Follow", *, signer: str = MALLORY) -> Judgement:
    origin = str(actor).partition("/u/")[0]
    body = json.dumps({"id": f"{origin}/a/1", "type": type, "actor": actor, "object": f"{OURS}/u/alice"})
    return judge(body.encode(), signer=signer, local_origin=OURS)


def test_what_the_signer_says_is_accepted() -> None:
    judgement = judged(MALLORY)

    assert judgement.decision.verdict is Verdict.ACCEPT
    assert judgement.activity is not None
    assert judgement.activity.actor == MALLORY


def test_what_somebody_else_says_is_fetched() -> None:
    decision = judged(VICTIM).decision

    assert (decision.verdict, decision.uri) == (Verdict.FETCH, "https://good.test/a/1")


def test_what_cannot_be_true_is_dropped() -> None:
    assert judged(f"{OURS}/u/alice").decision.verdict is Verdict.DROP


def test_type_without_a_meaning_here_is_dropped_and_named() -> None:
    judgement = judged(MALLORY, "Dance")

    assert (judgement.type, judgement.activity, judgement.decision.verdict) == ("Dance", None, Verdict.DROP)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type": "Follow"}', b'{"type": 5, "actor": "https://x.test/"}'])
def test_what_is_no_activity_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        judge(body, signer=MALLORY, local_origin=OURS)
