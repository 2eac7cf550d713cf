"""Passwords."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.actions import passwords
from app.actions.passwords import hash_password, is_password
from app.errors import UnavailableError


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)


@pytest.mark.parametrize("password", ["x", "ü" * 500, "x" * 72 + "y", "a\0b", " "])
def test_a_password_is_known_again_and_nothing_like_it(password: str) -> None:
    stored = hash_password(password)

    assert is_password(password, stored)
    assert not is_password(password + "z", stored)
    assert not is_password(password[:-1], stored)


def test_two_accounts_with_one_password_cannot_be_told() -> None:
    assert hash_password("x") != hash_password("x")


def test_without_a_hash_no_password_is_right() -> None:
    assert not is_password("x", None)


def test_a_hash_of_another_scheme_is_not_believed() -> None:
    assert not is_password("x", "plain:" + hash_password("x").partition(":")[2])


def test_who_waits_too_long_for_a_turn_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_WAIT_SECONDS", 0.01)
    turns = [passwords._turns.acquire() for _ in range(2)]

    try:
        with pytest.raises(UnavailableError):
            hash_password("x")
    finally:
        for _ in turns:
            passwords._turns.release()


def test_other_greenlets_go_on_meanwhile() -> None:
    script = """
from gevent import monkey
monkey.patch_all()
import gevent
from app.actions import passwords
ticks = 0
def tick():
    global ticks
    while True:
        gevent.sleep(0.001)
        ticks += 1
gevent.spawn(tick)
passwords.hash_password("x")
assert ticks > 3, ticks
"""
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environ, timeout=60)
