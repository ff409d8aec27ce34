"""Policies for tests that are not about rails of load: these stand out of the way.

What a test says of its own rails counts. The rails themselves are tested with the defaults people
get (tests/unit/core/rails).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.rails.alone import UNLIMITED, alone
from agent.model.policy import Learning, Policy, Rails
from agent.model.product import Floor

OUT_OF_THE_WAY = msgspec.structs.replace(
    alone(Policy()).rails,
    product_sick_least=Rails().product_sick_least,
    fleet_sick_least=Rails().fleet_sick_least,
    fleet_new_per_minute=Rails().fleet_new_per_minute,
    watchdog=Rails().watchdog,
    cooldown_longest_seconds=0.0,
    human_change_seconds=0.0,
    floor=Floor(count=0, share=0.0),
    wait_seconds=0.0,
)
"""No limit of load, and nothing waits: what a rail says no to is told at once."""


WRITTEN = {
    "dwell": "0s",
    "per_domain": UNLIMITED,
    "per_product": UNLIMITED,
    "per_fleet": UNLIMITED,
    "wip_per_product": UNLIMITED,
    "wip_per_fleet": UNLIMITED,
    "share_per_hour": "100%",
    "rate_per_minute": 100_000,
    "rate_burst": UNLIMITED,
    "cooldown_longest": "0s",
    "human_change": "0s",
    "floor": {"count": 0, "share": "0%"},
}
"""The same as people write it, for sites whose daemon is a process. What waits, waits there."""


def eased(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a site with rails of load out of the way, where they say nothing of rails."""
    policy = settings.get("policy", {})
    if not isinstance(policy, Mapping) or "rails" in policy:
        return dict(settings)
    return {**settings, "policy": {**policy, "rails": WRITTEN}}


NEVER_SUSPENDED = Learning(failing_low=1.0, failing_medium=1.0, failing_high=1.0)
"""Every run may fail: what a test tries again and again is not taken out of service meanwhile."""


def at_ease(policy: Policy | None = None) -> Policy:
    """The policy, with rails out of the way where it says nothing of them, and no runbook taken out
    for its runs where it says nothing of that."""
    policy = policy or Policy()
    if policy.learning == Learning():
        policy = msgspec.structs.replace(policy, learning=NEVER_SUSPENDED)
    if policy.rails != Rails():
        return policy
    return msgspec.structs.replace(policy, rails=OUT_OF_THE_WAY)
