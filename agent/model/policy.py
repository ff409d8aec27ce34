"""Platform policy: what every runbook lives under. A runbook may tighten it, never loosen it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


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
    default_diagnostics: Mapping[str, tuple[str, ...]] = {}
    """Per kind of entity: diagnostics that run with `target: NAME` on every incident of it.
    `product`: those for an alert that names a product and none of its entities."""


class PluginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What core must know of a plugin to decide about it."""

    name: str
    kind: str
    effect: str = "read"
    has_probe: bool = False
