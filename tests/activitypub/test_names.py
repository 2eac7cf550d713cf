"""Names that others give themselves, and what hides in them."""

from __future__ import annotations

import pytest

from activitypub.names import is_username, read_name, read_username

USERNAMES = ["zoe", "Zoe_2", "example.com", "a+b~c-d", "josé", "jose\u0301", "हिन्दी", "ไทยที่", "עִברִית", "東京", "٤٢"]


@pytest.mark.parametrize("name", USERNAMES)
def test_letters_of_any_script_are_a_username(name: str) -> None:
    assert is_username(name)
    assert read_username(name) == name


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("\u202enimda", "nimda"),
        ("ad\u200bmin", "admin"),
        ("a\nb\x07", "ab"),
        ("admin@chat.example", "adminchat.example"),
        ("@admin", "admin"),
        ("a b", "ab"),
        ("\u3164", ""),
        ("💩", ""),
        ("", ""),
    ],
)
def test_what_is_no_username_is_taken_out_of_it(name: str, left: str) -> None:
    assert not is_username(name)
    assert read_username(name) == left


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zoé  of the\tpond ", "Zoé of the pond"),
        ("\u202enimda", "nimda"),
        ("ad\u200bm\u200cin", "admin"),
        ("a\nb\x07\u2028c", "a b c"),
        ("\u2066x\u2069", "x"),
        ("👩\u200d🚀 Ada", "👩\u200d🚀 Ada"),
        ("क्\u200dष", "क्\u200dष"),
        ("\u200d\u3164 ", ""),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(name: str, shown: str) -> None:
    assert read_name(name) == shown
