"""What a proposed runbook is put together from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.generalising import Calls
from agent.model.learning import Ask, Resolution


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """A field that was the same truth in every incident, and is looked at again: it has to be the
    other one, before what cannot be taken back counts as a success."""

    call: str
    """Id of the diagnostic."""
    field: str
    """Below its id."""
    was: bool


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe, with what speaks for it."""

    plan: str
    recipe: str
    likes: tuple[Resolution, ...]
    contrast: tuple[Resolution, ...]
    steps: tuple[Mapping[str, Any], ...]
    asks: tuple[Ask, ...] = ()
    reads: tuple[str, ...] = ()
    """Expressions its steps read."""
    calls: Calls = {}
    """Diagnostics that gave what they read."""
    condition: str = ""
    field: str = ""
    """What the condition reads."""
    observed: Observed | None = None
    goes_back: bool = False
    """Whether a step records the way back."""


class Row(msgspec.Struct, frozen=True):
    """A row of `decide`, and where no incident shows it a finding that leads to it."""

    written: Mapping[str, Any]
    made_up: tuple[str, Any] | None = None


def span(seconds: float) -> str:
    """As the language writes it: whole seconds, minutes or hours, rounded up."""
    if seconds < 60.0:
        return f"{max(1, math.ceil(seconds))}s"
    minutes = max(1, math.ceil(seconds / 60.0))
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def proof_id(calls: Mapping[str, Any]) -> str:
    """What an observation of the proof is called, beside the diagnostics that ran before."""
    return next(name for name in ("after", "afterwards", "looked_again") if name not in calls)
