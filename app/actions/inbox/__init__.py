"""The inbox's other half: what was answered 202 is proved, gathered for and applied, host by host in order."""

from app.actions.inbox.work import process

__all__ = ["process"]
