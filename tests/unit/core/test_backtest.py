"""How what a candidate would do compares with what people did."""

from __future__ import annotations

import pytest

from agent.core.backtest import Agreement, counted, people_of, tried
from agent.core.history import Kind, Would, was
from agent.model.incident import Incident
from tests.support.cases import (
    runbook,
    settle,
)
from tests.support.past import HOUR, healed, now, past, ran, routed, said_outside, view


def row(would: Would, incident: Incident, *outside: str) -> Agreement:
    timeline = [said_outside(incident, *outside)] if outside else []
    return tried("hung", incident, timeline, was(incident), would).agreement


@pytest.mark.parametrize(
    ("uses", "outside", "agreement"),
    [
        (("process.restart",), (), Agreement.YES),
        (("process.restart",), ("phoned",), Agreement.PARTLY),
        (("process.flush", "process.restart"), (), Agreement.PARTLY),
        (("process.flush",), (), Agreement.NO),
        ((), ("phoned",), Agreement.IN_WORDS),
        ((), (), Agreement.NOBODY),
    ],
)
def test_agreement_compares_actions_with_their_targets(
    uses: tuple[str, ...], outside: tuple[str, ...], agreement: Agreement
) -> None:
    incident = routed(past(), "team-shop", *uses)
    (would,) = now(incident, of=view(runbook()))
    assert would.kind is Kind.ACTS
    assert row(would, incident, *outside) is agreement


def test_the_same_action_on_another_target_is_no_agreement() -> None:
    incident = ran(routed(past()), by="anna", target="shop-web")
    (would,) = now(incident, of=view(runbook()))
    assert row(would, incident) is Agreement.NO


@pytest.mark.parametrize(("uses", "agreement"), [((), "yes"), (("process.restart",), "no")])
def test_settling_is_agreed_with_by_doing_nothing(uses: tuple[str, ...], agreement: str) -> None:
    incident = routed(past(), "team-shop", *uses)
    (would,) = now(incident, of=view(runbook(decide=settle())))
    assert row(would, incident) == agreement


def test_figures_count_what_people_did_and_who_handled_it_then() -> None:
    incidents = [
        routed(past(1), "team-shop", "process.restart", cause="bad release"),
        healed(past(2, at=3 * HOUR, minutes=30), "old"),
        past(3, at=3 * HOUR + 60),
    ]
    rules = view(runbook())
    rows = [
        tried("hung", each, (), was(each), would)
        for each, would in zip(incidents, now(*incidents, of=rules), strict=True)
    ]
    figures = counted(rows)
    assert (figures.matched, figures.acts, figures.routes) == (3, 2, 1)
    assert (figures.plans, figures.stopped_by) == ({"restart": 2}, {"cooldown": 1})
    assert figures.conflicts == {"old": 1}
    assert figures.agreement == {"nobody": 1, "yes": 1}
    assert (figures.actions_of_people, figures.causes) == (
        {"process.restart": 1},
        {"bad release": 1},
    )
    assert (figures.minutes_median, figures.minutes_most) == (10.0, 10.0)
    assert figures.ended_by_agent == 1, "its 30 minutes say nothing of people"


def test_an_incident_that_goes_on_has_no_minutes() -> None:
    assert people_of(past(resolved_at=None), ()).minutes is None
