"""The rail of the agent's own record: it proposes, and does not act."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.approval import approval_of
from agent.core.guard import ASKS, answer, ask
from agent.core.rails.own import advise_only
from agent.model.incident import Incident
from agent.model.own import OwnState
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.support.cases import START, runbook
from tests.support.guarding import incident, question
from tests.support.own import day, state, terms

SPENT = state(day(lost=5), advising_since=START - 60, why=Reason.OWN_BUDGET_SPENT)
FACTS = {"entity": {"name": "shop-worker"}}


def stop(own: OwnState | None, case: Incident | None = None, **fields: Any) -> Reason | None:
    told: dict[str, Any] = {"facts": FACTS, "params": {"target": "shop-worker"}, **fields}
    q = question(incident=case or incident(), **told)
    q.view.own = {"own": own} if own is not None else {}
    found = ask(q)
    return found.reason if found is not None else None


def approved(at: float) -> Incident:
    one = runbook()
    given = approval_of(one, one.plans[0], FACTS, by="olga", at=at)
    return incident(digest=one.digest, approved_by="olga", approval=given)


@pytest.mark.rail("advise_only")
def test_an_agent_whose_budget_is_spent_does_nothing_by_itself() -> None:
    assert stop(SPENT) is Reason.ADVISE_ONLY
    assert stop(state(day(lost=4))) is None, "of the budget something is left"
    assert stop(None) is None, "it was never measured"


@pytest.mark.rail("advise_only")
@pytest.mark.parametrize("date", ["review_by", "retire"])
def test_a_date_counts_from_its_moment_on_also_where_nobody_looked_yet(date: str) -> None:
    assert stop(state(terms=terms(**{date: START + 1}))) is None
    assert stop(state(terms=terms(**{date: START}))) is Reason.ADVISE_ONLY


@pytest.mark.rail("advise_only")
@pytest.mark.parametrize(
    "broken",
    [
        {"days": (day(lost=-1),)},
        {"terms": terms(objective=float("nan"))},
        {"terms": terms(objective=1.0)},
        {"terms": terms(window_seconds=float("inf"))},
        {"days": None},
    ],
)
def test_a_record_that_cannot_be_read_is_a_no(broken: dict[str, Any]) -> None:
    assert stop(msgspec.structs.replace(state(), **broken)) is Reason.GUARD_FAILED


def test_what_a_person_asks_for_runs_and_so_does_the_way_back() -> None:
    assert stop(SPENT, by="bob") is None
    assert stop(SPENT, runbook=None, is_rollback=True) is None


@pytest.mark.rail("advise_only")
def test_an_approval_lets_it_only_where_it_was_given_knowing_that_it_only_advises() -> None:
    before, after = START - 120, START - 30
    assert stop(SPENT, approved(after)) is None
    assert stop(SPENT, approved(before)) is Reason.ADVISE_ONLY
    assert stop(state(terms=terms(review_by=START)), approved(after)) is Reason.ADVISE_ONLY
    assert Reason.ADVISE_ONLY in ASKS, "so a person is asked, and shown why"


@pytest.mark.rail("advise_only")
def test_an_approval_of_something_else_does_not_let_it() -> None:
    case = approved(START - 30)
    given = case.approval
    assert given is not None
    other = msgspec.structs.replace(case, approval=msgspec.structs.replace(given, plan="other"))
    assert stop(SPENT, other) is Reason.ADVISE_ONLY


@pytest.mark.rail("advise_only")
def test_who_approves_an_assisted_runbook_is_shown_that_it_only_advises() -> None:
    one = runbook(lifecycle=Lifecycle.ASSISTED)
    assert stop(SPENT, runbook=one) is Reason.ADVISE_ONLY
    assert stop(state(), runbook=one) is Reason.RUNBOOK_NEEDS_APPROVAL


def test_nobody_is_asked_to_approve_what_may_not_run_anyway() -> None:
    one = runbook(lifecycle=Lifecycle.SHADOW)
    assert stop(SPENT, runbook=one) is Reason.RUNBOOK_IN_SHADOW


def test_a_step_without_its_runbook_is_a_no() -> None:
    q = question(runbook=None)
    q.view.own = {"own": SPENT}
    found = answer(advise_only, q)
    assert found is not None
    assert found.reason is Reason.ADVISE_ONLY
