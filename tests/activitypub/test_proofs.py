"""Integrity proofs: ours are the standard's, others' are believed only where they may speak."""

import contextlib
import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import base58
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import ActivityPubError, ProofError
from activitypub.keys import PublicKey, generate_ed25519, generate_rsa, public_key_from_multikey
from activitypub.proofs import add_proof, check_proof_value, proof_key_id, signed_bytes, verify_proof
from tests.corpus import corpus

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ALICE = "https://good.example/users/alice"
KEY_ID = f"{ALICE}#ed25519-key"
PRIVATE_KEY = generate_ed25519()
KEY = PublicKey(KEY_ID, ALICE, PRIVATE_KEY.public_key())

NOTE: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"],
    "id": "https://good.example/notes/1",
    "type": "Note",
    "attributedTo": ALICE,
    "content": "Hello",
    "location": {"latitude": 25.27, "tags": ["a", None, True, 1]},
}
ACTIVITY: dict[str, Any] = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": "https://good.example/activities/1",
    "type": "Create",
    "actor": ALICE,
    "object": NOTE,
}
ACTOR: dict[str, Any] = {"id": ALICE, "type": "Person", "inbox": f"{ALICE}/inbox"}


def proved(document: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The document with a proof whose options differ from ours as asked, and which holds all the same."""
    signed: dict[str, Any] = add_proof(document, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)
    proof = {name: value for name, value in (signed["proof"] | options).items() if name != "proofValue"}
    value = base58.b58encode(PRIVATE_KEY.sign(signed_bytes(document, proof))).decode()
    return {**document, "proof": {**proof, "proofValue": f"z{value}"}}


def changed(document: Any) -> Iterator[Any]:
    """Copies of the document, each with one text or number in it changed by one character."""
    if isinstance(document, dict):
        for name, member in document.items():
            yield {(f"{name}x" if key == name else key): value for key, value in document.items()}
            yield from ({**document, name: other} for other in changed(member))
    elif isinstance(document, list):
        for index, member in enumerate(document):
            yield from ([*document[:index], other, *document[index + 1 :]] for other in changed(member))
    elif isinstance(document, str):
        yield f"{document}x"
        yield document[:-1] + ("a" if document[-1] != "a" else "b")
    elif isinstance(document, bool) or document is None:
        yield 7
    else:
        yield document + 1


@pytest.mark.parametrize("document", [NOTE, ACTIVITY, ACTOR], ids=["object", "activity", "actor"])
def test_what_we_prove_verifies(document: dict[str, Any]) -> None:
    signed = add_proof(document, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)

    verify_proof(signed, KEY, now=NOW)

    assert proof_key_id(signed) == KEY_ID


def test_a_new_proof_replaces_the_old() -> None:
    once = add_proof(NOTE, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)

    twice = add_proof(once, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)

    assert twice == once


@pytest.mark.parametrize("document", [NOTE, ACTIVITY], ids=["object", "activity"])
def test_any_change_breaks_the_proof(document: dict[str, Any]) -> None:
    signed = add_proof(document, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)
    others = list(changed(signed))

    assert len(others) > 30
    for other in others:
        with pytest.raises(ProofError):
            check_proof_value(other, PRIVATE_KEY.public_key())


def test_an_ld_signature_added_afterwards_does_not_matter() -> None:
    signed = add_proof(NOTE, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)

    verify_proof({**signed, "signature": {"type": "RsaSignature2017"}}, KEY, now=NOW)


def test_whoever_relays_may_append_to_the_context() -> None:
    signed: dict[str, Any] = add_proof(NOTE, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)

    verify_proof({**signed, "@context": [*NOTE["@context"], "https://relay.example/ns"]}, KEY, now=NOW)


@pytest.mark.parametrize(
    "context",
    [
        pytest.param([], id="removed"),
        pytest.param(["https://evil.example/ns", *NOTE["@context"]], id="prepended"),
        pytest.param(NOTE["@context"][::-1], id="reordered"),
        pytest.param(NOTE["@context"][0], id="shortened"),
    ],
)
def test_whoever_relays_may_not_change_the_context(context: Any) -> None:
    signed = add_proof(NOTE, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)

    with pytest.raises(ProofError, match="context"):
        verify_proof({**signed, "@context": context}, KEY, now=NOW)


def test_a_proof_without_context_covers_the_documents_own() -> None:
    plain = {name: member for name, member in NOTE.items() if name != "@context"}
    proof: Any = add_proof(plain, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)["proof"]

    with pytest.raises(ProofError, match="does not hold"):
        verify_proof({**NOTE, "proof": proof}, KEY, now=NOW)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("type", "Ed25519Signature2020"),
        ("cryptosuite", "eddsa-rdfc-2022"),
        ("cryptosuite", None),
        ("proofPurpose", "authentication"),
        ("previousProof", "urn:uuid:1"),
        ("expires", "2026-11-25T11:59:59Z"),
        ("expires", "2026-11-26T00:00:00"),
        ("expires", "tomorrow"),
        ("expires", 1),
    ],
)
def test_a_proof_that_holds_but_is_not_for_this_is_refused(option: str, value: Any) -> None:
    signed = proved(NOTE, **{option: value})

    with pytest.raises(ProofError):
        verify_proof(signed, KEY, now=NOW)


def test_a_proof_that_has_yet_to_expire_is_believed() -> None:
    verify_proof(proved(NOTE, expires="2026-11-25T12:00:01.107452026Z"), KEY, now=NOW)


@pytest.mark.parametrize(
    "method",
    [
        "https://evil.example/users/mallory#key",
        "https://GOOD.example/users/alice#ed25519-key",
        "https://good.example.:443/users/alice#ed25519-key",
        "http://good.example/users/alice#ed25519-key",
        "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        "#ed25519-key",
        "",
        None,
        7,
        [KEY_ID],
    ],
)
def test_a_key_of_another_origin_is_not_even_looked_up(method: Any) -> None:
    with pytest.raises(ProofError):
        proof_key_id(proved(NOTE, verificationMethod=method))


@pytest.mark.parametrize(
    "claim",
    [
        {"attributedTo": "https://other.example/users/victim"},
        {"actor": "https://other.example/users/victim"},
        {"id": "https://other.example/notes/1"},
        {"attributedTo": [ALICE, "https://other.example/users/victim"]},
        {"attributedTo": {"id": ALICE}},
        {"attributedTo": None},
    ],
    ids=["author", "actor", "id", "two authors", "embedded author", "null"],
)
def test_a_proof_does_not_speak_for_another_origin(claim: dict[str, Any]) -> None:
    signed = proved(NOTE | claim)

    with pytest.raises(ProofError, match="origin"):
        verify_proof(signed, KEY, now=NOW)


def test_a_proof_without_anyone_behind_it_is_refused() -> None:
    with pytest.raises(ProofError, match="origin"):
        verify_proof(proved({"type": "Note"}), KEY, now=NOW)


def test_a_neighbour_may_not_prove_in_alices_name() -> None:
    bob = PublicKey(KEY_ID, "https://good.example/users/bob", PRIVATE_KEY.public_key())

    with pytest.raises(ProofError, match="owner"):
        verify_proof(proved(NOTE), bob, now=NOW)


def test_only_the_named_key_is_asked() -> None:
    other = PublicKey(f"{ALICE}#other", ALICE, PRIVATE_KEY.public_key())

    with pytest.raises(ProofError, match="not the one"):
        verify_proof(proved(NOTE), other, now=NOW)


def test_an_rsa_key_cannot_check_eddsa() -> None:
    with pytest.raises(ProofError, match="Ed25519"):
        verify_proof(proved(NOTE), PublicKey(KEY_ID, ALICE, generate_rsa().public_key()), now=NOW)


def test_a_list_of_one_proof_is_one_proof() -> None:
    signed = proved(NOTE)

    verify_proof({**signed, "proof": [signed["proof"]]}, KEY, now=NOW)


@pytest.mark.parametrize("proofs", [[], [{}, {}], None, "proof", 7, {}])
def test_what_is_not_exactly_one_proof_is_refused(proofs: Any) -> None:
    with pytest.raises(ProofError):
        verify_proof({**NOTE, "proof": proofs}, KEY, now=NOW)


def test_two_good_proofs_are_refused() -> None:
    proof = proved(NOTE)["proof"]

    with pytest.raises(ProofError, match="exactly one"):
        verify_proof({**NOTE, "proof": [proof, proof]}, KEY, now=NOW)


@pytest.mark.parametrize("value", [None, 7, "", "z", "u7QEu", "z0OIl", "z2HnFSS", "z" + "1" * 100_000])
def test_what_is_no_signature_is_refused(value: Any) -> None:
    signed = proved(NOTE)

    with pytest.raises(ProofError):
        verify_proof({**signed, "proof": {**signed["proof"], "proofValue": value}}, KEY, now=NOW)


@pytest.mark.parametrize("number", [2**53, -(2**53), float("inf"), float("nan")])
def test_a_number_without_canonical_form_cannot_be_proved(number: float) -> None:
    with pytest.raises(ProofError, match="canonical"):
        add_proof({**NOTE, "n": number}, verification_method=KEY_ID, private_key=PRIVATE_KEY, created=NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["type", "cryptosuite", "proofValue", "@context", "expires"]), JSON), JSON)
def test_whatever_a_proof_holds_the_error_is_ours(options: dict[str, Any], context: Any) -> None:
    document = proved(NOTE)
    document["proof"] |= options
    document["@context"] = context

    with contextlib.suppress(ActivityPubError):
        verify_proof(document, KEY, now=NOW)


def scenario(index: int) -> list[dict[str, Any]]:
    feature = json.loads((corpus("object-integrity") / "fep-8b32.json").read_text())
    steps: list[dict[str, Any]] = feature["scenarios"][index]["steps"]
    return steps


def test_signing_gives_the_document_of_fep_8b32() -> None:
    document, secret, time, method, signed = scenario(0)
    seed = base58.b58decode(secret["step"].split('"')[1][1:])[2:]

    result = add_proof(
        document["json"],
        verification_method=method["step"].split('"')[1],
        private_key=Ed25519PrivateKey.from_private_bytes(seed),
        created=datetime.fromisoformat(time["step"].split('"')[1]),
    )

    assert result == signed["json"]


def test_the_document_of_fep_8b32_verifies() -> None:
    signed, method = scenario(1)[0]["json"], scenario(1)[1]["json"]["assertionMethod"][0]
    key = PublicKey(method["id"], method["controller"], public_key_from_multikey(method["publicKeyMultibase"]))

    verify_proof(signed, key, now=NOW)

    assert proof_key_id(signed) == method["id"]


def eddsa_vectors() -> tuple[dict[str, str], dict[str, Any], Ed25519PublicKey]:
    folder = corpus("object-integrity") / "vc-di-eddsa"
    texts = {path.stem: path.read_text().strip() for path in (folder / "eddsa-jcs-2022").iterdir()}
    key = public_key_from_multikey(json.loads((folder / "keyPair.json").read_text())["publicKeyMultibase"])
    assert isinstance(key, Ed25519PublicKey)
    return texts, json.loads(texts["signedJCS"]), key


def test_the_hashes_of_vc_di_eddsa_are_reproduced() -> None:
    texts, signed, _ = eddsa_vectors()

    assert signed_bytes(signed, json.loads(texts["proofConfigJCS"])).hex() == texts["combinedHashJCS"]
    assert texts["combinedHashJCS"] == texts["proofHashJCS"] + texts["docHashJCS"]


def test_the_credential_of_vc_di_eddsa_verifies_until_a_character_changes() -> None:
    _, signed, key = eddsa_vectors()

    check_proof_value(signed, key)

    for other in changed(signed):
        with pytest.raises(ProofError):
            check_proof_value(other, key)


def real_keys() -> dict[str, PublicKey]:
    actors = [json.loads(path.read_text()) for path in (corpus("real-deliveries") / "actors").glob("*.json")]
    methods = [method for actor in actors for method in actor.get("assertionMethod", []) if isinstance(method, dict)]
    return {
        method["id"]: PublicKey(
            method["id"], method["controller"], public_key_from_multikey(method["publicKeyMultibase"])
        )
        for method in methods
    }


def test_every_proof_that_real_servers_sent_verifies() -> None:
    keys = real_keys()
    records = [json.loads(path.read_text()) for path in corpus("real-deliveries").glob("[0-9]*.json")]
    documents = [record["body_json"] for record in records if "proof" in (record["body_json"] or {})]

    for document in documents:
        verify_proof(document, keys[proof_key_id(document)], now=NOW)
        other = copy.deepcopy(document) | {"to": "https://evil.example/users/mallory"}
        with pytest.raises(ProofError):
            verify_proof(other, keys[proof_key_id(document)], now=NOW)

    assert len(documents) > 30
