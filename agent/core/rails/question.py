"""What a rail is asked, and what it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.view import View
from agent.model.incident import Incident
from agent.model.reason import Reason
from agent.model.runbook import Facts, Runbook

LOOK_AGAIN_SECONDS = 5.0
"""A rail that lets go by itself, and cannot say when, is asked again so much later."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rail may look at. `runbook` is None where a person asked for the step, and on
    the way back."""

    at: float
    incident: Incident
    view: View
    runbook: Runbook | None
    use: str
    target: str | None
    """None also where the step names none, or more than one."""
    key: str
    facts: Facts
    by: str = "agent"
    is_rollback: bool = False
    params: Mapping[str, Any] | None = None
    """Parameters of the step; None where they are still to be worked out from the facts."""
    decided_at: float | None = None
    """When the step was decided, where that is not now: it is asked about again at the act."""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """No, and why. Nothing is a yes but that no rail says no."""

    reason: Reason
    text: str = ""
    after_seconds: float | None = None
    """It lets go by itself: ask again after so long. None: waiting does not help."""
