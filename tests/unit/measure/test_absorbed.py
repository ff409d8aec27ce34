"""What counts as absorbed, by product and week."""

from __future__ import annotations

from typing import Any

import pytest

from agent.measure.absorbed import Counts, Grade, Tally, grade_of, grade_of_messages
from agent.measure.families import explained
from agent.model.alert import AlertStatus
from agent.model.decision import LedgerState
from agent.model.effect import Verdict
from agent.model.incident import AlertState, Ending, Incident, Page, PlanRun, State
from agent.model.learning import Ask, Promotion, PromotionState, Standing
from agent.model.on_call import Telling
from agent.model.past import WEEK_SECONDS, LedgerCount, week_start
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.support.cases import World, runbook
from tests.support.decisions import make_incident
from tests.support.fleets import registry_of, service

WEEK = 2900
MONDAY = week_start(WEEK)
NOW = MONDAY + 3 * 86_400.0


def call(*, at: float, wave: int = 1, telling: Telling = Telling.PAGE) -> Page:
    return Page(
        id=f"i/page/{wave}/c", to="t", channel="c", at=at, text="", wave=wave, telling=telling
    )


def named(name: str) -> AlertState:
    return AlertState(identity=name, name=name, status=AlertStatus.FIRING, labels={}, starts_at=1.0)


FOUND = {"status": {"alive": False}}
CALLED = (call(at=MONDAY + 60),)


def incident(name: str = "i", **fields: Any) -> Incident:
    given: dict[str, Any] = {
        "product": "shop",
        "entity": "web",
        "state": State.RESOLVED,
        "opened_at": MONDAY + 50,
        "resolved_at": MONDAY + 660,
        "alerts": {"a": named("Slow")},
    }
    return make_incident(name, **(given | fields))


HEALED = {"outcome": Ending.HEALED}
SETTLED = {"outcome": Ending.SETTLED}
DIAGNOSED = {"outcome": Ending.ROUTED, "findings": FOUND, "pages": CALLED}
ROUTED = {"outcome": Ending.ROUTED, "pages": CALLED}


@pytest.mark.parametrize(
    ("fields", "grade"),
    [
        (HEALED, Grade.HEALED),
        ({**HEALED, "pages": CALLED}, Grade.HEALED),
        (SETTLED, Grade.SETTLED),
        (DIAGNOSED, Grade.DIAGNOSED),
        (ROUTED, Grade.ROUTED),
        ({"state": State.ESCALATED, "pages": CALLED}, Grade.ROUTED),
        ({"state": State.ACKNOWLEDGED, "routed_to": "ann", "findings": FOUND}, Grade.DIAGNOSED),
        ({"state": State.AWAITING_APPROVAL, "pages": CALLED, "findings": FOUND}, Grade.OPEN),
        ({"state": State.ACTING}, Grade.OPEN),
        ({"state": State.OPEN}, Grade.OPEN),
        ({}, Grade.CLEARED),
        ({"silenced_by": "s"}, Grade.SUPPRESSED),
        ({"inhibited_by": "x"}, Grade.SUPPRESSED),
        ({"held_by": "root", "routed_to": "platform", "outcome": Ending.ROUTED}, Grade.SUPPRESSED),
        ({"held_by": "root", "pages": CALLED}, Grade.ROUTED),
        (
            {"pages": (call(at=1.0, telling=Telling.CHANGE),), "outcome": Ending.HEALED},
            Grade.HEALED,
        ),
    ],
)
def test_each_incident_has_one_grade(fields: dict[str, Any], grade: Grade) -> None:
    assert grade_of(incident(**fields)) is grade


def test_incidents_as_they_are_decided_have_the_grade_people_would_give_them() -> None:
    """Of the decision itself: what is held under a root needs nobody, also once it is over."""
    world = World(registry=COMPANY)
    root = world.fire(name="Slow", entity="api")
    held = world.fire(name="Slow", entity="till")
    assert world.incident(held.id).held_by == root.id
    world.clear()
    assert not world.incident(held.id).is_open
    assert grade_of(world.incident(root.id)) is Grade.ROUTED
    assert grade_of(world.incident(held.id)) is Grade.SUPPRESSED
    healing = World(runbook())
    case = healing.fire()
    assert grade_of(healing.case) is Grade.OPEN
    healing.act()
    healing.clear()
    healing.wait(600)
    assert grade_of(healing.incident(case.id)) is Grade.HEALED


COMPANY = registry_of(service("api", "shop"), service("till", "pay", "api"))


@pytest.mark.parametrize(
    ("state", "reason", "grade"),
    [
        (LedgerState.ABSORBED, Reason.HEALED, Grade.HEALED),
        (LedgerState.ABSORBED, Reason.SETTLED, Grade.SETTLED),
        (LedgerState.ABSORBED, Reason.WATCHDOG, None),
        (LedgerState.ROUTED, Reason.ROUTED_TO_BUILDER, Grade.DIAGNOSED),
        (LedgerState.CLEARED, Reason.CLEARED_BY_ITSELF, Grade.CLEARED),
        (LedgerState.CLEARED, Reason.OLDER_THAN_KNOWN, None),
        (LedgerState.SUPPRESSED, Reason.SILENCED, Grade.SUPPRESSED),
        (LedgerState.DUPLICATE, Reason.RESOLUTION_OF_KNOWN, None),
        (LedgerState.OPEN, Reason.NEW_ALERT, Grade.OPEN),
    ],
)
def test_messages_are_graded_by_where_the_ledger_says_they_ended(
    state: LedgerState, reason: Reason, grade: Grade | None
) -> None:
    assert grade_of_messages(messages("i", state, reason), {"i"}) is grade


def messages(
    of: str | None, state: LedgerState, reason: Reason, number: int = 1, week: int = WEEK
) -> LedgerCount:
    return LedgerCount(
        week=week,
        incident_id=of,
        product=None,
        state=state,
        reason=reason,
        messages=number,
        first_at=week_start(week),
    )


def tally(*incidents: Incident, weeks: int = 4) -> Tally:
    made = Tally(weeks=weeks, at=NOW)
    for each in incidents:
        made.take(each, kind="service")
    return made


def everything(_product: str | None) -> bool:
    return True


def test_the_absorbed_share_is_healed_and_settled_of_all_that_needed_anything() -> None:
    """The golden example: 6 healed, 2 settled, 1 diagnosed, 3 routed: 8 of 12, whatever cleared by
    itself, was suppressed or is still open."""
    kinds: list[tuple[int, dict[str, Any]]] = [
        (6, HEALED), (2, SETTLED), (1, DIAGNOSED), (3, ROUTED), (5, {}), (4, {"silenced_by": "s"}),
        (1, {"state": State.ACTING}),
    ]  # fmt: skip
    made = tally(
        *(incident(f"{n}/{m}", **f) for n, (many, f) in enumerate(kinds) for m in range(many))
    )
    made.count(
        [
            messages("0/0", LedgerState.ABSORBED, Reason.HEALED, 9),
            messages("2/0", LedgerState.ROUTED, Reason.ENDED_AFTER_TOLD, 2),
            messages("3/0", LedgerState.ROUTED, Reason.NO_RUNBOOK, 1),
            messages("4/0", LedgerState.CLEARED, Reason.CLEARED_BY_ITSELF, 7),
            messages(None, LedgerState.ABSORBED, Reason.WATCHDOG, 500),
        ]
    )
    found = made.told(everything)
    assert found.incidents == Counts(
        healed=6, settled=2, diagnosed=1, routed=3, cleared=5, suppressed=4, open=1
    )
    assert found.incidents.share == pytest.approx(8 / 12)
    assert found.alerts == Counts(healed=9, diagnosed=2, routed=1, cleared=7)
    assert found.alerts.share == pytest.approx(9 / 12)
    assert [p.product for p in found.products] == ["shop"]
    assert found.weeks[-1].pages == 4


def test_where_nothing_needed_anything_there_is_no_share() -> None:
    found = tally(incident()).told(everything)
    assert found.incidents == Counts(cleared=1)
    assert found.incidents.share is None


def test_incidents_are_in_the_week_they_opened_and_alerts_in_the_week_they_came() -> None:
    made = tally(incident("a", opened_at=MONDAY - 0.5, **HEALED), incident("b", **ROUTED))
    made.count([messages("a", LedgerState.ABSORBED, Reason.HEALED, 3)])
    found = made.told(everything)
    assert [w.week for w in found.weeks] == ["2025-W28", "2025-W29", "2025-W30", "2025-W31"]
    assert [w.incidents.needed for w in found.weeks] == [0, 0, 1, 1]
    assert [w.alerts.healed for w in found.weeks] == [0, 0, 0, 3]
    assert [w.pages for w in found.weeks] == [0, 0, 0, 1]


def test_what_opened_before_the_first_week_is_not_in_it() -> None:
    early = incident("old", opened_at=MONDAY - 5 * WEEK_SECONDS, **DIAGNOSED)
    made = tally(early)
    made.count([messages("old", LedgerState.ROUTED, Reason.ENDED_AFTER_TOLD, 2)])
    found = made.told(everything)
    assert found.incidents == Counts()
    assert found.alerts == Counts(diagnosed=2)


def test_weeks_that_are_not_over_or_only_half_remembered_are_marked() -> None:
    made = tally()
    made.finish(remembers_from=MONDAY - 2 * WEEK_SECONDS + 5)
    assert [w.is_partial for w in made.told(everything).weeks] == [True, True, False, True]


def test_one_product_and_fewer_weeks_are_parts_of_the_same() -> None:
    made = tally(
        incident("a", **HEALED),
        incident("b", product="pay", **ROUTED),
        incident("c", product=None, opened_at=MONDAY - WEEK_SECONDS, **ROUTED),
    )
    assert [p.product for p in made.told(everything).products] == ["pay", "shop", None]
    assert [p.product for p in made.told(everything, weeks=1).products] == ["pay", "shop"]
    assert made.told(everything, product="pay").incidents == Counts(routed=1)
    seen = made.told(lambda product: product in (None, "shop"))
    assert seen.incidents == Counts(healed=1, routed=1)
    assert [f.products for f in seen.families] == [()]


# families


def told(*incidents: Incident, **known: Any) -> list[tuple[str, str]]:
    given: dict[str, Any] = {"promotions": (), "standings": {}, "lifecycles": {}}
    families = tally(*incidents).told(everything).families
    return [(f.alertname, f.why) for f in explained(families, **(given | known))]


def test_families_are_ranked_by_minutes_and_then_by_pages() -> None:
    made = Tally(weeks=4, at=NOW)
    alerts = {name: {"a": named(name)} for name in ("Slow", "Hung", "Full")}
    waves = (call(at=MONDAY + 60), call(at=MONDAY + 70), call(at=MONDAY + 80, wave=2))
    made.take(incident("a", alerts=alerts["Slow"], **ROUTED), kind="service")
    made.take(incident("b", alerts=alerts["Hung"], **ROUTED), kind="service", minutes=45.0)
    made.take(incident("c", product="pay", alerts=alerts["Full"], pages=waves), kind="disk")
    made.take(incident("d", **HEALED), kind="service")
    found = made.told(everything).families
    assert [(f.alertname, f.kind, f.minutes, f.pages, f.incidents) for f in found] == [
        ("Hung", "service", 45.0, 1, 1),
        ("Full", "disk", 10.0, 2, 1),
        ("Slow", "service", 10.0, 1, 1),
    ]


def test_what_still_burns_costs_until_now() -> None:
    made = tally(incident(state=State.ESCALATED, resolved_at=None, pages=CALLED))
    (family,) = made.told(everything).families
    assert family.minutes == pytest.approx((NOW - MONDAY - 60) / 60)


def test_families_are_told_over_their_own_eight_weeks_whatever_is_asked() -> None:
    long_ago = incident("a", opened_at=MONDAY - 7 * WEEK_SECONDS, **ROUTED)
    longer = incident("b", opened_at=MONDAY - 7 * WEEK_SECONDS - 1, **ROUTED)
    made = tally(long_ago, longer, weeks=1)
    assert made.reads_from <= long_ago.opened_at
    assert [f.incidents for f in made.told(everything).families] == [1]


def promotion(state: PromotionState, **fields: Any) -> Promotion:
    given: dict[str, Any] = {
        "name": "slow-restart", "lifecycle": "shadow", "signature": "s", "recipe": "r",
        "product": "shop", "alertname": "Slow", "incidents": ("a",), "resolvers": ("ann",),
        "document": {}, "proposed_at": 1.0,
    }  # fmt: skip
    return Promotion(state=state, **(given | fields))


@pytest.mark.parametrize(
    ("fields", "known", "why"),
    [
        ({}, {}, "no runbook matches it"),
        (
            {},
            {"promotions": [promotion(PromotionState.PROPOSED, decider="team-shop")]},
            "a proposal waits for team-shop: slow-restart",
        ),
        (
            {},
            {
                "promotions": [
                    promotion(PromotionState.PROPOSED, asks=(Ask(step="a", param="b", seen=()),))
                ]
            },
            "a proposal waits for approval: slow-restart; 1 of its questions are not answered",
        ),
        (
            {},
            {
                "promotions": [
                    promotion(
                        PromotionState.REFUSED,
                        reason=Reason.RESOLUTIONS_CONTRADICT,
                        reason_text="x and y",
                    )
                ]
            },
            "nothing could be proposed: x and y",
        ),
        (
            {},
            {"promotions": [promotion(PromotionState.REJECTED, decided_by="bea", why="no")]},
            "the proposal slow-restart was rejected by bea: no",
        ),
        (
            {"runbook": "hung"},
            {"lifecycles": {"hung": Lifecycle.SHADOW}},
            "the runbook hung only looks on (shadow)",
        ),
        (
            {"runbook": "hung"},
            {
                "lifecycles": {"hung": Lifecycle.ACTIVE},
                "standings": {"hung": Standing(runbook="hung", suspended_at=1.0, why="it fails")},
            },
            "the runbook hung is suspended: it fails",
        ),
        (
            {"runbook": "hung", "plans": (PlanRun(plan="p", verdict=Verdict.FAILED),)},
            {"lifecycles": {"hung": Lifecycle.ACTIVE}},
            "the runbook hung ran, and its proof was failed",
        ),
        (
            {"runbook": "hung"},
            {"lifecycles": {"hung": Lifecycle.ACTIVE}},
            "the runbook hung left it to people, or a rail held it",
        ),
        ({"runbook": "hung"}, {}, "the runbook hung is not loaded any more"),
    ],
)
def test_why_a_family_is_not_absorbed(
    fields: dict[str, Any], known: dict[str, Any], why: str
) -> None:
    assert told(incident(**{**ROUTED, **fields}), **known) == [("Slow", why)]
