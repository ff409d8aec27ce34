"""Machinery layer: running totals of members become windows, and windows are held against the
declared baselines (core/drift.py).
"""

from __future__ import annotations

from agent.core.view import View
from agent.model.decision import Decision
from agent.model.event import TelemetryReceived


def take_telemetry(event: TelemetryReceived, view: View) -> Decision:
    del event, view
    return Decision()
