"""What a product should do about its signals, dearest first."""

from __future__ import annotations

from typing import Any

from agent.measure.backlog import Item, Remedy, backlog
from agent.measure.signal_costs import Cost
from agent.model.learning import CauseKind, Promotion, PromotionState
from agent.model.signals import BlindSpot, BlindSpotKind


def cost(name: str = "Slow", **fields: Any) -> Cost:
    told: dict[str, Any] = {
        "name": name,
        "product": "shop",
        "incidents": 4,
        "pages": 4,
        "minutes": 60.0,
        "unknown": 0,
        "agent_minutes": 1.0,
        "acted": 1.0,
        "over": 4,
        "by_people": 4,
        "by_agent": 0,
        "last_at": 1.0,
        "latest": ("i-1",),
        "per_month": 20.0,
        **fields,
    }
    return Cost(**told)


def spot(subject: str, kind: BlindSpotKind = BlindSpotKind.UNCOVERED) -> BlindSpot:
    return BlindSpot(
        kind=kind,
        subject=subject,
        owner="team-shop",
        product="shop",
        text="no signal",
        remedy="declare one",
        since=0.0,
        last_at=0.0,
    )


def only(one: Cost, **given: Any) -> Item:
    (item,) = backlog([one], least=5, **given)
    return item


def test_what_people_do_by_hand_is_to_be_automated() -> None:
    item = only(cost())
    assert (item.remedy, item.minutes_per_month) == (Remedy.AUTOMATE, 20.0)
    assert "no runbook" in item.text
    assert "`heals`" in only(cost(runbook="heals")).text


def test_a_proposed_runbook_is_to_be_decided() -> None:
    proposed = Promotion(
        name="learned-slow",
        state=PromotionState.PROPOSED,
        lifecycle="shadow",
        signature="s",
        recipe="r",
        product="shop",
        alertname="Slow",
        incidents=(),
        resolvers=(),
        document={},
        proposed_at=0.0,
    )
    assert "`learned-slow`" in only(cost(), promotions=[proposed]).text
    assert "`learned-slow`" not in only(cost("Other"), promotions=[proposed]).text


def test_a_cause_that_comes_back_is_to_be_fixed_also_where_the_agent_heals_it() -> None:
    again = {CauseKind.RELEASE: 3, CauseKind.UNKNOWN: 0}
    healed = cost(causes=again, pages=0, by_people=0, by_agent=4, minutes=0.0, per_month=0.0)
    item = only(healed)
    assert item.remedy is Remedy.FIX_CAUSE
    assert item.text.startswith("3 times release")
    mixed = {CauseKind.RELEASE: 3, CauseKind.DATA: 2, CauseKind.CODE: 2}
    assert only(cost(causes=mixed)).remedy is Remedy.AUTOMATE


def test_an_alert_that_nobody_acts_on_is_to_be_tuned() -> None:
    assert only(cost(acted=0.0, over=5, by_people=0)).remedy is Remedy.TUNE
    assert only(cost(acted=0.0, over=4)).remedy is Remedy.AUTOMATE, "too few to say"


def test_what_the_agent_heals_without_anybody_is_nothing_to_do() -> None:
    assert backlog([cost(pages=0, by_people=0, by_agent=4)], least=5) == ()


def test_blind_spots_stand_behind_what_is_known_to_cost_and_before_what_costs_nothing() -> None:
    items = backlog(
        [
            cost("Cheap", minutes=0.0, per_month=0.0),
            cost("Unsaid", minutes=None, per_month=None),
            cost("Dear", per_month=90.0),
        ],
        least=5,
        spots=[spot("shop/outcome")],
    )
    assert [i.subject for i in items] == ["Dear", "Unsaid", "shop/outcome", "Cheap"]
    assert items[2].remedy is Remedy.MEND
    assert items[2].minutes_per_month is None


def test_an_alert_that_nobody_acts_on_stands_there_once() -> None:
    noise = cost("Noise", acted=0.0, over=9, by_people=0)
    blind = spot("Noise/shop", BlindSpotKind.UNSEEN_ALERT)
    items = backlog([noise], least=5, spots=[blind])
    assert [(i.subject, i.remedy) for i in items] == [("Noise", Remedy.TUNE)]
