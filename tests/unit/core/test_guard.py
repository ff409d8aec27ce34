"""Each guard stops what it is for, and nothing else would have stopped it.

The parametrised tests ask all guards, and then all but the one in question: where the first says
no and the second does not, the test proves that this guard is needed and that it is in `GUARDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agent.core import guard as guards
from agent.core.guard import DAY_SECONDS, GUARDS, Question, ask
from agent.model.alert import Layer
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import PlanRun
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Budget, BudgetScope, Cooldown, Guard, Lifecycle
from tests.support.cases import START, fact, requiring, runbook
from tests.support.guarding import (
    FOREIGN,
    NOBODYS,
    WEB,
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
    floor = held_to(budget=Budget(min_healthy=0.8))
    asked = question(**{"incident": only, "target": "pay-api", "runbook": floor, **fields})
    wipe = PluginFacts(name="process.wipe", kind="action", effect="idempotent", reversal="none")
    asked.view.plugins = {**asked.view.plugins, wipe.name: wipe}
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
]


@pytest.mark.parametrize(("name", "reason", "asked"), CASES)
def test_the_guard_and_no_other_says_no(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: Reason, asked: Callable[[], Question]
) -> None:
    stop = ask(asked())
    assert stop is not None
    assert stop.reason is reason
    rest = tuple(g for g in GUARDS if g.__name__ != name)
    assert len(rest) == len(GUARDS) - 1
    monkeypatch.setattr(guards, "GUARDS", rest)
    assert ask(asked()) is None, "another guard stands behind it: this case proves nothing"


def test_what_belongs_to_nobody_is_never_acted_on() -> None:
    """Two guards stand here: the product is asked about first, the target would not pass either."""
    nobody = incident(product=None, entity=None)
    stop = ask(question(incident=nobody))
    assert stop is not None
    assert stop.reason is Reason.PRODUCT_UNKNOWN


def test_every_guard_has_a_case() -> None:
    assert {c[0] for c in CASES} | {"product_known"} == {g.__name__ for g in GUARDS}


def test_all_agree_on_an_ordinary_step() -> None:
    assert ask(question()) is None
    assert ask(question(target=WEB.name)) is None
    found = incident(target=WEB.name)
    assert ask(question(incident=found, runbook=about("deployment"), target=WEB.name)) is None
    assert ask(question(runbook=held_to(window="office"))) is None


def test_people_and_the_way_back_are_not_held_by_budget_or_window() -> None:
    strict = held_to(window="night", budget=Budget(min_healthy=1.0, concurrent=1))
    told: dict[str, Any] = {"burning": ("shop-web",), "runbook": None}
    busy = act(target="shop-web", status=None)
    assert ask(question(busy, by="bob", **told)) is None
    assert ask(question(busy, is_rollback=True, **told)) is None
    assert ask(question(busy, **{**told, "runbook": strict})) is not None


def test_a_floor_over_nobody_stops_only_what_cannot_be_taken_back() -> None:
    assert ask(alone()) is None
    assert ask(alone(use="process.wipe", runbook=runbook())) is None, "no floor is declared"
    stop = ask(alone(use="process.wipe"))
    assert stop is not None
    assert stop.text == "besides pay-api there is nothing else of the product to count"


def test_what_is_not_connected_stops_people_too() -> None:
    stop = ask(question(use="kube.undo", by="bob", runbook=None))
    assert stop is not None
    assert (stop.reason, stop.text) == (Reason.NOT_CONNECTED, "kube.undo needs kubernetes")


def test_a_guard_that_raises_has_said_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(q: Question) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(guards, "GUARDS", (broken,))
    stop = ask(question())
    assert stop is not None
    assert stop.reason is Reason.GUARD_FAILED


def test_a_requirement_that_raises_is_a_no() -> None:
    class Broken:
        text = "broken"

        def __call__(self, facts: Any) -> Any:
            raise ZeroDivisionError

    stop = ask(question(runbook=runbook(guard=Guard(require=(Broken(),)))))
    assert stop is not None
    assert stop.reason is Reason.GUARD_FAILED


@pytest.mark.parametrize(
    ("status", "verdict", "counts"),
    [
        (OutcomeStatus.DONE, Verdict.FAILED, True),
        (OutcomeStatus.DONE, Verdict.INCONCLUSIVE, True),
        (OutcomeStatus.DONE, None, True),
        (OutcomeStatus.FAILED, None, True),
        (OutcomeStatus.UNKNOWN, None, True),
        (OutcomeStatus.DONE, Verdict.HELD, False),
        (OutcomeStatus.REFUSED, None, False),
    ],
)
def test_every_outcome_that_is_not_success_counts(
    status: OutcomeStatus, verdict: Verdict | None, counts: bool
) -> None:
    acts = [msgspec.structs.replace(failed(n), status=status, verdict=verdict) for n in range(5)]
    assert (ask(question(*acts)) is not None) is counts


def test_a_success_that_came_back_counts_too() -> None:
    held = [
        msgspec.structs.replace(failed(n), verdict=Verdict.HELD, runbook="hung") for n in range(5)
    ]
    stop = ask(question(*held))
    assert stop is not None
    assert stop.reason is Reason.DAILY_ATTEMPTS_EXHAUSTED
    assert ask(question(*held[:4])) is None


def test_yesterday_is_over() -> None:
    old = [msgspec.structs.replace(failed(n), at=START - DAY_SECONDS - 1) for n in range(5)]
    assert ask(question(*old)) is None


def test_a_runbook_may_not_loosen_the_policy() -> None:
    loose = runbook(guard=Guard(cooldown=Cooldown(every_seconds=1.0)))
    stop = ask(question(act(at=START - 100), runbook=loose))
    assert stop is not None
    assert stop.reason is Reason.COOLDOWN


def test_a_refused_act_starts_no_cooldown() -> None:
    assert ask(question(act(at=START - 1, status=OutcomeStatus.REFUSED, verdict=None))) is None


def test_a_person_is_held_back_by_less() -> None:
    by_person: dict[str, Any] = {"by": "bob", "runbook": None}
    assert ask(question(use="process.pull", **by_person)) is None
    assert ask(question(act(at=START - 1), **by_person)) is None
    assert ask(question(target="cache", **by_person)) is None
    assert ask(question(act(status=None), **by_person)) is not None
    assert ask(question(halt=HALT, **by_person)) is not None
    assert ask(question(target="ghost", **by_person)) is not None


def test_the_way_back_is_not_held_up_by_cooldown_or_attempts() -> None:
    tired = incident(plans=tuple(PlanRun(plan=p) for p in ("a", "b", "c")))
    asked = question(act(at=START - 1), incident=tired, runbook=None, is_rollback=True)
    assert ask(asked) is None
