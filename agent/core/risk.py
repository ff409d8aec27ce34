"""Risk tiers: how much review a change needs. The dial that sets how careful the agent is.

    tier       runs
    routine    by itself
    normal     by itself, in the policy's window for normal changes; outside of it once approved
    major      once one person approved
    critical   once two different people approved

What a change starts from, and what raises it:

    runbook of tier low, medium, high     routine, normal, major
    a step destroys (reversal `none`),
    or nobody knows what it does          at least major
    product of tier high                  one higher
    regulated product                     normal and above become critical

Nothing lowers it. What reaches further than one product is no question of risk: the blast radius
says no to it before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from agent.core.view import View
from agent.model.effect import Reversal
from agent.model.incident import Incident
from agent.model.policy import PluginFacts, Policy
from agent.model.product import Product
from agent.model.runbook import Plan, Runbook


class Risk(IntEnum):
    """Ordered: a higher one needs more."""

    ROUTINE = 0
    NORMAL = 1
    MAJOR = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def approvals(self) -> int:
        """How many people have to approve, whatever the time."""
        return {Risk.MAJOR: 1, Risk.CRITICAL: 2}.get(self, 0)


BY_TIER: Mapping[str, Risk] = {"low": Risk.ROUTINE, "medium": Risk.NORMAL, "high": Risk.MAJOR}


def risk_of(
    runbook: Runbook, plan: Plan, product: Product | None, plugins: Mapping[str, PluginFacts]
) -> Risk:
    """The tier of running this plan in this product."""
    risk = BY_TIER.get(runbook.tier, Risk.MAJOR)
    if any(_destroys(call.use, plugins) for call in plan.steps):
        risk = max(risk, Risk.MAJOR)
    if product is None:
        return risk
    if product.tier == "high":
        risk = Risk(min(risk + 1, Risk.CRITICAL))
    if product.regulated and risk >= Risk.NORMAL:
        risk = Risk.CRITICAL
    return risk


def risk_about(case: Incident, runbook: Runbook, view: View) -> Risk:
    """The same, of the plan in hand. Raises LookupError where there is none."""
    product = view.registry.products.get(case.product or "")
    return risk_of(runbook, runbook.plan(case.plan or ""), product, view.plugins)


def _destroys(use: str, plugins: Mapping[str, PluginFacts]) -> bool:
    plugin = plugins.get(use)
    return plugin is None or plugin.reversal == Reversal.NONE.value


def is_in_window(policy: Policy, at: float) -> bool:
    """Whether changes of normal risk run by themselves now. A window nobody declared is closed, and
    so is one that cannot say."""
    name = policy.rails.normal_window
    if not name:
        return True
    window = policy.windows.get(name)
    return window is not None and window.is_open(at)
