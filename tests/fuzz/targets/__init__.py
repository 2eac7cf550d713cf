"""What is fuzzed: each target takes bytes, and raises where they break a promise."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import html, inbox, signatures, urls

TARGETS: dict[str, Target] = {
    target.name: target for target in (inbox.TARGET, signatures.TARGET, urls.TARGET, html.TARGET)
}
