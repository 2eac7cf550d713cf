"""Fetching from servers chosen by strangers: one client, guarded against all of them."""

from activitypub.fetch.client import FetchBudget, GuardedClient, HeaderSource
from activitypub.fetch.documents import Document
from activitypub.fetch.exchange import Headers, Response
from activitypub.fetch.failures import Deadline, Reason, UnreachableError
from activitypub.fetch.names import Resolver

__all__ = [
    "Deadline",
    "Document",
    "FetchBudget",
    "GuardedClient",
    "HeaderSource",
    "Headers",
    "Reason",
    "Resolver",
    "Response",
    "UnreachableError",
]
