"""What a budget counts, and what it does not."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.budget import health, under_way
from agent.core.guard import ask
from agent.model.alert import AlertStatus
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Budget, BudgetScope, Guard
from tests.support.cases import START, World, alert, plan, runbook, step
from tests.support.guarding import act, held_to, incident, question


def test_a_budget_counts_what_else_is_unhealthy_in_its_scope() -> None:
    half = held_to(budget=Budget(min_healthy=0.5))
    all_of_it = held_to(budget=Budget(min_healthy=1.0))
    assert ask(question(runbook=all_of_it)) is None
    assert ask(question(runbook=all_of_it, burning=("shop-worker",))) is None, "it is the sick one"
    assert ask(question(runbook=all_of_it, burning=("pay-api",))) is None, "another product"
    assert ask(question(runbook=all_of_it, burning=("cache",))) is None, "substrate is nobody's"
    fleet = held_to(budget=Budget(scope=BudgetScope.FLEET, min_healthy=0.5))
    assert ask(question(runbook=fleet, burning=("pay-api",))) is None, "2 of 3 are well"
    assert ask(question(runbook=half, burning=("shop-web",))) is not None, "none of the one other"


def test_a_budget_counts_targets_that_are_acted_on_now() -> None:
    one = held_to(budget=Budget(concurrent=1))
    two = held_to(budget=Budget(concurrent=2))
    busy = act(target="shop-web", status=None)
    assert ask(question(act(target="shop-web", at=START - 1), runbook=one)) is None, "it is over"
    assert ask(question(busy, runbook=two)) is None
    elsewhere = act(target="pay-api", product="pay", status=None)
    assert ask(question(elsewhere, runbook=one)) is None
    own = act(incident_id="i-1", status=None)
    assert ask(question(own, runbook=one)) is None, "the step itself, when it is asked about again"


def test_whose_source_fell_silent_is_not_healthy() -> None:
    world = World(runbook(alert="Other"))
    sick = world.fire(alert(entity="shop-worker", starts_at=world.now))
    other = world.fire(alert("X", entity="shop-web", starts_at=world.now, expires_at=START + 10))
    world.wait(11)
    quiet = world.incident(other.id)
    silent = {
        identity: msgspec.structs.replace(
            state, status=AlertStatus.RESOLVED, inferred=True, expired=True
        )
        for identity, state in quiet.alerts.items()
    }
    kept = msgspec.structs.replace(quiet, state=State.ESCALATED, alerts=silent)
    world.state.incidents[other.id] = kept
    assert (kept.is_firing, kept.is_gone_silent) == (False, True)
    assert health(BudgetScope.PRODUCT, sick, world.view).unhealthy == ("shop-web",)


def limited(**limits: Any) -> World:
    return World(runbook("hung", guard=Guard(budget=Budget(concurrent=1)), **limits))


def test_a_target_whose_proof_is_still_out_is_being_acted_on() -> None:
    world = limited()
    first = world.fire(alert(entity="shop-worker", starts_at=world.now))
    world.act()
    second = world.fire(alert(entity="shop-web", starts_at=world.now))
    assert world.asked(CommandKind.ACT) == []
    assert second.reason is Reason.BUDGET_CONCURRENT
    world.last = first.id
    world.clear()
    assert world.case.verdict is Verdict.HELD
    assert under_way(BudgetScope.PRODUCT, second, world.view, target="shop-web") == []


def test_what_was_given_up_does_not_count() -> None:
    world = limited()
    first = world.fire(alert(entity="shop-worker", starts_at=world.now))
    world.act(OutcomeStatus.UNKNOWN)
    while world.asked(CommandKind.ACT):
        world.act(OutcomeStatus.UNKNOWN)
    assert world.incident(first.id).state is State.ESCALATED
    world.fire(alert(entity="shop-web", starts_at=world.now))
    assert world.only(CommandKind.ACT).target == "shop-web"


def test_an_incident_does_not_stand_in_its_own_way() -> None:
    world = World(
        runbook(
            "hung",
            plan("both", step(), step(id="other", target="shop-web")),
            guard=Guard(budget=Budget(concurrent=1)),
        )
    )
    world.fire()
    world.act()
    assert world.only(CommandKind.ACT).target == "shop-web"


def test_nor_does_a_way_back_that_is_over() -> None:
    back = (step("process.rollback", id="back"),)
    world = World(runbook("hung", plan("one", rollback=back), plan("two", step(target="shop-web"))))
    world.fire()
    world.act()
    world.wait(301)
    world.act()
    assert world.only(CommandKind.ACT).target == "shop-web"
    assert under_way(BudgetScope.PRODUCT, incident(), world.view, target="") == ["shop-web"]
