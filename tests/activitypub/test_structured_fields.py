"""Structured fields (RFC 9651) as they come to us: in the Signature-Input of a request."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import http_sf
import pytest

from activitypub.errors import SignatureError
from activitypub.signatures import HttpRequest, parse
from activitypub.signatures.digests import check_body
from tests.activitypub.signed import KEY_ID
from tests.corpus import corpus

Case = dict[str, Any]

# What a field that is one item may not end with, a member of a dictionary may (RFC 9651, section 4.2.2: OWS).
FINE_IN_A_DICTIONARY = {"trailing space"}
SIGNED = f'sig1=("@method" "@target-uri");keyid="{KEY_ID}"'
SIGNATURE = "sig1=:AAAA:"


def cases(*kinds: str) -> Iterator[Case]:
    for path in sorted(corpus("structured-fields").glob("*.json")):
        for case in json.loads(path.read_text()):
            if case["header_type"] in kinds:
                yield case


def read(signature_input: str, signature: str = SIGNATURE) -> Any:
    headers = (("Signature-Input", signature_input), ("Signature", signature))
    return parse(HttpRequest("POST", "/ap/inbox", headers, b""))


def refuses(signature_input: str, signature: str = SIGNATURE) -> bool:
    try:
        read(signature_input, signature)
    except SignatureError:
        return True
    return False


def plain(value: Any) -> Any:
    """A value of the library in the form in which the corpus writes it."""
    if isinstance(value, http_sf.Token):
        return {"__type": "token", "value": str(value)}
    if isinstance(value, http_sf.DisplayString):
        return {"__type": "displaystring", "value": str(value)}
    if isinstance(value, bytes):
        return {"__type": "binary", "value": base64.b32encode(value).decode()}
    if isinstance(value, datetime):
        return {"__type": "date", "value": int(value.timestamp())}
    if isinstance(value, dict):
        return [[name, plain(member)] for name, member in value.items()]
    if isinstance(value, tuple | list):
        return [plain(member) for member in value]
    return float(value) if not isinstance(value, bool | int | str) else value


def test_an_item_is_read_as_a_parameter_of_a_signature() -> None:
    """Each alone in a Signature-Input that would otherwise be accepted."""
    wrong = []

    for case in cases("item"):
        raw = ", ".join(case["raw"])
        # An item's own white space around it is none around a parameter's value.
        refused = refuses(f"{SIGNED};x={raw.strip(' ')}")
        if refused != case.get("must_fail", False) and not case.get("can_fail"):
            wrong.append(case["name"])

    assert set(wrong) == FINE_IN_A_DICTIONARY


def test_our_reader_reads_as_the_standard_says() -> None:
    wrong = []

    for case in cases("dictionary", "list", "item"):
        raw, kind = ", ".join(case["raw"]).encode(), case["header_type"]
        try:
            found = plain(http_sf.parse(raw, tltype=kind))
        except ValueError:
            found = None
        expected = None if case.get("must_fail") else case["expected"]
        if found != expected and not (case.get("can_fail") and found is None):
            wrong.append((case["name"], found, expected))

    assert wrong == []


def test_no_dictionary_but_that_of_one_signature_passes_for_one() -> None:
    """None of them is, and the worst that becomes of one is our own error."""
    dictionaries = [", ".join(case["raw"]) for case in cases("dictionary", "list", "item")]

    for raw in dictionaries:
        assert refuses(raw)
        assert refuses(SIGNED, raw)

    assert len(dictionaries) == 150


def test_what_is_signed_is_written_as_the_standard_writes_it() -> None:
    for case in cases("item"):
        if case.get("must_fail") or case.get("can_fail"):
            continue
        written = ", ".join(case["canonical"] if "canonical" in case else case["raw"])
        presented = read(f"{SIGNED};x={case['raw'][0].strip(' ')}")
        value = written.removeprefix("?1") if written == "?1" or written.startswith("?1;") else f"={written}"
        assert presented.parameters.endswith(f";x{value}"), case["name"]


def test_a_key_given_twice_is_refused_though_the_standard_takes_the_last() -> None:
    """Two readers could take two of them: which one was meant is not ours to guess."""
    with pytest.raises(SignatureError, match="twice"):
        read(f"{SIGNED};a=1;a=2")


def test_no_field_passes_for_the_digest_of_a_body() -> None:
    """Content-Digest is a dictionary as well (RFC 9530)."""
    for case in cases("dictionary", "list", "item"):
        for raw in (", ".join(case["raw"]), f"sha-256={case['raw'][0]}"):
            request = HttpRequest("POST", "/ap/inbox", (("Content-Digest", raw),), b"{}")
            with pytest.raises(SignatureError):
                check_body(request, {"content-digest"})
