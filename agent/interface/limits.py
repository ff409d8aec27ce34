"""The numbers behind each rail, as people write them in the policy: what they are, and whose."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.catalog.quantities import format_duration
from agent.model.policy import Policy
from agent.model.product import Floor
from agent.model.runbook import Runbook

DEFAULT, OF_POLICY = "default", "policy"

LIMITS: Mapping[str, tuple[str, ...]] = {
    "blind": ("rails.blind", "rails.watchdog"),
    "few_targets": ("rails.max_targets",),
    "plan_age": ("plan_age",),
    "storm_fleet": (
        "rails.fleet_sick_share",
        "rails.fleet_sick_least",
        "rails.fleet_new_per_minute",
        "rails.storm_quiet",
    ),
    "storm_product": (
        "rails.product_sick_share",
        "rails.product_sick_least",
        "rails.storm_quiet",
    ),
    "dwell": ("rails.dwell", "evaluation_interval"),
    "fresh_signal": ("rails.signal_age",),
    "cluster_seen": ("rails.cluster_age",),
    "human_change": ("rails.human_change",),
    "attempts_left": ("attempts_per_incident", "attempts_per_day"),
    "breaker_locked": ("rails.breaker_locks_after",),
    "breaker_open": (
        "rails.breaker_in_a_row",
        "rails.breaker_share",
        "rails.breaker_window",
        "rails.breaker_open",
    ),
    "flapping": ("rails.flapping_turns", "rails.flapping"),
    "cause_chain": ("rails.chain_depth", "rails.chain"),
    "reversal": ("rails.reversal",),
    "domain_free": ("rails.per_domain",),
    "product_concurrency": ("rails.per_product",),
    "fleet_concurrency": ("rails.per_fleet",),
    "wip_product": ("rails.wip_per_product",),
    "wip_fleet": ("rails.wip_per_fleet",),
    "cooled_down": ("cooldown", "rails.cooldown_longest"),
    "share_per_hour": ("rails.share_per_hour",),
    "rate": ("rails.rate_per_minute", "rails.rate_burst", "rails.storm_rate_per_minute"),
    "floor": ("rails.floor",),
    "risk_window": ("rails.normal_window",),
    "approval_age": ("rails.approval",),
}
"""Keys of the policy by id of the rail. Those that are not here have no number."""

PLAIN = Policy()


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a rail. `source` is `default`, `policy`, or the file of a runbook."""

    key: str
    value: str
    source: str = DEFAULT

    def __str__(self) -> str:
        return f"{self.key} {self.value} ({self.source})"


def limits_of(rail: str, policy: Policy, runbook: Runbook | None = None) -> list[Limit]:
    """What this rail is held to. What a policy writes just as it is by default counts as default:
    nothing would be otherwise without it."""
    found = []
    for key in LIMITS.get(rail, ()):
        value = _value(policy, key)
        source = DEFAULT if value == _value(PLAIN, key) else OF_POLICY
        found.append(Limit(key=key, value=value, source=source))
    return [*found, *(_of_runbook(rail, runbook) if runbook is not None else ())]


def _value(policy: Policy, key: str) -> str:
    owner: Any = policy
    first, _, name = key.rpartition(".")
    if first:
        owner = policy.rails
    if hasattr(owner, f"{name}_seconds"):
        seconds = getattr(owner, f"{name}_seconds")
        return "any" if math.isinf(seconds) else format_duration(seconds)
    return _worded(name, getattr(owner, name))


def _worded(name: str, value: object) -> str:
    if isinstance(value, Floor):
        return f"{value.count}, and {value.share:.0%} of what is wanted"
    if isinstance(value, float) and "share" in name:
        return f"{value:.0%}"
    if isinstance(value, int | float):
        return f"{value:g}"
    return str(value) or "none"


def _of_runbook(rail: str, runbook: Runbook) -> Iterator[Limit]:
    """What the runbook demands besides."""
    own, path = runbook.guard, runbook.path or runbook.name
    told: list[tuple[str, str]] = []
    if rail == "dwell" and own.dwell_seconds is not None:
        told.append(("guard.dwell", format_duration(own.dwell_seconds)))
    if rail == "cooled_down" and own.cooldown is not None:
        if own.cooldown.every_seconds is not None:
            told.append(("guard.cooldown.every", format_duration(own.cooldown.every_seconds)))
        if own.cooldown.most is not None:
            told.append(("guard.cooldown.max", str(own.cooldown.most)))
    if rail == "window_open" and own.window is not None:
        told.append(("guard.window", own.window))
    if own.budget is not None:
        if rail == "few_under_way" and own.budget.concurrent is not None:
            told.append(("guard.budget.concurrent", str(own.budget.concurrent)))
        if rail == "enough_healthy" and own.budget.min_healthy is not None:
            told.append(("guard.budget.min_healthy", f"{own.budget.min_healthy:.0%}"))
    for key, value in told:
        yield Limit(key=key, value=value, source=path)
