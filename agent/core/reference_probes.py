"""Machinery layer: members are asked what has a known answer."""

from __future__ import annotations

from agent.core.view import View
from agent.model.decision import Decision
from agent.model.event import ReferenceAnswered


def take_answer(event: ReferenceAnswered, view: View) -> Decision:
    del event, view
    return Decision()
