"""The agent itself as a member of the machinery: its objective, and when it only advises."""

from __future__ import annotations

from agent.core.view import View
from agent.model.decision import Decision
from agent.model.event import OwnRead, OwnReviewed

SUBJECT = "own"


def take_reading(event: OwnRead, view: View) -> Decision:
    del event, view
    return Decision()


def take_review(event: OwnReviewed, view: View) -> Decision:
    del event, view
    return Decision()


def due(view: View, *, at: float) -> Decision:
    """A date of the agent itself has come: its review, its retirement."""
    del view, at
    return Decision()
