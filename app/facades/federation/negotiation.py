"""Which form of a document a request asks for; there is no form we have and refuse, so no 406."""

from __future__ import annotations

from werkzeug.datastructures import MIMEAccept

from activitypub.vocabulary import ACTIVITY_JSON, LD_JSON

HTML = "text/html"
_LD_JSON = "application/ld+json"
_DATA = (ACTIVITY_JSON, _LD_JSON, "application/json")
_WILDCARDS = ("application/*", "*/*")


def media_type_for(accept: MIMEAccept) -> str:
    """The Content-Type to answer with: HTML for a browser, ActivityPub for everybody else.

    Peers ask with either media type, with and without the profile, with a list of both, or with none at all
    (contracts/peers.md, 6). The profile belongs to JSON-LD alone (activitypub, section 3.2).
    """
    quality = _qualities(accept)
    asked_for_data = max((quality[name] for name in _DATA if name in quality), default=None)
    page = quality.get(HTML, 0.0)
    if asked_for_data is None:
        # A browser names HTML, and everything else only by a wildcard.
        return HTML if page > 0 and page >= max(quality.get(name, 0.0) for name in _WILDCARDS) else ACTIVITY_JSON
    if page > asked_for_data:
        return HTML
    return LD_JSON if quality.get(_LD_JSON, 0.0) > quality.get(ACTIVITY_JSON, 0.0) else ACTIVITY_JSON


def _qualities(accept: MIMEAccept) -> dict[str, float]:
    """The highest quality of each media type, whatever parameters it was asked for with."""
    found: dict[str, float] = {}
    for value, quality in accept:
        name = value.partition(";")[0].strip().lower()
        found[name] = max(quality, found.get(name, 0.0))
    return found
