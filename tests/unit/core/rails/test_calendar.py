"""Rails of the calendar: change windows, freezes, planned maintenance."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.guard import ask, recheck
from agent.core.rails.calendar import freeze as freeze_rail
from agent.core.rails.question import Question, Stop
from agent.model.alert import AlertStatus
from agent.model.effect import Effect, OutcomeStatus
from agent.model.incident import AlertState, State
from agent.model.policy import Freeze, Maintenance, Policy, Rails
from agent.model.reason import Reason
from tests.support.cases import START, World, plan, runbook, step
from tests.support.decisions import make_command
from tests.support.guarding import held_to, incident, question
from tests.support.periods import Endless, Raising, freeze, maintenance, period
from tests.support.policies import at_ease

FIRING = {
    "am/f00d": AlertState(
        identity="am/f00d",
        name="Hung",
        status=AlertStatus.FIRING,
        labels={"alertname": "Hung"},
        starts_at=START - 600,
        seen_at=START,
        messages=3,
    )
}


def asked(**fields: Any) -> Question:
    policy = {name: fields.pop(name) for name in ("freezes", "maintenance") if name in fields}
    q = question(**{"incident": incident(alerts=FIRING), **fields})
    q.view.policy = msgspec.structs.replace(at_ease(q.view.policy), **policy)
    return q


def stop(q: Question) -> Stop | None:
    return ask(q)


def reason(q: Question) -> Reason | None:
    found = ask(q)
    return found.reason if found is not None else None


NOW = freeze(START - 10, START + 10_000)


@pytest.mark.rail("window_open")
@pytest.mark.parametrize(
    ("name", "why"),
    [("night", Reason.WINDOW_CLOSED), ("typo", Reason.WINDOW_UNKNOWN), ("office", None)],
)
def test_a_runbook_keeps_to_its_window_and_one_that_is_closed_is_not_waited_for(
    name: str, why: Reason | None
) -> None:
    found = stop(asked(runbook=held_to(window=name)))
    assert (found.reason if found else None) is why
    assert found is None or found.after_seconds is None


@pytest.mark.rail("freeze")
def test_in_a_freeze_nothing_is_changed_and_the_reason_is_told() -> None:
    found = stop(asked(freezes=(NOW,)))
    assert found == Stop(reason=Reason.FREEZE, text="sale: the sale")


@pytest.mark.rail("freeze")
@pytest.mark.parametrize(("begins", "ends"), [(1, 100), (-100, 0)])
def test_before_and_after_a_freeze_work_goes_on(begins: float, ends: float) -> None:
    assert reason(asked(freezes=(freeze(START + begins, START + ends), NOW))) is Reason.FREEZE
    assert reason(asked(freezes=(freeze(START + begins, START + ends),))) is None


@pytest.mark.rail("freeze")
def test_people_are_held_by_a_freeze_too() -> None:
    assert reason(asked(freezes=(NOW,), by="ann", runbook=None)) is Reason.FREEZE


@pytest.mark.rail("freeze")
def test_what_was_begun_may_be_taken_back() -> None:
    assert reason(asked(freezes=(NOW,), is_rollback=True, runbook=None)) is None
    assert reason(asked(freezes=(NOW,))) is Reason.FREEZE


@pytest.mark.rail("freeze")
def test_a_runbook_its_owner_lists_runs_all_the_same_but_not_a_person() -> None:
    listed = freeze(START - 10, START + 10_000, allows=("hung",))
    assert reason(asked(freezes=(listed,))) is None
    assert reason(asked(freezes=(listed,), runbook=runbook("other"))) is Reason.FREEZE
    assert reason(asked(freezes=(listed,), by="ann", runbook=None)) is Reason.FREEZE
    assert reason(asked(freezes=(listed, NOW))) is Reason.FREEZE


@pytest.mark.rail("freeze")
def test_a_freeze_is_for_its_products_and_what_belongs_to_none() -> None:
    def of(product: str) -> Freeze:
        return freeze(START - 10, START + 10_000, products=(product,))

    assert reason(asked(freezes=(of("shop"),))) is Reason.FREEZE
    assert reason(asked(freezes=(of("pay"),))) is None
    shared = incident(product=None, entity="cache", alerts=FIRING)
    q = asked(freezes=(of("pay"),), incident=shared, target="cache", by="ann", runbook=None)
    assert reason(q) is Reason.FREEZE
    across = asked(freezes=(of("pay"),), target="pay-api", by="ann", runbook=None)
    assert reason(across) is Reason.FREEZE


@pytest.mark.rail("freeze")
def test_a_freeze_that_cannot_say_counts_as_in_force() -> None:
    """F-GRD-06"""
    odd = Freeze(name="odd", period=Raising())
    assert reason(asked(freezes=(odd,))) is Reason.GUARD_FAILED


@pytest.mark.rail("freeze")
@pytest.mark.parametrize(("ends", "after"), [(120.0, 120.0), (299.0, 299.0), (301.0, None)])
def test_a_freeze_is_waited_for_where_it_ends_soon(ends: float, after: float | None) -> None:
    q = asked(freezes=(freeze(START - 10, START + ends),))
    q.view.policy = msgspec.structs.replace(q.view.policy, rails=Rails(wait_seconds=300.0))
    found = freeze_rail(q)
    assert found is not None
    assert found.after_seconds == after


@pytest.mark.rail("freeze")
def test_a_freeze_without_known_end_is_not_waited_for() -> None:
    found = stop(asked(freezes=(Freeze(name="now", period=Endless()),)))
    assert found == Stop(reason=Reason.FREEZE, text="now: for now")


@pytest.mark.rail("freeze")
def test_a_freeze_that_begins_between_decision_and_act_holds() -> None:
    """F-TM-06"""
    q = asked(freezes=(freeze(START + 5, START + 10_000),))
    command = make_command(
        "k", subject="i-1", target=q.target, plan="restart", effect=Effect.IDEMPOTENT,
        created_at=START,
    )  # fmt: skip
    assert ask(q) is None
    assert recheck(command, q.incident, q.view, at=START) is None
    found = recheck(command, q.incident, q.view, at=START + 6)
    assert found is not None
    assert found.reason is Reason.FREEZE


@pytest.mark.rail("freeze")
def test_a_step_that_runs_into_a_freeze_ends_and_the_next_one_is_not_begun() -> None:
    """F-TM-08"""
    two = plan("both", step(id="first"), step(id="second"))
    world = World(runbook("hung", two), policy=Policy(freezes=(freeze(START + 5, START + 10_000),)))
    world.fire()
    assert world.case.state is State.ACTING
    world.wait(10)
    world.act(OutcomeStatus.DONE)
    assert [run.status for run in world.case.steps] == [OutcomeStatus.DONE]
    assert len([c for c in world.commands if c.step == "second"]) == 0
    assert Reason.FREEZE in world.reasons
    assert world.case.state is State.ESCALATED
    assert world.paged == ["team-shop"]


@pytest.mark.rail("maintenance")
def test_what_falls_into_a_maintenance_is_not_acted_on() -> None:
    found = stop(asked(maintenance=(maintenance(START - 10, START + 100),)))
    assert found == Stop(reason=Reason.MAINTENANCE, text="backup: as planned")


@pytest.mark.rail("maintenance")
@pytest.mark.parametrize(
    "other",
    [
        maintenance(START + 10, START + 100),
        maintenance(START - 100, START),
        maintenance(START - 10, START + 100, alertname="Slow"),
        Maintenance(name="b", period=period(START - 10, START + 100), products=("pay",)),
    ],
)
def test_a_maintenance_of_something_else_or_of_another_time_holds_nothing(
    other: Maintenance,
) -> None:
    whole = Maintenance(name="b", period=period(START - 10, START + 100), products=("shop",))
    assert reason(asked(maintenance=(other,))) is None
    assert reason(asked(maintenance=(other, whole))) is Reason.MAINTENANCE


@pytest.mark.rail("freeze")
def test_a_step_waits_for_a_freeze_that_ends_soon_and_then_runs() -> None:
    rails = msgspec.structs.replace(at_ease().rails, wait_seconds=300.0)
    policy = Policy(rails=rails, freezes=(freeze(START - 10, START + 120),))
    world = World(runbook(), policy=policy)
    world.fire()
    world.wait(119)
    assert (world.commands, world.case.state) == ([], State.OPEN)
    assert (world.case.waits_since, world.reasons.count(Reason.FREEZE)) == (START, 1)
    world.wait(2)
    assert world.case.state is State.ACTING
    assert world.pages == []
