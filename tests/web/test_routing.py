"""Rules of addresses that nobody builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.routing import Map, Rule

from app.web.routing import LateRule


def build(rule: type[Rule], **values: Any) -> str:
    addresses = Map([rule("/<rule>/<channel_id>/messages/<int:page>", endpoint="page", defaults={"page": 1})])
    return addresses.bind("chat.example", url_scheme="https").build("page", {"rule": "x"} | values, force_external=True)


@pytest.mark.parametrize("values", [{"channel_id": "a b/\u00e9"}, {"channel_id": "x", "more": "1&2"}], ids=str)
def test_an_address_is_built_as_by_werkzeugs_own_rule(values: dict[str, Any]) -> None:
    assert build(LateRule, **values) == build(Rule, **values)


def test_nothing_is_compiled_before_an_address_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    own = Rule._compile_builder

    def compile_and_note(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled.append(append_unknown)
        return own(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", compile_and_note)

    addresses = Map([LateRule("/users/<name>", endpoint="user")]).bind("chat.example")

    assert addresses.match("/users/alice") == ("user", {"name": "alice"})
    assert compiled == []
    assert addresses.build("user", {"name": "alice"}) == "/users/alice"
    assert len(compiled) == 1
