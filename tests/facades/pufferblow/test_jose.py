"""The JOSE cookbook (RFC 7520, 8037): the library our tokens are made with does what it says, and none of its tokens is
one of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet, OctKey

from tests.corpus import corpus
from tests.facades.conftest import Server


@pytest.fixture(scope="module")
def examples() -> dict[str, dict[str, Any]]:
    """Those whose token has the one form that we issue: compact, with its payload inside."""
    paths = sorted(corpus("jose-cookbook").glob("*/*.json"))
    found = {path.stem: json.loads(path.read_text()) for path in paths if path.parent.name != "jwk"}
    compact = {name: example for name, example in found.items() if example["output"].get("compact")}
    return {name: example for name, example in compact.items() if ".." not in example["output"]["compact"]}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 has another name for it now.
def test_the_signatures_of_the_cookbook_verify(examples: dict[str, dict[str, Any]]) -> None:
    signed = {name: example for name, example in examples.items() if "signing" in example}

    for example in signed.values():
        key = KeySet.import_key_set({"keys": [example["input"]["key"]]})
        found = jws.deserialize_compact(
            example["output"]["compact"], key, algorithms=["HS256", "RS256", "PS384", "ES512", "EdDSA"]
        )
        assert found.payload.decode() == example["input"]["payload"]

    assert len(signed) == 6


def test_our_algorithm_makes_the_token_of_the_cookbook(examples: dict[str, dict[str, Any]]) -> None:
    example = examples["4_4.hmac-sha2_integrity_protection"]

    token = jws.serialize_compact(
        example["signing"]["protected"], example["input"]["payload"], OctKey.import_key(example["input"]["key"])
    )

    assert token == example["output"]["compact"]


def test_no_token_of_the_cookbook_is_one_of_ours(server: Server, examples: dict[str, dict[str, Any]]) -> None:
    with server.stores_nothing():
        for name, example in examples.items():
            token = example["output"]["compact"]
            answer = server.call("POST", "/api/v1/users/profile", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in {400, 401}, name
