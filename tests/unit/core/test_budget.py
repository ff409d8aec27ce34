"""What a budget counts, and what it does not."""

from __future__ import annotations

from agent.core.guard import ask
from agent.model.runbook import Budget, BudgetScope
from tests.support.cases import START
from tests.support.guarding import act, held_to, question


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
