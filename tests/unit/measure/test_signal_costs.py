"""What each alert of each product cost people and the agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agent.measure.signal_costs import Cost, NobodyActed, Spent, Unacted, costs, spent_on
from agent.model.alert import AlertStatus
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import AlertState, Ending, Incident, Page, PlanRun, State, StepRun
from agent.model.learning import CauseKind, Deed, Mark, Resolution
from tests.support.decisions import make_incident

DAY = 86_400.0
AT = 100 * DAY


def page(wave: int = 1, at: float = AT) -> Page:
    return Page(id=f"p{wave}", to="ann", channel="c", at=at, text="", wave=wave)


def step(by: str = "agent", began: float = AT, ended: float = AT + 60, plan: str = "p") -> StepRun:
    return StepRun(
        id="s",
        use="process.restart",
        params={},
        target="web",
        by=by,
        plan=plan,
        status=OutcomeStatus.DONE,
        started_at=began,
        ended_at=ended,
    )


def incident(number: int = 1, name: str = "Slow", source: str = "am", **fields: Any) -> Incident:
    alert = AlertState(
        identity=f"{source}/{name}", name=name, status=AlertStatus.RESOLVED, labels={}, starts_at=AT
    )
    told: dict[str, Any] = {
        "state": State.RESOLVED,
        "opened_at": AT,
        "resolved_at": AT + 1200,
        "alerts": {alert.identity: alert},
        **fields,
    }
    return make_incident(f"i-{number}", **told)


def said(**fields: Any) -> Resolution:
    told: dict[str, Any] = {
        "incident_id": "i-1",
        "signature": "s",
        "recipe": "",
        "at": AT + 1200,
        "alertname": "Slow",
        "layer": "product",
        "product": "shop",
        "entity": None,
        "labels": {},
        "who": "ann",
        **fields,
    }
    return Resolution(**told)


def cost(*pairs: tuple[Incident, Resolution | None]) -> Cost:
    (found,) = costs([spent_on(i, s) for i, s in pairs], since=AT - DAY, until=AT + 29 * DAY)
    return found


def test_minutes_are_what_people_said_and_counted_by_the_month() -> None:
    one = incident(pages=(page(1), page(2)))
    found = cost((one, said(minutes=45.0)), (incident(2), None))
    assert (found.incidents, found.pages, found.minutes, found.unknown) == (2, 2, 45.0, 0)
    assert found.per_month == pytest.approx(45.0)


def test_what_nobody_said_is_unknown_and_not_nothing() -> None:
    called = incident(pages=(page(),))
    assert (cost((called, None)).minutes, cost((called, None)).per_month) == (None, None)
    both = cost((called, None), (incident(2, pages=(page(),)), said(minutes=5.0)))
    assert (both.minutes, both.unknown) == (5.0, 1)
    assert cost((incident(), None)).minutes == 0.0, "nobody was called"


def test_time_until_it_ended_counts_for_a_days_work_at_most_and_not_where_nobody_ended_it() -> None:
    """An incident that stood open over the weekend took nobody two days."""
    long = incident(pages=(page(),), resolved_at=AT + 2 * DAY)
    assert cost((long, said(minutes=2 * 1440.0))).minutes == 480.0
    assert cost((long, said(minutes=700.0))).minutes == 700.0, "that was said"
    assert cost((long, said(minutes=2 * 1440.0, who=""))).minutes is None


def test_the_agents_minutes_go_from_its_first_step_to_the_verdict() -> None:
    judged = PlanRun(plan="p", verdict=Verdict.HELD, at=AT + 600)
    one = incident(steps=(step(), step(began=AT + 120, ended=AT + 130)), plans=(judged,))
    assert cost((one, None)).agent_minutes == pytest.approx(10.0)
    assert cost((incident(steps=(step(),)), None)).agent_minutes == pytest.approx(1.0)
    assert cost((incident(steps=(step(by="ann"),)), None)).agent_minutes == 0.0


DEED = Deed(
    use="a.b", params={}, target=None, by="ann", mark=Mark.TOLD, began_at=None, ended_at=None
)


@pytest.mark.parametrize(
    ("one", "told", "share"),
    [
        (incident(steps=(step(),)), None, 1.0),
        (incident(steps=(step(by="ann"),)), None, 1.0),
        (incident(), said(deeds=(DEED,)), 1.0),
        (incident(), said(outside=("cleared the cache",)), 1.0),
        (incident(), said(page_useful=True), 1.0),
        (incident(), said(cause_kind=CauseKind.RELEASE), 1.0),
        (incident(outcome=Ending.SETTLED), None, 1.0),
        (incident(resolved_by="ann"), None, 1.0),
        (incident(), said(cause_kind=CauseKind.FALSE_ALERT, page_useful=False), 0.0),
        (incident(), said(), 0.0),
        (incident(), None, 0.0),
    ],
)
def test_an_incident_in_which_something_was_done(
    one: Incident, told: Resolution | None, share: float
) -> None:
    assert cost((one, told)).acted == share


def never_acted(spent: Sequence[Spent], *, least: int) -> tuple[Unacted, ...]:
    nobody = NobodyActed()
    for one in spent:
        nobody.take(one)
    return nobody.told(least=least)


def test_an_alert_that_came_often_and_that_nobody_acted_on_is_superfluous() -> None:
    quiet = [spent_on(incident(n), None) for n in range(5)]
    (found,) = never_acted(quiet, least=5)
    assert (found.name, found.product, found.incidents) == ("Slow", "shop", 5)
    assert never_acted(quiet, least=6) == ()
    acted = spent_on(incident(9, steps=(step(),)), None)
    assert never_acted([*quiet, acted], least=5) == ()
    assert never_acted([acted, *quiet], least=5) == ()


def test_what_is_still_open_says_nothing_yet() -> None:
    still = [spent_on(incident(n, state=State.OPEN, resolved_at=None), None) for n in range(9)]
    assert never_acted(still, least=5) == ()


def test_alerts_of_the_agent_itself_are_never_superfluous() -> None:
    ours = [spent_on(incident(n, source="homeostat"), None) for n in range(9)]
    assert never_acted(ours, least=5) == ()


def test_the_dearest_come_first_and_what_is_unknown_before_what_cost_nothing() -> None:
    spent = [
        spent_on(incident(1, "Free"), None),
        spent_on(incident(2, "Unknown", pages=(page(),)), None),
        spent_on(incident(3, "Dear", pages=(page(),)), said(minutes=9.0)),
        spent_on(incident(4, "Old", opened_at=AT - 50 * DAY), None),
    ]
    found = costs(spent, since=AT - DAY, until=AT + DAY)
    assert [c.name for c in found] == ["Dear", "Unknown", "Free"]
