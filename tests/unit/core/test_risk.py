"""How much review a change needs: the table in core/risk.py."""

from __future__ import annotations

import pytest

from agent.core.risk import Risk, is_in_window, risk_of
from agent.model.policy import PluginFacts, Policy, Rails
from agent.model.product import Product
from tests.support.cases import START, plan, runbook, step
from tests.support.guarding import WINDOWS
from tests.support.plugin_facts import PLUGINS

WIPE = PluginFacts(name="wipe", kind="action", effect="idempotent", reversal="none")
KNOWN = {**PLUGINS, "wipe": WIPE}


def of(tier: str, product: Product | None = None, use: str = "process.restart") -> Risk:
    one = plan("restart", step(use))
    return risk_of(runbook("hung", one, tier=tier), one, product, KNOWN)


def product(tier: str = "medium", *, regulated: bool = False) -> Product:
    return Product(name="pay", builder="team-pay", tier=tier, regulated=regulated)


@pytest.mark.parametrize(
    ("runbook_tier", "of_low", "of_high", "of_regulated", "of_both"),
    [
        ("low", Risk.ROUTINE, Risk.NORMAL, Risk.ROUTINE, Risk.CRITICAL),
        ("medium", Risk.NORMAL, Risk.MAJOR, Risk.CRITICAL, Risk.CRITICAL),
        ("high", Risk.MAJOR, Risk.CRITICAL, Risk.CRITICAL, Risk.CRITICAL),
    ],
)
def test_the_tiers_of_the_runbook_and_the_product(
    runbook_tier: str, of_low: Risk, of_high: Risk, of_regulated: Risk, of_both: Risk
) -> None:
    assert of(runbook_tier) is of_low, "what belongs to no product is as its runbook says"
    assert of(runbook_tier, product("low")) is of_low
    assert of(runbook_tier, product("medium")) is of_low
    assert of(runbook_tier, product("high")) is of_high
    assert of(runbook_tier, product(regulated=True)) is of_regulated
    assert of(runbook_tier, product("high", regulated=True)) is of_both


@pytest.mark.parametrize("use", ["wipe", "unknown.action"])
def test_what_destroys_or_what_nobody_knows_is_at_least_major(use: str) -> None:
    """F-GRD-10: such a kind never runs by itself."""
    assert of("low", use=use) is Risk.MAJOR
    assert of("low", product("high"), use=use) is Risk.CRITICAL
    assert of("low", product(regulated=True), use=use) is Risk.CRITICAL


def test_one_step_that_destroys_is_enough() -> None:
    one = plan("both", step(), step("wipe", id="wipe"))
    assert risk_of(runbook("hung", one), one, None, KNOWN) is Risk.MAJOR
    other = plan("other")
    assert risk_of(runbook("hung", one, other), other, None, KNOWN) is Risk.ROUTINE


def test_a_tier_nobody_declared_is_no_permission() -> None:
    assert of("urgent") is Risk.MAJOR


def test_how_many_have_to_approve() -> None:
    assert [risk.approvals for risk in Risk] == [0, 0, 1, 2]
    assert [risk.word for risk in Risk] == ["routine", "normal", "major", "critical"]


@pytest.mark.parametrize(
    ("name", "is_open"), [("", True), ("office", True), ("night", False), ("weekend", False)]
)
def test_the_window_of_normal_changes(name: str, is_open: bool) -> None:
    policy = Policy(rails=Rails(normal_window=name), windows=WINDOWS)
    assert is_in_window(policy, START) is is_open


def test_a_window_that_cannot_say_raises_which_counts_as_no() -> None:
    policy = Policy(rails=Rails(normal_window="odd"), windows=WINDOWS)
    with pytest.raises(ValueError, match="no such time zone"):
        is_in_window(policy, START)
