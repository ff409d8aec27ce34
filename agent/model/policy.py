"""Platform policy: what every runbook lives under. A runbook may tighten it, never loosen it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Window(Protocol):
    """A change window, compiled. `text` is what people wrote."""

    text: str

    def is_open(self, at: float) -> bool: ...


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are those of the faults study, section 3.5; durations are seconds."""

    platform: str = "platform"
    """Team paged for what is systemic, and for what nobody owns."""
    cooldown_seconds: float = 900.0
    attempts_per_incident: int = 3
    attempts_per_day: int = 5
    page_hold_seconds: float = 15.0
    """A product page waits so long for a common cause, where the product shares a substrate."""
    release_seconds: float = 60.0
    """After a systemic incident ends, what still burns for so long goes to its builder."""
    step_timeout_seconds: float = 60.0
    diagnose_timeout_seconds: float = 10.0
    verify_within_seconds: float = 300.0
    plan_age_seconds: float = 300.0
    """A step decided longer ago than this is not started any more."""
    missed_heartbeats: int = 3
    resolutions_needed: int = 3
    temporary_retries: int = 3
    page_retries: int = 20
    probe_tries: int = 3
    evaluation_interval_seconds: float = 60.0
    """How often the rules behind alerts are looked at: part of how long one outlives its cause."""
    group_interval_seconds: float = 300.0
    """How long Alertmanager may wait before it tells that an alert of a group is over."""
    longest_decay_seconds: float = 21_600.0
    """At most so long is an alert waited for because of what its own expression looks back: whoever
    sends it writes that expression. What a runbook says about it may be longer."""
    windows: Mapping[str, Window] = {}
    """Change windows by name, for `guard.window`."""
    default_diagnostics: Mapping[str, tuple[str, ...]] = {}
    """Per kind of entity: diagnostics that run with `target: NAME` on every incident of it.
    `product`: those for an alert that names a product and none of its entities."""


class PluginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What core must know of a plugin to decide about it."""

    name: str
    kind: str
    effect: str = "read"
    reversal: str = "nothing"
    has_probe: bool = False
    needs: str = ""
    is_connected: bool = True
    """Whether what it needs is there."""
