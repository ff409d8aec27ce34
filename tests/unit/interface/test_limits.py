"""The numbers of rails: each is found, and known to be somebody's."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.guard import RAILS
from agent.interface.limits import LIMITS, limits_of
from agent.model.policy import Policy, Rails
from agent.model.product import Floor
from agent.model.runbook import Budget, BudgetScope, Cooldown, Guard
from tests.support.cases import runbook

WITHOUT = {"target_free", "risk_approval", "breaker_locked", "silenced", "halted"}
"""Their default says a number that no policy changes, or none."""


def test_every_rail_with_a_number_has_its_keys_here() -> None:
    known = {one.id for one in RAILS}
    assert set(LIMITS) <= known
    numbered = {one.id for one in RAILS if any(c.isdigit() for c in one.default)}
    assert numbered - set(LIMITS) - WITHOUT == set()


@pytest.mark.parametrize("rail", sorted(LIMITS))
def test_without_a_policy_every_number_is_the_default(rail: str) -> None:
    found = limits_of(rail, Policy())
    assert found
    assert {limit.source for limit in found} == {"default"}
    assert all(limit.value for limit in found)


def test_what_the_policy_changes_is_the_policys() -> None:
    changed = Rails(dwell_seconds=30.0, share_per_hour=0.25, floor=Floor(count=2, share=0.6))
    policy = msgspec.structs.replace(Policy(), rails=changed, cooldown_seconds=1800.0)
    assert [str(limit) for limit in limits_of("dwell", policy)] == [
        "rails.dwell 30s (policy)",
        "evaluation_interval 1m (default)",
    ]
    assert str(limits_of("share_per_hour", policy)[0]) == "rails.share_per_hour 25% (policy)"
    assert limits_of("floor", policy)[0].value == "2, and 60% of what is wanted"
    assert str(limits_of("cooled_down", policy)[0]) == "cooldown 30m (policy)"
    assert limits_of("risk_window", policy)[0].value == "none"
    assert limits_of("plugin_loaded", policy) == []


def test_what_a_runbook_demands_besides_names_its_file() -> None:
    own = Guard(
        dwell_seconds=120.0,
        window="nights",
        cooldown=Cooldown(every_seconds=3600.0, most=2, within_seconds=7200.0),
        budget=Budget(scope=BudgetScope.PRODUCT, concurrent=1, min_healthy=0.5),
    )
    book = runbook("hung", guard=own)
    told = {
        str(limit)
        for rail in ("dwell", "window_open", "cooled_down", "few_under_way", "enough_healthy")
        for limit in limits_of(rail, Policy(), book)
        if limit.source == "hung.yaml"
    }
    assert told == {
        "guard.dwell 2m (hung.yaml)",
        "guard.window nights (hung.yaml)",
        "guard.cooldown.every 1h (hung.yaml)",
        "guard.cooldown.max 2 (hung.yaml)",
        "guard.budget.concurrent 1 (hung.yaml)",
        "guard.budget.min_healthy 50% (hung.yaml)",
    }
