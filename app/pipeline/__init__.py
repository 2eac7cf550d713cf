"""The way of an activity: submit, accept and receive, over the same steps in the same order."""

from app.pipeline.accept import accept
from app.pipeline.perform import Made, Outcome
from app.pipeline.receive import Received, receive
from app.pipeline.submit import Draft, find_first, submit, submit_together, together

__all__ = [
    "Draft",
    "Made",
    "Outcome",
    "Received",
    "accept",
    "find_first",
    "receive",
    "submit",
    "submit_together",
    "together",
]
