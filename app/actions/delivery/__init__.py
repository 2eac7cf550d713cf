"""Delivery: the durable queue of each host, carried to its inboxes in order."""

from app.actions.delivery.posting import InboxClient
from app.actions.delivery.turn import Turn, deliver

__all__ = ["InboxClient", "Turn", "deliver"]
