"""Strict JSON: what every reader reads alike passes, and nothing else does."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import load_object, loads
from tests.corpus import corpus

# Valid JSON that we refuse all the same, because two readers could read it differently.
STRICTER_THAN_JSON = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
}


def is_accepted(data: bytes) -> bool:
    try:
        loads(data)
    except MalformedDocumentError:
        return False
    return True


def test_the_json_test_suite_is_accepted_and_refused_as_it_says() -> None:
    cases = {path.name: path.read_bytes() for path in corpus("json-parsing").glob("*.json")}

    accepted = {name for name, data in cases.items() if is_accepted(data)}

    assert {name for name in cases if name[0] == "y"} - accepted <= STRICTER_THAN_JSON
    assert {name for name in accepted if name[0] == "n"} == set()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param("{}".encode("utf-16-le"), id="UTF-16 without mark"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate in UTF-8"),
        pytest.param(b'{"actor": "good", "actor": "evil"}', id="repeated key"),
        pytest.param(b'{"actor": 1, "\\u0061ctor": 2}', id="key repeated by escape"),
        pytest.param(b'{"a": {"b": 1, "b": 2}}', id="repeated key inside"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"[Infinity]", id="Infinity"),
        pytest.param(b"-Infinity", id="-Infinity"),
        pytest.param(b"1e400", id="float beyond a double"),
        pytest.param(b"9007199254740993", id="integer beyond 2**53"),
        pytest.param(b"-9007199254740993", id="integer below -2**53"),
        pytest.param(b"9" * 100_000, id="integer of 100,000 digits"),
        pytest.param(b'"a\\ud800b"', id="lone high surrogate"),
        pytest.param(b'{"\\udc00": 1}', id="lone low surrogate in a key"),
        pytest.param(b'"\\ud83d\\ude00\\ude00"', id="lone low surrogate after a pair"),
        pytest.param(b'"\\ud83d\\\\ude00"', id="high surrogate before a backslash"),
        pytest.param(b'"\\\\\\u0000"', id="U+0000 after a backslash"),
        pytest.param(b'["\\u0000"]', id="U+0000"),
        pytest.param(b'{"a\\u0000": 1}', id="U+0000 in a key"),
        pytest.param(b"[" * 65 + b"]" * 65, id="65 deep"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, id="65 objects deep"),
        pytest.param(b"[" + b'"' * 200, id="quotes that never close"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        loads(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\ud800"', "\\ud800"),
        ('{"content": "héllo"}'.encode(), {"content": "héllo"}),
        (b"[9007199254740992, -9007199254740992]", [2**53, -(2**53)]),
        (b"[-71.184902, 1.0, 1e3]", [-71.184902, 1.0, 1000.0]),
        (b'["[[[[", "{\\"}}"]', ["[[[[", '{"}}']),
        (b' {"a": [null, true, false]}\r\n', {"a": [None, True, False]}),
    ],
)
def test_ordinary_json_means_what_it_says(data: bytes, value: object) -> None:
    assert loads(data) == value


def test_sixty_four_levels_are_deep_enough() -> None:
    assert is_accepted(b"[" * 64 + b"]" * 64)


def test_brackets_in_strings_are_not_levels() -> None:
    assert is_accepted(b'{"content": "' + b"[{" * 1000 + b'"}')


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="arrays"),
        pytest.param(b'{"a":' * 100_000, id="objects"),
        pytest.param(b"[" * 100 + b'"' + b'\\"' * 100_000, id="a string of escaped quotes"),
        pytest.param(b'["' + b"a" * 5000 + b'"' + b"[" * 100_000, id="after a long string"),
    ],
)
def test_deep_nesting_is_refused_in_an_instant(data: bytes) -> None:
    started = time.process_time()

    accepted = is_accepted(data)

    assert not accepted
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize("data", [b"[]", b'"text"', b"1", b"null"])
def test_a_document_must_be_an_object(data: bytes) -> None:
    with pytest.raises(MalformedDocumentError):
        load_object(data)


def test_an_object_is_a_document() -> None:
    assert load_object(b'{"type": "Note"}') == {"type": "Note"}


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0d8\n 1eE-.', max_size=200).map(str.encode))
def test_any_bytes_give_a_value_or_our_own_error(data: bytes) -> None:
    is_accepted(data)
