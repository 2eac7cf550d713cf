"""FEP-fe34 as a table: what arrives, who signed it, what is decided."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.origin import Decision, Verdict, decide
from tests.corpus import corpus

OURS = "https://ours.test"
ALICE = f"{OURS}/ap/users/alice"
EVIL, GOOD, GROUPS = "https://evil.test", "https://good.test", "https://groups.test"
MALLORY, SECOND_ON_EVIL = f"{EVIL}/u/mallory", f"{EVIL}/u/second"
VICTIM = f"{GOOD}/u/victim"
GROUP = f"{GROUPS}/c/cats"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
AS = "https://www.w3.org/ns/activitystreams"

ACCEPT, FETCH, DROP = Verdict.ACCEPT, Verdict.FETCH, Verdict.DROP


def activity(kind: str, object: object = None, *, actor: str = MALLORY, **more: object) -> dict[str, object]:
    origin = "/".join(actor.split("/")[:3])
    made = {"@context": AS, "id": f"{origin}/a/1", "type": kind, "actor": actor, "object": object, **more}
    return {key: value for key, value in made.items() if value is not None}


def note(id: str | None = f"{EVIL}/n/1", *, by: object = MALLORY, **more: object) -> dict[str, object]:
    made = {"id": id, "type": "Note", "attributedTo": by, "content": "hi", **more}
    return {key: value for key, value in made.items() if value is not None}


def without(node: Mapping[str, object], *keys: str) -> dict[str, object]:
    return {name: value for name, value in node.items() if name not in keys}


def announce(inner: object, **more: object) -> dict[str, object]:
    return activity("Announce", inner, actor=GROUP, **more)


def proof(key: str, **more: object) -> dict[str, object]:
    return {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "verificationMethod": key, **more}


FOLLOW_BY_ALICE = {"id": f"{OURS}/ap/activities/f1", "type": "Follow", "actor": ALICE, "object": MALLORY}
CREATE = activity("Create", note())
CREATE_BY_VICTIM = activity("Create", note(f"{GOOD}/n/1", by=VICTIM), actor=VICTIM)

SAID_BY_ITS_ACTOR: dict[str, dict[str, object]] = {
    "Create of a Note": CREATE,
    "Create of a Note without attributedTo": activity("Create", note(by=None)),
    "Create of a Note by its URI": activity("Create", f"{EVIL}/n/1"),
    "Create with lists of one": activity("Create", [note(by=[MALLORY])], actor=MALLORY, type=["Create"]),
    "an actor in a list": activity("Create", note()) | {"actor": [MALLORY]},
    "an embedded actor": activity("Create", note()) | {"actor": {"type": "Person", "id": MALLORY}},
    "Create attributed to an actor node": activity("Create", note(by={"type": "Person", "id": MALLORY})),
    "Create by two authors of one host": activity("Create", note(by=[MALLORY, SECOND_ON_EVIL])),
    "Create with a fragment in its id": activity("Create", note(), id=f"{EVIL}/n/1#create"),
    "Create on another port of no other host": activity(
        "Create", note(f"{EVIL}:8443/n/1", by=f"{EVIL}:8443/u/m"), actor=f"{EVIL}:8443/u/m", id=f"{EVIL}:8443/a/1"
    ),
    "Create of a reply to a private message of ours (ORI-19, the effect's)": activity(
        "Create", note(inReplyTo=f"{OURS}/ap/messages/private")
    ),
    "Create in a list of contexts with terms of its own": {
        **CREATE,
        "@context": [
            AS,
            "https://w3id.org/security/v1",
            {"Hashtag": "as:Hashtag", "toot": "http://joinmastodon.org/ns#"},
        ],
        "toot:extra": True,
    },
    "Update of one's Note": activity("Update", note()),
    "Update without attributedTo (ORI-22, the effect's)": activity("Update", note(by=None)),
    "Update of oneself": activity("Update", {"id": MALLORY, "type": "Person"}),
    "Update of a Group of the same host by one of its moderators": activity(
        "Update", {"id": f"{EVIL}/c/cats", "type": "Group", "attributedTo": f"{EVIL}/c/cats/moderators"}
    ),
    "Update of another's Note on the same host, unattributed (the effect's)": activity(
        "Update", {"id": f"{EVIL}/n/2", "type": "Note"}
    ),
    "Delete by URI": activity("Delete", f"{EVIL}/n/1"),
    "Delete with a Tombstone": activity("Delete", {"type": "Tombstone", "id": f"{EVIL}/n/1"}),
    "Delete of oneself": activity("Delete", MALLORY, id=f"{MALLORY}#delete"),
    "Undo by URI": activity("Undo", f"{EVIL}/a/0"),
    "Undo of one's Follow": activity("Undo", activity("Follow", ALICE)),
    "Undo of one's Follow without an id": activity("Undo", without(activity("Follow", ALICE), "id")),
    "Follow of one of ours": activity("Follow", ALICE),
    "Follow of an embedded actor": activity("Follow", {"id": ALICE, "type": "Person"}),
    "Accept of our Follow": activity("Accept", FOLLOW_BY_ALICE),
    "Accept of our Follow without its id": activity("Accept", without(FOLLOW_BY_ALICE, "id")),
    "Accept of our Follow by URI": activity("Accept", f"{OURS}/ap/activities/f1"),
    "Accept of a Follow we never sent (ORI-13, the effect's)": activity("Accept", f"{OURS}/ap/activities/none"),
    "Reject of our Follow": activity("Reject", FOLLOW_BY_ALICE),
    "Like of a Note of ours": activity("Like", f"{OURS}/ap/messages/1"),
    "Like of a Note of a third server": activity("Like", f"{GOOD}/n/1"),
    "EmojiReact": activity("EmojiReact", f"{OURS}/ap/messages/1", content="🐟"),
    "Announce of a Note by URI": activity("Announce", f"{GOOD}/n/1"),
    "Announce of a private Note by URI (ORI-17, the effect's)": activity("Announce", f"{GOOD}/n/private", to=PUBLIC),
    "Announce of an embedded foreign Note, which only points": activity("Announce", note(f"{GOOD}/n/1", by=VICTIM)),
    "Announce of an activity of the announcing group": announce(
        activity("Delete", f"{GROUPS}/n/1", actor=GROUP, id=f"{GROUPS}/a/2")
    ),
    "Announce of a moderator's Delete in the group, by the group (the place is the effect's)": announce(
        activity("Delete", f"{GOOD}/n/1", actor=GROUP, id=f"{GROUPS}/a/2")
    ),
    "Flag of several things": activity("Flag", [ALICE, f"{OURS}/ap/messages/1"]),
    "Block": activity("Block", ALICE),
    "Add to a collection of ours (the effect's)": activity("Add", ALICE, target=f"{OURS}/ap/channels/c/members"),
    "Move of oneself (ORI-16, alsoKnownAs is the effect's)": activity("Move", MALLORY, target=VICTIM),
    "a type nobody knows": activity("Dance", None),
    "Create with an LD signature, which says nothing": {**CREATE, "signature": {"type": "RsaSignature2017"}},
}

FALSE_WHOEVER_SIGNED: dict[str, dict[str, object]] = {
    "Create attributed to another host (ORI-01)": activity("Create", note(by=VICTIM)),
    "Create attributed to another actor of the host (ORI-01)": activity("Create", note(by=SECOND_ON_EVIL)),
    "Create attributed to the actor and to another host": activity("Create", note(by=[MALLORY, VICTIM])),
    "Create attributed to nothing readable": activity("Create", note(by=[MALLORY, 7])),
    "Update of another host's Note (ORI-03)": activity("Update", note(f"{GOOD}/n/1", by=VICTIM)),
    "Update of another host's Note by URI (ORI-03)": activity("Update", f"{GOOD}/n/1"),
    "Update attributed to another actor of the host": activity("Update", note(by=SECOND_ON_EVIL)),
    "Update of another host's actor": activity("Update", {"id": VICTIM, "type": "Person"}),
    "Update of an actor attributed to another host": activity(
        "Update", {"id": MALLORY, "type": "Person", "attributedTo": VICTIM}
    ),
    "Delete of another host's Note (ORI-05)": activity("Delete", f"{GOOD}/n/1"),
    "Delete of another host's actor (ORI-05)": activity("Delete", VICTIM),
    "Delete of another host's Tombstone (ORI-05)": activity("Delete", {"type": "Tombstone", "id": f"{GOOD}/n/1"}),
    "Delete of something of ours": activity("Delete", f"{OURS}/ap/messages/1"),
    "Delete of nothing": activity("Delete"),
    "Undo of another host's Follow (ORI-06)": activity("Undo", activity("Follow", ALICE, actor=VICTIM)),
    "Undo of another host's Follow by URI (ORI-06)": activity("Undo", f"{GOOD}/a/1"),
    "Undo of another actor's Follow on the host (ORI-06)": activity(
        "Undo", activity("Follow", ALICE, actor=SECOND_ON_EVIL)
    ),
    "Undo of one's own Follow under another host's id": activity(
        "Undo", activity("Follow", ALICE, id=f"{GOOD}/a/1")
    ),
    "Undo of an activity without an actor": activity("Undo", {"type": "Follow", "object": ALICE}),
    "ids mapped to other terms (ORI-11)": {
        **CREATE, "@context": [AS, {"a": "as:actor"}], "as:actor": VICTIM, "@id": f"{GOOD}/a/9",
    },
    "@id beside id (ORI-11)": {**CREATE, "@id": f"{GOOD}/a/9"},
    "as:actor beside actor (ORI-11)": {**CREATE, "as:actor": VICTIM},
    "a full IRI beside actor (ORI-11)": {**CREATE, f"{AS}#actor": VICTIM},
    "an alias of actor beside actor (ORI-11)": {**CREATE, "@context": [AS, {"a": "as:actor"}], "a": VICTIM},
    "a context that renames type (ORI-11)": {**CREATE, "@context": [AS, {"type": "https://x.test/type"}]},
    "another activity under @graph (SIG-30)": {"@context": AS, "@graph": [CREATE_BY_VICTIM]},
    "another activity under @included (SIG-30)": {**CREATE, "@included": [CREATE_BY_VICTIM]},
    "another activity under @reverse (SIG-30)": {**CREATE, "@reverse": {"object": CREATE_BY_VICTIM}},
    "members under @nest (ORI-11)": {**CREATE, "@nest": {"actor": VICTIM}},
    "as:attributedTo inside the object (ORI-11)": activity("Create", note(**{"as:attributedTo": VICTIM})),
    "an alias from around the object used inside it": {
        **activity("Create", note(by_whom=VICTIM)), "@context": [AS, {"by_whom": "as:attributedTo"}],
    },
    "Accept of a Follow of another actor (ORI-13)": activity("Accept", {**FOLLOW_BY_ALICE, "object": VICTIM}),
    "Accept of a Follow of another actor, without its id": activity(
        "Accept", {**without(FOLLOW_BY_ALICE, "id"), "object": VICTIM}
    ),
    "Accept of a Follow without an id and its actor": activity("Accept", without(FOLLOW_BY_ALICE, "id", "actor")),
    "Accept of a Follow without an id and its object": activity("Accept", without(FOLLOW_BY_ALICE, "id", "object")),
    "Accept of nothing (ORI-13)": activity("Accept"),
    "Move of another actor (ORI-16)": activity("Move", VICTIM, target=MALLORY),
    "Move to nowhere (ORI-16)": activity("Move", MALLORY),
    "Create of a second version of a private Note (ORI-17)": activity("Create", note(f"{GOOD}/n/private", to=PUBLIC)),
    "Create of an object of ours (ORI-24)": activity("Create", note(f"{OURS}/ap/messages/evil")),
    "Update of a channel of ours (ORI-29)": activity(
        "Update", {"id": f"{OURS}/ap/channels/c", "type": "Group", "name": "pwned", "permissions": 8191}
    ),
    "Create of an MLS message of another host (ORI-31)": activity(
        "Create", note(by=VICTIM, type=["Object", "PrivateMessage", "Person"])
    ),
    "Create of an object without an id": activity("Create", note(None)),
    "Create of two objects": activity("Create", [note(), note(f"{EVIL}/n/2")]),
    "Create of nothing": activity("Create"),
    "Follow of nothing": activity("Follow"),
    "Add to no collection": activity("Add", ALICE),
    "an actor of ours": activity("Create", note(f"{OURS}/ap/messages/1", by=ALICE), actor=ALICE),
    "no id": without(CREATE, "id"),
    "an empty id": {**CREATE, "id": ""},
    "an id that is a node": {**CREATE, "id": {"id": f"{EVIL}/a/1"}},
    "an id of another host": {**CREATE, "id": f"{GOOD}/a/1"},
    "an id of ours": {**CREATE, "id": f"{OURS}/ap/activities/1"},
    "an id on another port": {**CREATE, "id": f"{EVIL}:8443/a/1"},
    "an http id": {**CREATE, "id": "http://evil.test/a/1"},
    "an http actor": {**CREATE, "actor": "http://evil.test/u/mallory"},
    "no actor": without(CREATE, "actor"),
    "two actors": {**CREATE, "actor": [MALLORY, VICTIM]},
    "an actor that is no URI": {**CREATE, "actor": "mallory"},
    "no type": without(CREATE, "type"),
    "two types": {**CREATE, "type": ["Create", "Delete"]},
    "an upper-case actor (SIG-35)": {**CREATE, "actor": "https://EVIL.test/u/mallory"},
    "an actor with a trailing dot (SIG-35)": {**CREATE, "actor": "https://evil.test./u/mallory"},
    "an actor with the default port (SIG-35)": {**CREATE, "actor": "https://evil.test:443/u/mallory"},
    "an actor behind userinfo (SIG-35)": {**CREATE, "actor": "https://good.test@evil.test/u/mallory"},
    "a full-width actor (SIG-35)": {**CREATE, "actor": "https://\uff45vil.test/u/mallory"},
    "Announce of an activity of ours, as groups echo it": announce(
        activity("Create", note(f"{OURS}/ap/messages/1", by=ALICE), actor=ALICE)
    ),
    "Announce of a false activity": announce(activity("Update", f"{GOOD}/n/1")),
    "Announce of a Delete by somebody of neither server, passed on": announce(
        announce(activity("Delete", f"{GOOD}/n/1")), id=f"{GROUPS}/a/2"
    ),
    "Announce of an Announce of an activity": announce(announce(CREATE_BY_VICTIM, id=f"{GROUPS}/a/2")),
    "Announce of an activity whose alias is defined around it": announce(
        {**without(CREATE_BY_VICTIM, "@context"), "a": MALLORY}, **{"@context": [AS, {"a": "as:actor"}]}
    ),
}  # fmt: skip

PASSED_ON: dict[str, tuple[dict[str, object], str, str]] = {
    "Create signed by another host": (CREATE_BY_VICTIM, MALLORY, f"{GOOD}/a/1"),
    "Create signed by another actor of the host": (CREATE, SECOND_ON_EVIL, f"{EVIL}/a/1"),
    "Create signed by the host's instance actor": (CREATE, f"{EVIL}/actor", f"{EVIL}/a/1"),
    "Create signed by nobody we can name": (CREATE, "", f"{EVIL}/a/1"),
    "Delete passed on": (activity("Delete", f"{EVIL}/n/1"), VICTIM, f"{EVIL}/a/1"),
    "Create with an LD signature passed on (SIG-30)": (
        {**CREATE_BY_VICTIM, "signature": {"type": "RsaSignature2017", "creator": f"{VICTIM}#main-key"}},
        MALLORY,
        f"{GOOD}/a/1",
    ),
    "Announce passed on, before what is inside it": (announce(CREATE_BY_VICTIM), MALLORY, f"{GROUPS}/a/1"),
    "Announce of a member's Create (FEP-1b12)": (announce(CREATE_BY_VICTIM), GROUP, f"{GOOD}/a/1"),
    "Announce of a member's Create in a list": (announce([CREATE_BY_VICTIM]), GROUP, f"{GOOD}/a/1"),
    "Announce of a Delete by somebody of neither server (the place is the effect's)": (
        announce(activity("Delete", f"{GOOD}/n/1")),
        GROUP,
        f"{EVIL}/a/1",
    ),
    "Announce of another actor's Like": (announce(activity("Like", f"{GROUPS}/n/1")), GROUP, f"{EVIL}/a/1"),
}


def decided(node: dict[str, Any], signer: str | None = None, *, local_origin: str = OURS) -> Decision:
    actor = node.get("actor", MALLORY)
    first = actor[0] if isinstance(actor, list) else actor
    named = first["id"] if isinstance(first, dict) else first
    return decide(node, signer=signer or named, local_origin=local_origin)


@pytest.mark.parametrize("case", SAID_BY_ITS_ACTOR)
def test_what_its_actor_signed_and_may_say_is_accepted(case: str) -> None:
    assert decided(SAID_BY_ITS_ACTOR[case]) == Decision(ACCEPT)


@pytest.mark.parametrize("case", FALSE_WHOEVER_SIGNED)
@pytest.mark.parametrize("signer", [None, GROUP], ids=["by its actor", "by another"])
def test_what_cannot_be_true_is_dropped_whoever_signed_it(case: str, signer: str | None) -> None:
    decision = decided(FALSE_WHOEVER_SIGNED[case], signer)

    assert decision.verdict is DROP
    assert decision.reason
    assert decision.uri is None


@pytest.mark.parametrize("case", PASSED_ON)
def test_what_somebody_else_passed_on_is_fetched_from_home(case: str) -> None:
    node, signer, uri = PASSED_ON[case]

    assert decide(node, signer=signer, local_origin=OURS) == Decision(FETCH, uri=uri)


class TestProof:
    KEY = f"{VICTIM}#ed25519"

    def passed_on(self, **more: object) -> Decision:
        return decide({**CREATE_BY_VICTIM, **more}, signer=MALLORY, local_origin=OURS)

    @pytest.mark.parametrize("given", [proof(KEY), [proof(KEY)]])
    def test_is_mentioned_where_it_can_be_tried(self, given: object) -> None:
        assert self.passed_on(proof=given) == Decision(FETCH, uri=f"{GOOD}/a/1", has_proof=True)

    def test_is_mentioned_for_the_activity_inside_an_announce(self) -> None:
        inner = {**CREATE_BY_VICTIM, "proof": proof(self.KEY)}

        assert decided(announce(inner)) == Decision(FETCH, uri=f"{GOOD}/a/1", has_proof=True)

    @pytest.mark.parametrize(
        "given",
        [
            proof(f"{MALLORY}#ed25519"),
            proof("http://good.test/u/victim#ed25519"),
            proof("did:key:z6Mk"),
            proof(KEY, cryptosuite="eddsa-rdfc-2022"),
            proof(KEY, type="RsaSignature2017"),
            [proof(KEY), proof(KEY)],
            "proof",
            {},
        ],
    )
    def test_by_a_foreign_key_or_of_another_kind_is_none(self, given: object) -> None:
        assert self.passed_on(proof=given) == Decision(FETCH, uri=f"{GOOD}/a/1")

    def test_makes_up_for_an_id_that_cannot_be_fetched(self) -> None:
        uri = f"{VICTIM}#likes/1"

        assert self.passed_on(id=uri).verdict is DROP
        assert self.passed_on(id=uri, proof=proof(self.KEY)) == Decision(FETCH, uri=uri, has_proof=True)

    def test_does_not_excuse_what_cannot_be_true(self) -> None:
        assert self.passed_on(object=note(), proof=proof(self.KEY)).verdict is DROP


URIS = [MALLORY, VICTIM, ALICE, f"{EVIL}/n/1", f"{GOOD}/a/1", "http://evil.test/", "as:Public", "", "mallory"]
KEYS = ["id", "type", "actor", "object", "target", "attributedTo", "to", "proof", "@context", "@id", "as:actor", "x"]
KINDS = ["Create", "Update", "Delete", "Undo", "Accept", "Announce", "Follow", "Flag", "Move", "Add", "Note", "Person"]
VALUES = st.recursive(
    st.sampled_from(URIS + KINDS) | st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES), st.sampled_from(URIS))
def test_whatever_arrives_is_decided_and_never_in_our_name(node: dict[str, object], signer: str) -> None:
    decision = decide(node, signer=signer, local_origin=OURS)

    assert (decision.uri is not None) == (decision.verdict is FETCH)
    assert bool(decision.reason) == (decision.verdict is DROP)
    if decision.verdict is not DROP:
        assert ALICE not in (node["actor"], node["id"])


def test_every_real_delivery_is_accepted_or_fetched_from_home() -> None:
    verdicts = []
    for path in sorted(corpus("real-deliveries").glob("*.json")):
        recorded: Any = json.loads(path.read_text())
        if not isinstance(recorded, dict) or recorded["request"]["method"] != "POST":
            continue
        node = json.loads(recorded["request"]["body"]["text"])
        verdicts.append(decided(node, local_origin="https://elsewhere.test").verdict)

    assert verdicts.count(FETCH) == 2  # a group announcing a Create of a member
    assert verdicts.count(ACCEPT) == len(verdicts) - 2 > 100


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (activity("Create", note(by=[MALLORY, *(f"{EVIL}/u/{number}" for number in range(24_000))])), DROP),
        (activity("Flag", [f"{EVIL}/n/{number}" for number in range(32_000)]), ACCEPT),
    ],
    ids=["authors", "things that are reported"],
)
def test_of_a_long_list_no_more_is_looked_at_than_anybody_needs(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, object], verdict: Verdict
) -> None:
    looked_at: list[str] = []

    def look(uri: str) -> bool:
        looked_at.append(uri)
        return True

    monkeypatch.setattr("activitypub.origin.is_canonical", look)

    assert decide(said, signer=MALLORY, local_origin=OURS).verdict is verdict

    assert len(looked_at) <= 510
