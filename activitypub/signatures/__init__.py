"""HTTP signatures: who sent a request, and how ours show it."""

from activitypub.signatures.cavage import sign_cavage
from activitypub.signatures.messages import HttpRequest, PresentedSignature, Scheme, Verified
from activitypub.signatures.rfc9421 import announces_rfc9421, sign_rfc9421
from activitypub.signatures.verification import check_policy, parse, verify

__all__ = [
    "HttpRequest",
    "PresentedSignature",
    "Scheme",
    "Verified",
    "announces_rfc9421",
    "check_policy",
    "parse",
    "sign_cavage",
    "sign_rfc9421",
    "verify",
]
