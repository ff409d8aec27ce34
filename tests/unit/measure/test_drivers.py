"""What people are called for, ranked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.measure.drivers import Case, Change, case_of, change, drivers
from agent.model.alert import AlertStatus
from agent.model.incident import AlertState, Page
from agent.model.learning import CauseKind
from agent.model.on_call import Telling
from tests.support.decisions import make_incident

DAY = 86_400.0
SINCE, UNTIL = 90 * DAY, 180 * DAY
CASE = Case(
    id="i",
    at=100 * DAY,
    alertname="Slow",
    kind="service",
    cause=CauseKind.UNKNOWN,
    product="shop",
    pages=1,
    minutes=10.0,
)


def case(name: str, **fields: Any) -> Case:
    return msgspec.structs.replace(CASE, id=name, **fields)


def ranked(*cases: Case, known_from: float | None = -1.0) -> Any:
    return drivers(cases, since=SINCE, until=UNTIL, known_from=known_from)


def test_families_are_ranked_by_pages_then_minutes_with_their_share() -> None:
    found = ranked(
        case("a", pages=3, minutes=5.0),
        case("b", alertname="Full", pages=1, minutes=80.0, product="pay"),
        case("c", alertname="Down", pages=1, minutes=15.0),
    )
    assert [d.alertname for d in found.families] == ["Slow", "Full", "Down"]
    assert (found.pages, found.minutes, found.incidents) == (5, 100.0, 3)
    assert [d.share_of_pages for d in found.families] == [0.6, 0.2, 0.2]
    assert [d.share_of_minutes for d in found.families] == [0.05, 0.8, 0.15]


def test_a_family_is_one_whatever_the_product_and_another_for_another_kind() -> None:
    found = ranked(
        case("a", at=101 * DAY),
        case("b", at=102 * DAY, product="pay", runbook="heals"),
        case("c", kind="agent"),
    )
    first, second = found.families
    assert (first.incidents, first.products, first.last_at) == (2, ("pay", "shop"), 102 * DAY)
    assert first.latest == ("b", "a")
    assert first.runbook == "heals"
    assert (second.kind, second.incidents) == ("agent", 1)


def test_causes_are_ranked_over_all_families() -> None:
    found = ranked(
        case("a", cause=CauseKind.RELEASE),
        case("b", cause=CauseKind.RELEASE, alertname="Full"),
        case("c"),
    )
    assert [(d.cause, d.pages) for d in found.causes] == [("release", 2), ("unknown", 1)]


def test_the_period_before_stands_beside_and_is_not_counted() -> None:
    before = [case(f"b{n}", at=10 * DAY) for n in range(20)]
    now = [case(f"n{n}") for n in range(5)]
    found = ranked(*before, *now, case("too late", at=UNTIL), case("too early", at=-1.0))
    (family,) = found.families
    assert (family.pages, family.pages_before, family.change) == (5, 20, Change.LESS)
    assert (found.pages, found.pages_before, found.change) == (5, 20, Change.LESS)


def test_a_history_that_does_not_reach_back_is_not_compared() -> None:
    """The first days of an installation are no rise from nothing."""
    for known_from in (None, 1.0):
        found = ranked(*[case(str(n)) for n in range(20)], known_from=known_from)
        assert not found.has_before
        assert found.families[0].change is Change.UNSAID


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (2, 2, Change.UNSAID),
        (5, 0, Change.NEW),
        (6, 1, Change.SAME),
        (8, 1, Change.MORE),
        (1, 8, Change.LESS),
        (110, 100, Change.SAME),
        (140, 100, Change.MORE),
    ],
)
def test_a_trend_is_said_only_beyond_chance(now: int, before: int, said: Change) -> None:
    assert change(now, before, has_before=True) is said


def page(at: float, *, wave: int, channel: str = "c", telling: Telling = Telling.PAGE) -> Page:
    name = f"i/page/{wave}/{channel}"
    return Page(id=name, to="t", channel=channel, at=at, text="", wave=wave, telling=telling)


def test_a_page_with_its_fallbacks_is_one_and_what_was_said_afterwards_is_none() -> None:
    pages = (
        page(200.0, wave=1),
        page(230.0, wave=1, channel="d"),
        page(500.0, wave=2),
        page(700.0, wave=2, telling=Telling.RESOLVED),
    )
    alert = AlertState(
        identity="am/1", name="Slow", status=AlertStatus.RESOLVED, labels={}, starts_at=90.0
    )
    incident = make_incident(pages=pages, alerts={"am/1": alert}, resolved_at=800.0)
    found = case_of(incident, kind="service", at=5000.0)
    assert found is not None
    assert (found.pages, found.minutes, found.alertname) == (2, 10.0, "Slow")
    said = case_of(incident, kind="service", minutes=3.0, at=5000.0)
    assert said is not None
    assert said.minutes == 3.0


def test_what_nobody_was_called_for_drives_nothing() -> None:
    assert case_of(make_incident(), kind="", at=5000.0) is None
    assert ranked().families == ()
