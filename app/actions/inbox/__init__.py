"""The inbox's other half: what was answered 202 is proved, gathered for and applied, host by host in order."""

from app.actions.inbox.work import Turn, process

__all__ = ["Turn", "process"]
