"""How an action behaves when it is called twice, and what came of calling it once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.reason import Reason


class Effect(StrEnum):
    """Effect class of an action (DESIGN.md section 3, Steps). Every action declares one."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    CONDITIONAL = "conditional"
    PROBED = "probed"
    OPAQUE = "opaque"


class Reversal(StrEnum):
    """What taking an action back takes. Every action declares one."""

    SNAPSHOT = "snapshot"
    """It returns `undo`: the way back to what it found before it acted."""
    NOTHING = "nothing"
    """There is nothing to take back: a restart leaves what is declared as it was."""
    NONE = "none"
    """It destroys something that no later step brings back."""


class Availability(StrEnum):
    """What an action does to its target while and after it runs: what a floor asks."""

    KEEPS = "keeps"
    """It goes on serving: a change of what is declared, a rolling restart, a scale-up."""
    INTERRUPTS = "interrupts"
    """It is away for a moment: a restart."""
    REMOVES = "removes"
    """It stays away until somebody brings it back: a stop, a cordon, an eviction."""


class OutcomeStatus(StrEnum):
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    TEMPORARY = "temporary"
    REFUSED = "refused"
    """The guards, read again at the moment of acting, said no. Nothing was done."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one command. `value` is the finding of a diagnostic or the result of an action.

    An action may put `undo` into its value: {"use": NAME, "with": {...}}, the way back from what it
    just did, computed from the snapshot it took before.
    """

    status: OutcomeStatus
    reason: Reason
    detail: str = ""
    value: Mapping[str, Any] = {}
    after_seconds: float | None = None
    """For TEMPORARY: the plugin's wish when to try again."""


class Verdict(StrEnum):
    """Verification has three values. No data is inconclusive, never success."""

    HELD = "held"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Probed(StrEnum):
    """Answer of a probe: did the step with this key happen?"""

    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"
    UNCLEAR = "unclear"
