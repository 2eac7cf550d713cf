"""Requests that were signed and verified, so that a test may say who sent them."""

from __future__ import annotations

import json
from typing import Any

from activitypub.keys import PublicKey
from activitypub.signatures import Verified, parse, verify
from tests.activitypub.signed import NOW, ORIGIN, RSA, cavage


def signed(activity: dict[str, Any], *, actor: str, target: str = "/ap/inbox") -> tuple[Verified, bytes]:
    """Proof of who sent the activity, and its bytes."""
    body = json.dumps(activity).encode()
    request = cavage(body=body, key_id=f"{actor}#main-key", target=target)
    key = PublicKey(f"{actor}#main-key", actor, RSA.public_key())
    return verify(request, parse(request), key, origin=ORIGIN, now=NOW), body
