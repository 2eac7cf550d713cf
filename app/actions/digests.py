"""What random secrets are stored as."""

import hashlib


def digest_of(secret: str) -> str:
    """Of a token, a code or a secret that we made: nobody could guess one, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
