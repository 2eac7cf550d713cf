"""The canonical form: whichever way it is made, it is what RFC 8785 says."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from activitypub.canonical import canonical
from activitypub.errors import ProofError
from activitypub.strict_json import Json
from tests.corpus import corpus

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _TEXTS | _NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
)


@given(_VALUES)
def test_it_is_that_of_the_library(value: Json) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        {"\ue000": 1, "\U00010000": 2},
        {"z": {"b": "\U0001f600", "a": ["\x00\x08\t\n\x0b\f\r\x1f\x7f", '\u2028</script>\\"']}, "a": None},
        {"width": 1.0, "longitude": -122.5, "tiny": 1e-7, "huge": 1e21, "none": -0.0},
        {"totalItems": 2**53 - 1, "is": True, "isNot": False},
    ],
)
def test_what_others_write_otherwise(value: Json) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"a": 2**53}, {"a": float("nan")}, {"\udfff": 1}])
def test_what_has_none_is_refused(value: Json) -> None:
    with pytest.raises(ProofError, match="no canonical form"):
        canonical(value)


def test_the_vectors_of_rfc_8785() -> None:
    folder = corpus("object-integrity") / "rfc8785-jcs"
    inputs = {path.stem: json.loads(path.read_text()) for path in (folder / "input").iterdir()}

    outputs = {name: canonical(value) for name, value in inputs.items()}

    assert outputs == {name: (folder / "output" / f"{name}.json").read_bytes() for name in inputs}
    assert {name: bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text()) for name in inputs} == outputs
