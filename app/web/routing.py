"""Rules of addresses that are matched and never built."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule


class LateRule(Rule):
    """Werkzeug's rule, which compiles what builds its address each time somebody has one built.

    Werkzeug compiles two functions for each rule as it is added: a fourteenth of a start, and more than a megabyte.
    None of our code asks for an address by an endpoint's name; what is told elsewhere is built from `settings.origin`.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001  As Werkzeug's own.
        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            compiled = super(LateRule, self)._compile_builder(append_unknown)
            return compiled(rule, **values)

        return build
