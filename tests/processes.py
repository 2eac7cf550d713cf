"""What only one of pytest's processes may do."""

from __future__ import annotations

import os

import pytest


def require_fixed_addresses(config: pytest.Config) -> None:
    """Fail the test whose hosts have one port 443 each, where another process may run a test of the same folder."""
    are_several = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1") != "1"
    if are_several and not config.getoption("loadgroup", False):
        pytest.fail("each test host has one port 443: run this folder with -n 0, or with --dist loadgroup")
