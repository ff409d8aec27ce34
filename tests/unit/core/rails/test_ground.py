"""Each rail stops what it is for, and nothing else would have stopped it.

All rails are asked, and then all but the one in question: where the first says no and the second
does not, the test proves that this rail is needed and that it is in `RAILS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.core import guard as guards
from agent.core.guard import Question, ask
from agent.model.alert import Layer
from agent.model.incident import PlanRun
from agent.model.learning import Standing
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Budget, BudgetScope, Cooldown, Guard, Lifecycle
from tests.support.cases import START, fact, requiring, runbook
from tests.support.guarding import (
    FOREIGN,
    NOBODYS,
    about,
    act,
    failed,
    held_to,
    incident,
    question,
)

HALT = Halt(at=START, who="bob", why="fire drill")


def alone(**fields: Any) -> Question:
    """A step for a product with nothing else in it, under a floor."""
    only = incident(product="pay", entity="pay-api")
    own = runbook(owner="team-pay", guard=Guard(budget=Budget(min_healthy=0.8)))
    asked = question(**{"incident": only, "target": "pay-api", "runbook": own, **fields})
    wipe = PluginFacts(name="process.wipe", kind="action", effect="idempotent", reversal="none")
    asked.view.plugins = {**asked.view.plugins, wipe.name: wipe}
    return asked


def taken_out(asked: Question) -> Question:
    """The same after its runbook was suspended."""
    assert asked.runbook is not None
    name = asked.runbook.name
    asked.view.standings = {name: Standing(runbook=name, suspended_at=START)}
    return asked


CASES: list[tuple[str, Reason, Callable[[], Question]]] = [
    ("halted", Reason.HALTED, lambda: question(halt=HALT)),
    ("plugin_loaded", Reason.PLUGIN_MISSING, lambda: question(use="process.status")),
    ("effect_repeatable", Reason.EFFECT_OPAQUE, lambda: question(use="process.pull")),
    (
        "layer_allows",
        Reason.OUTCOME_LAYER,
        lambda: question(incident=incident(layer=Layer.OUTCOME)),
    ),
    ("target_known", Reason.TARGET_MISSING, lambda: question(target=None)),
    ("target_known", Reason.TARGET_UNKNOWN, lambda: question(target="ghost")),
    ("target_known", Reason.TARGET_OF_ANOTHER_PRODUCT, lambda: question(target="pay-api")),
    ("target_known", Reason.TARGET_OF_ANOTHER_PRODUCT, lambda: question(target="cache")),
    ("target_known", Reason.TARGET_OF_ANOTHER_PRODUCT, lambda: question(target=FOREIGN.name)),
    ("target_known", Reason.TARGET_UNKNOWN, lambda: question(target=NOBODYS.name)),
    ("connected", Reason.NOT_CONNECTED, lambda: question(use="kube.undo")),
    ("object_known", Reason.OBJECT_UNKNOWN, lambda: question(runbook=about("deployment"))),
    (
        "object_known",
        Reason.OBJECT_UNKNOWN,
        lambda: question(incident=incident(target="gone"), runbook=about("deployment")),
    ),
    (
        "object_known",
        Reason.OBJECT_UNKNOWN,
        lambda: question(incident=incident(target=FOREIGN.name), runbook=about("deployment")),
    ),
    ("window_open", Reason.WINDOW_CLOSED, lambda: question(runbook=held_to(window="night"))),
    ("window_open", Reason.WINDOW_UNKNOWN, lambda: question(runbook=held_to(window="nigth"))),
    ("window_open", Reason.GUARD_FAILED, lambda: question(runbook=held_to(window="odd"))),
    (
        "enough_healthy",
        Reason.BUDGET_MIN_HEALTHY,
        lambda: question(runbook=held_to(budget=Budget(min_healthy=0.8)), burning=("shop-web",)),
    ),
    (
        "enough_healthy",
        Reason.BUDGET_MIN_HEALTHY,
        lambda: question(
            runbook=held_to(budget=Budget(scope=BudgetScope.FLEET, min_healthy=0.8)),
            burning=("pay-api",),
        ),
    ),
    ("enough_healthy", Reason.BUDGET_MIN_HEALTHY, lambda: alone(use="process.wipe")),
    (
        "enough_healthy",
        Reason.BUDGET_MIN_HEALTHY,
        lambda: alone(incident=incident(product=None, entity="scout"), target="scout"),
    ),
    (
        "few_under_way",
        Reason.BUDGET_CONCURRENT,
        lambda: question(
            act(target="shop-web", status=None), runbook=held_to(budget=Budget(concurrent=1))
        ),
    ),
    (
        "few_under_way",
        Reason.BUDGET_CONCURRENT,
        lambda: question(
            act(target="pay-api", product="pay", status=None),
            act(key="b", target="shop-web", status=None),
            runbook=held_to(budget=Budget(scope=BudgetScope.FLEET, concurrent=2)),
        ),
    ),
    (
        "target_known",
        Reason.TARGET_OF_ANOTHER_PRODUCT,
        lambda: question(incident=incident(product=None, entity="scout"), target="cache"),
    ),
    ("target_free", Reason.TARGET_BUSY, lambda: question(act(status=None))),
    (
        "target_free",
        Reason.TARGET_BUSY,
        lambda: question(act(incident_id="i-1", by="bob", status=None)),
    ),
    (
        "radius_allows",
        Reason.RADIUS_SYSTEMIC,
        lambda: question(
            incident=incident(entity="shop-web", findings={"status": {"sick": ["cache"]}}),
            target="shop-web",
        ),
    ),
    ("cooled_down", Reason.COOLDOWN, lambda: question(act(at=START - 899))),
    (
        "cooled_down",
        Reason.COOLDOWN,
        lambda: question(
            act(at=START - 1000),
            runbook=runbook(guard=Guard(cooldown=Cooldown(every_seconds=2000.0))),
        ),
    ),
    (
        "cooled_down",
        Reason.COOLDOWN,
        lambda: question(
            act(key="a", incident_id="a", at=START - 1000),
            act(key="b", incident_id="b", at=START - 2000),
            runbook=runbook(guard=Guard(cooldown=Cooldown(most=2, within_seconds=3600.0))),
        ),
    ),
    (
        "attempts_left",
        Reason.ATTEMPTS_EXHAUSTED,
        lambda: question(incident=incident(plans=tuple(PlanRun(plan=p) for p in ("a", "b", "c")))),
    ),
    (
        "attempts_left",
        Reason.DAILY_ATTEMPTS_EXHAUSTED,
        lambda: question(*(failed(n) for n in range(5))),
    ),
    (
        "requirements_hold",
        Reason.REQUIREMENT_FALSE,
        lambda: question(
            runbook=runbook(guard=requiring(fact("status.spare"))),
            facts={"status": {"spare": False}},
        ),
    ),
    (
        "requirements_hold",
        Reason.REQUIREMENT_UNKNOWN,
        lambda: question(runbook=runbook(guard=requiring(fact("status.spare")))),
    ),
    (
        "lifecycle_allows",
        Reason.RUNBOOK_IN_SHADOW,
        lambda: question(runbook=runbook(lifecycle=Lifecycle.SHADOW)),
    ),
    (
        "lifecycle_allows",
        Reason.RUNBOOK_NEEDS_APPROVAL,
        lambda: question(runbook=runbook(lifecycle=Lifecycle.ASSISTED)),
    ),
    (
        "lifecycle_allows",
        Reason.RUNBOOK_NOT_RUNNABLE,
        lambda: question(runbook=runbook(lifecycle=Lifecycle.SUSPENDED)),
    ),
    ("lifecycle_allows", Reason.RUNBOOK_SUSPENDED, lambda: taken_out(question())),
]


@pytest.mark.parametrize(
    ("name", "reason", "asked"), [pytest.param(*c, marks=pytest.mark.rail(c[0])) for c in CASES]
)
def test_the_rail_and_no_other_says_no(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: Reason, asked: Callable[[], Question]
) -> None:
    stop = ask(asked())
    assert stop is not None
    assert stop.reason is reason
    rest = tuple(one for one in guards.RAILS if one.id != name)
    monkeypatch.setattr(guards, "RAILS", rest)
    assert ask(asked()) is None, "another rail stands behind it: this case proves nothing"


@pytest.mark.rail("product_known")
def test_what_belongs_to_nobody_is_never_acted_on() -> None:
    """Two rails stand here: the product is asked about first, the target would not pass either."""
    nobody = incident(product=None, entity=None)
    stop = ask(question(incident=nobody))
    assert stop is not None
    assert stop.reason is Reason.PRODUCT_UNKNOWN


def test_a_floor_over_nobody_stops_only_what_cannot_be_taken_back() -> None:
    assert ask(alone()) is None
    assert ask(alone(use="process.wipe", runbook=runbook(owner="team-pay"))) is None, (
        "no floor is declared"
    )
    stop = ask(alone(use="process.wipe"))
    assert stop is not None
    assert stop.text == "besides pay-api there is nothing else of the product to count"
