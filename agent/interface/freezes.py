"""Freezes as people read them: in force, or when next."""

from __future__ import annotations

from typing import Any

from agent.core.silence import DOUBTFUL
from agent.interface.times import rfc3339_or_none
from agent.model.policy import Freeze


def freeze_json(freeze: Freeze, at: float) -> dict[str, Any]:
    """`until`: its end where it is in force, else when it begins next. A calendar that cannot say
    counts as in force, as it does where a step is asked about."""
    try:
        in_force, until = freeze.period.is_open(at), freeze.period.until(at)
    except DOUBTFUL:
        in_force, until = True, None
    return {
        "name": freeze.name,
        "in_force": in_force,
        "until": rfc3339_or_none(until),
        "why": freeze.why or freeze.period.text,
        "products": list(freeze.products),
        "allows": list(freeze.allows),
    }
