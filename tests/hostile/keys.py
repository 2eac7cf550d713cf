"""Whose key is whose: `evil:mallory` is the actor https://evil.test/u/mallory, and has a key of its own."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.keys import generate_rsa, public_key_to_pem


def actor_of(name: str) -> str:
    """The URI of the actor that a recipe calls `host:user`."""
    host, _, user = name.partition(":")
    return f"https://{host}.test/u/{user}"


def name_of(url: str) -> str | None:
    """`host:user`, if that is what lives at the URL."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    match = re.fullmatch(r"/u/([^/]+)", parts.path)
    return f"{host.removesuffix('.test')}:{match[1]}" if match and host.endswith(".test") else None


def private_key(name: str) -> RSAPrivateKey:
    """A flood of numbered actors shares one key, because making one takes a tenth of a second."""
    return _key(re.sub(r"[0-9a-f]{8,}|\d+", "#", name))


def public_pem(name: str) -> str:
    return public_key_to_pem(private_key(name).public_key())


def actor_document(url: str) -> dict[str, Any] | None:
    """What a remote serves at an actor's address by default; None where no actor lives."""
    name = name_of(url)
    if name is None:
        return None
    origin = "https://" + (urlsplit(url).hostname or "").rstrip(".")
    uri = origin + urlsplit(url).path
    return {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": uri,
        "type": "Application" if name.endswith(":instance") else "Person",
        "preferredUsername": name.partition(":")[2],
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "endpoints": {"sharedInbox": f"{origin}/inbox"},
        "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": public_pem(name)},
    }


@cache
def _key(label: str) -> RSAPrivateKey:
    return generate_rsa()
