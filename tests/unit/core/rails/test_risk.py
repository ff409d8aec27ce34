"""The dial: what runs by itself, what one person has to agree to, and what two."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.approval import approval_of
from agent.core.guard import ask
from agent.model.incident import Incident
from agent.model.policy import PluginFacts
from agent.model.product import Product
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Runbook
from tests.support.cases import START, plan, runbook, step
from tests.support.guarding import WINDOWS, incident, question
from tests.support.remembering import easy

WIPE = PluginFacts(name="wipe", kind="action", effect="idempotent", reversal="none")
FACTS = {"entity": {"name": "shop-worker"}}
STEP = {"target": "shop-worker"}


def of(tier: str, use: str = "process.restart", **fields: Any) -> Runbook:
    return runbook("hung", plan("restart", step(use)), tier=tier, **fields)


def approved(one: Runbook, *people: str, at: float = START, **fields: Any) -> Incident:
    given = [approval_of(one, one.plans[0], FACTS, by=who, at=at) for who in people]
    first, second = (*given, None, None)[:2]
    told = {"approved_by": people[0] if people else None, "approval": first, **fields}
    return incident(digest=one.digest, second_approval=second, **told)


def stopped(one: Runbook, case: Incident | None = None, **fields: Any) -> Reason | None:
    product = Product(
        name="shop",
        builder="team-shop",
        tier=fields.pop("tier", "medium"),
        regulated=fields.pop("regulated", False),
    )
    rails = {name: fields.pop(name) for name in ("normal_window",) if name in fields}
    told: dict[str, Any] = {"use": one.plans[0].steps[0].use, "params": STEP, **fields}
    q = question(incident=case or incident(), runbook=one, facts=FACTS, **told)
    registry = msgspec.structs.replace(
        q.view.registry, products={**q.view.registry.products, "shop": product}
    )
    q.view.registry = registry
    q.view.policy = msgspec.structs.replace(easy(**rails), windows=WINDOWS)
    q.view.plugins = {**q.view.plugins, "wipe": WIPE}
    stop = ask(q)
    return stop.reason if stop is not None else None


@pytest.mark.parametrize("tier", ["low", "medium"])
def test_routine_and_normal_changes_run_by_themselves(tier: str) -> None:
    assert stopped(of(tier)) is None


@pytest.mark.rail("risk_window")
def test_a_normal_change_outside_of_its_window_is_asked_for() -> None:
    one = of("medium")
    assert stopped(one, normal_window="office") is None
    assert stopped(of("low"), normal_window="night") is None, "routine runs at any time"
    assert stopped(one, normal_window="night") is Reason.RISK_WINDOW
    assert stopped(one, normal_window="weekend") is Reason.RISK_WINDOW, "nobody declared it"
    assert stopped(one, normal_window="odd") is Reason.GUARD_FAILED
    assert stopped(one, approved(one, "olga"), normal_window="night") is None


@pytest.mark.rail("risk_approval")
def test_a_major_change_is_one_persons_to_allow() -> None:
    one = of("high")
    assert stopped(one) is Reason.RISK_NEEDS_APPROVAL
    assert stopped(one, approved(one, "olga")) is None
    assert stopped(of("medium"), tier="high") is Reason.RISK_NEEDS_APPROVAL


@pytest.mark.rail("risk_approval")
def test_what_destroys_never_runs_by_itself() -> None:
    """F-GRD-10"""
    one = of("low", "wipe")
    assert stopped(one) is Reason.RISK_NEEDS_APPROVAL
    assert stopped(one, approved(one, "olga")) is None
    assert stopped(one, by="bob") is None, "a person who asks for it has decided"


@pytest.mark.rail("risk_approval")
@pytest.mark.parametrize("why", [{"tier": "high"}, {"regulated": True}])
def test_a_critical_change_is_two_peoples_to_allow(why: dict[str, Any]) -> None:
    one = of("high")
    assert stopped(one, **why) is Reason.RISK_NEEDS_APPROVAL
    assert stopped(one, approved(one, "olga"), **why) is Reason.SECOND_APPROVAL_NEEDED
    assert stopped(one, approved(one, "olga", "olga"), **why) is Reason.SECOND_APPROVAL_NEEDED
    assert stopped(one, approved(one, "olga", "carl"), **why) is None


@pytest.mark.rail("risk_approval")
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("change", [{"digest": "older"}, {"plan": "other"}, {"steps": {}}])
def test_an_approval_of_something_else_is_none(number: int, change: dict[str, Any]) -> None:
    """F-GRD-12: version 1 for version 2, another plan, another target."""
    one = of("high")
    case = approved(one, "olga", "carl")
    name = ("approval", "second_approval")[number]
    other = msgspec.structs.replace(getattr(case, name), **change)
    wrong = msgspec.structs.replace(case, **{name: other})
    wanted = (Reason.RISK_NEEDS_APPROVAL, Reason.SECOND_APPROVAL_NEEDED)[number]
    assert stopped(one, wrong, regulated=True) is wanted


@pytest.mark.rail("approval_age")
@pytest.mark.parametrize("lifecycle", [Lifecycle.ASSISTED, Lifecycle.ACTIVE])
def test_an_approval_is_good_for_15_minutes(lifecycle: Lifecycle) -> None:
    """F-GRD-12"""
    one = of("high", lifecycle=lifecycle)
    assert stopped(one, approved(one, "olga", at=START - 900)) is None
    late = approved(one, "olga", at=START - 901)
    assert stopped(one, late) is Reason.APPROVAL_EXPIRED


@pytest.mark.rail("approval_age")
def test_the_second_one_as_well() -> None:
    one = of("high")
    case = approved(one, "olga", "carl")
    assert case.second_approval is not None
    old = msgspec.structs.replace(case.second_approval, at=START - 901)
    late = msgspec.structs.replace(case, second_approval=old)
    assert stopped(one, late, regulated=True) is Reason.APPROVAL_EXPIRED


def test_a_plan_that_began_in_time_goes_on() -> None:
    both = plan("restart", step(), step(id="again"))
    one = runbook("hung", both, tier="high")
    assert stopped(one, approved(one, "olga", at=START - 5000, step=1)) is None


def test_the_way_back_needs_nobody() -> None:
    assert stopped(of("high"), is_rollback=True) is None
