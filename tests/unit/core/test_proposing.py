"""Rule of three: when something is proposed, and what keeps it from being."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.proposing import consider
from agent.core.tried_out import take_delivery, take_trial
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.event import Announced, PromotionDelivered, PromotionTried
from agent.model.learning import (
    Ask,
    Backtested,
    CauseKind,
    Credit,
    Delivered,
    Harm,
    Mark,
    Promotion,
    PromotionState,
    Resolution,
)
from agent.model.policy import Learning, Policy
from agent.model.product import Registry
from agent.model.reason import Reason
from tests.support.cases import REGISTRY
from tests.support.proposed import (
    LATER,
    considered,
    proposal_in,
    proposed,
    shown,
    site,
    state_with,
)
from tests.support.resolutions import keep, nothing_done, remember, resolution, three

FLUSH = (("version.set", {"to": "v9"}),)
GOOD = Backtested(at=LATER, incidents=9, matched=3, would_act=3, agreed=3, agreement={})


def refused(decision: Decision) -> Promotion:
    found = proposal_in(decision)
    assert found.state is PromotionState.REFUSED
    assert found.document == {}
    (entry,) = decision.journal
    assert (entry.reason, entry.subject) == (found.reason, found.name)
    return found


# when


def test_the_third_like_resolution_is_a_proposal_that_is_tried_out() -> None:
    view = site()
    one, two, last = three()
    assert considered(view, one, two) == Decision()
    decision = considered(view, one, two, last)
    found = proposal_in(decision)
    assert (found.state, found.lifecycle) == (PromotionState.TRYING, "shadow")
    assert found.incidents == ("inc-1", "inc-2", "inc-3")
    assert found.resolvers == ("bob", "carl")
    assert (found.decider, found.needed) == ("team-shop", 1)
    (entry,) = decision.journal
    assert (entry.reason, entry.subject) == (Reason.PROMOTION_TRYING, found.name)
    assert (entry.data["likes"], entry.data["contrast"]) == (3, 0)
    assert entry.data["people"] == ["bob", "carl"]
    assert 0 < entry.data["chance"] < 0.01


def test_it_is_proposed_once() -> None:
    view = site()
    found = proposed(view, *three())
    for state in (*PromotionState,):
        if state is not PromotionState.REFUSED:
            remember(view, *three(), resolution(4))
            state_with_one(view, msgspec.structs.replace(found, state=state))
            assert consider(resolution(4), view, at=LATER) == Decision(), state


def state_with_one(view: View, *promotions: Promotion) -> None:
    view.promotions = {p.name: p for p in promotions}


def test_three_that_differ_are_shown_and_promote_nothing() -> None:
    """F-RB-13."""
    view = site()
    found = refused(
        considered(
            view,
            resolution(1),
            resolution(2, did=FLUSH),
            resolution(3, did=(("process.restart", {}), *FLUSH)),
        )
    )
    assert found.reason is Reason.RESOLUTIONS_CONTRADICT
    assert "inc-1: process.restart(target: entity.name)" in found.reason_text
    assert "inc-3: process.restart(target: entity.name), then version.set" in found.reason_text
    state_with_one(view, found)
    assert considered(view, resolution(4, did=FLUSH)) == Decision()


def test_only_credited_ones_count() -> None:
    view = site()
    last = resolution(3, credit=Credit.BEFORE)
    assert considered(view, resolution(1), resolution(2), last) == Decision()
    assert considered(view, *three(), last) == Decision()


# what it must leave alone


def test_incidents_that_went_away_alone_refuse_it_where_nothing_tells_them_apart() -> None:
    found = refused(considered(site(), *three(), nothing_done(4), of=2))
    assert found.reason is Reason.RESOLVED_WITHOUT_ACT
    assert found.reason_text == "nothing was done in inc-4"
    assert found.contrast == ("inc-4",)


def test_where_people_said_that_nothing_was_broken_it_is_refused() -> None:
    calm = resolution(4, did=(), credit=Credit.NOTHING_DONE, cause_kind=CauseKind.FALSE_ALERT)
    found = refused(considered(site(), *three(), calm, of=2))
    assert "where nothing was broken" in found.reason_text


def test_another_remedy_for_the_same_alert_refuses_it() -> None:
    """Contradictory resolutions."""
    others = [resolution(n, did=FLUSH) for n in (4, 5)]
    found = refused(considered(site(), *three(), *others, of=2))
    assert found.reason is Reason.RESOLUTIONS_CONTRADICT
    assert "inc-4: version.set(target: entity.name, to: text)" in found.reason_text


def test_another_remedy_that_helped_just_once_keeps_it_from_running_at_once() -> None:
    found = proposal_in(considered(site(), *three(), resolution(4, did=FLUSH), of=2))
    assert found.state is PromotionState.TRYING
    assert "inc-4, which looks alike, was resolved in another way" in found.not_clean


def test_a_finding_that_tells_them_apart_becomes_a_condition() -> None:
    others = [nothing_done(n + 4, status={"alive": True}) for n in range(2)]
    found = proposed(site(), *three(status={"alive": False}), *others, of=2)
    assert found.separated_by == "!process_status.alive"
    assert found.contrast == ("inc-4", "inc-5")
    assert not found.is_clean


def test_a_refusal_is_written_down_once_for_each_reason() -> None:
    """10,000 like resolutions in a day."""
    view = site()
    first = refused(considered(view, *three(), nothing_done(4), of=2))
    state = remember(view, *three(), nothing_done(4))
    state.single["promotion"][first.name] = first
    for n in range(5, 15):
        keep(state, resolution(n))
        assert consider(resolution(n), view, at=LATER) == Decision()
    keep(state, resolution(20, did=FLUSH), resolution(21, did=FLUSH))
    view.likes = {s: {i: True for i in ids if i != "inc-4"} for s, ids in view.likes.items()}
    assert refused(consider(resolution(14), view, at=LATER)).reason is Reason.RESOLUTIONS_CONTRADICT


def test_what_was_refused_is_proposed_where_it_became_possible() -> None:
    view = site()
    before = refused(considered(view, *three(), nothing_done(4), of=2))
    state = remember(view, *three())
    state.single["promotion"][before.name] = before
    found = proposal_in(consider(resolution(3, by="bob", waited=50.0), view, at=LATER))
    assert (found.name, found.state) == (before.name, PromotionState.TRYING)


@pytest.mark.parametrize("reason", [Reason.PROMOTION_FAULTY, Reason.EFFECT_OPAQUE])
def test_what_cannot_change_is_not_tried_again(reason: Reason) -> None:
    view = site()
    found = proposed(view, *three())
    state_with_one(
        view, msgspec.structs.replace(found, state=PromotionState.REFUSED, reason=reason)
    )
    assert consider(resolution(3), view, at=LATER) == Decision()


# what cannot be one


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"did": (("shell.run", {}),)}, Reason.EFFECT_OPAQUE),
        ({"did": (("gone.away", {}),)}, Reason.PLUGIN_MISSING),
        ({"did": (("process.status", {}),)}, Reason.PLUGIN_MISSING),
        ({"did": (("volume.delete", {}),)}, Reason.PROMOTION_REFUSED),
        ({"did": (("process.restart", {"names": ["x"] * 200}),)}, Reason.PROMOTION_REFUSED),
        ({"alertname": "*"}, Reason.PROMOTION_REFUSED),
        ({"alertname": "Hun?"}, Reason.PROMOTION_REFUSED),
        ({"alertname": " "}, Reason.PROMOTION_REFUSED),
        ({"kind": ""}, Reason.PROMOTION_REFUSED),
        ({"layer": "outcome"}, Reason.PROMOTION_REFUSED),
    ],
)
def test_what_no_runbook_can_do_is_refused(told: dict[str, Any], reason: Reason) -> None:
    found = refused(considered(site(), *three(**told)))
    assert found.reason is reason
    assert found.reason_text


def test_what_destroys_is_for_the_platform_and_never_clean() -> None:
    found = proposed(site(), *three(did=(("volume.delete", {}),), status={"alive": False}))
    assert (found.decider, found.document["metadata"]["tier"]) == ("platform", "high")
    assert "its tier is high: that asks for proof first" in found.not_clean


# who decides


def test_one_person_alone_may_teach_and_not_make_it_run_at_once() -> None:
    """F-SEC-28: three incidents closed by one attacker."""
    found = proposed(site(), *[msgspec.structs.replace(r, by=("eve",)) for r in by_one("eve")])
    assert found.resolvers == ("eve",)
    assert "eve alone resolved all of them" in found.not_clean


def by_one(who: str) -> list[Resolution]:
    return [resolution(n, by=who, waited=10.0 * n) for n in (1, 2, 3)]


def test_where_nobody_else_may_approve_it_is_refused() -> None:
    """F-SEC-28."""
    view = site(approvers={"shop": frozenset({"eve"}), "pay": frozenset(), "": frozenset()})
    found = refused(considered(view, *by_one("eve")))
    assert found.reason is Reason.TOO_FEW_PEOPLE
    assert "0 others may approve it" in found.reason_text


def test_where_the_builder_has_nobody_else_the_platform_decides() -> None:
    view = site(approvers={"shop": frozenset({"eve", "pat"}), "": frozenset({"pat"})})
    found = proposed(view, *by_one("eve"))
    assert found.decider == "platform"
    assert "nobody of team-shop may approve" in found.decider_why


def test_what_crosses_products_is_for_the_platform() -> None:
    found = proposed(
        site(),
        resolution(1, entity="shop-web", waited=10.0),
        resolution(2, entity="pay-api", product="pay", waited=30.0, by="carl"),
        resolution(3, waited=60.0),
    )
    assert (found.product, found.products) == (None, ("pay", "shop"))
    assert (found.decider, found.decider_why) == ("platform", "it is about 2 products")
    assert found.document["metadata"]["owner"] == "platform"
    assert "product" not in found.document["match"]


def test_a_regulated_product_needs_two() -> None:
    found = proposed(site(registry=regulated()), *three())
    assert found.needed == 2
    assert "shop is regulated" in found.not_clean


def regulated() -> Registry:
    shop = msgspec.structs.replace(REGISTRY.products["shop"], regulated=True)
    return msgspec.structs.replace(REGISTRY, products={**REGISTRY.products, "shop": shop})


# at once


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"mark": Mark.TOLD}, "was told, not seen"),
        ({"waited": 10.0}, "lasted about equally long"),
        ({"cured": 200.0}, "ended by themselves with a chance of"),
    ],
)
def test_what_speaks_against_running_alone_at_once(told: dict[str, Any], sentence: str) -> None:
    found = [
        resolution(n, **{"by": who, "waited": 10.0 * n * n, **told})
        for n, who in ((1, "bob"), (2, "carl"), (3, "bob"))
    ]
    assert sentence in "; ".join(proposed(site(), *found).not_clean)


# the trial


def tried(view: View, promotion: Promotion, **told: Any) -> Decision:
    state_with(view, promotion)
    event = PromotionTried(at=LATER, subject=promotion.name, **{"backtest": GOOD, **told})
    return take_trial(event, view)


def test_what_passed_is_shown_to_those_who_decide() -> None:
    view = site()
    decision = tried(view, proposed(view, *three()))
    found = proposal_in(decision)
    assert (found.state, found.is_clean, found.not_clean) == (PromotionState.PROPOSED, False, ())
    assert found.backtest == GOOD
    (told,) = decision.emits
    assert isinstance(told, Announced)
    assert (told.team, told.subject) == ("team-shop", "inc-3")
    assert decision.journal[0].reason is Reason.PROMOTION_PROPOSED


def test_three_are_clean_only_where_the_policy_says_that_three_are_enough() -> None:
    for enough, is_clean in ((8, False), (3, True)):
        view = site(policy=Policy(learning=Learning(at_once=enough)))
        assert proposal_in(tried(view, proposed(view, *three()))).is_clean is is_clean


def test_harm_in_the_past_keeps_it_from_being_clean() -> None:
    view = site()
    harm = Harm(incident="inc-9", at=1.0, would="restart", people="nothing")
    bad = msgspec.structs.replace(GOOD, harm=(harm,), harm_count=7)
    found = proposal_in(tried(view, proposed(view, *three()), backtest=bad))
    assert (found.state, found.is_clean) == (PromotionState.PROPOSED, False)
    assert "in 7 incidents" in found.not_clean[0]


@pytest.mark.parametrize("backtest", [None, msgspec.structs.replace(GOOD, matched=0)])
def test_a_past_that_says_nothing_keeps_it_from_being_clean(backtest: Backtested | None) -> None:
    view = site()
    assert not proposal_in(tried(view, proposed(view, *three()), backtest=backtest)).is_clean


def test_what_is_faulty_is_refused() -> None:
    view = site()
    decision = tried(view, proposed(view, *three()), faults=("HS210: it ties with x\x00 ${y}",))
    found = proposal_in(decision)
    assert (found.state, found.reason) == (PromotionState.REFUSED, Reason.PROMOTION_FAULTY)
    assert found.reason_text == "HS210: it ties with x\ufffd $ {y}"
    assert decision.emits == ()


def test_a_trial_of_what_is_not_tried_changes_nothing() -> None:
    view = site()
    assert take_trial(PromotionTried(at=LATER, subject="x"), view) == Decision()
    assert tried(view, shown(proposed(view, *three()))) == Decision()


# delivery


def delivered(view: View, error: str = "", **told: Any) -> Decision:
    (name,) = view.promotions
    where = Delivered(path="learned.yaml", at=LATER, error=error, **told)
    return take_delivery(PromotionDelivered(at=LATER, subject=name, delivered=where), view)


def test_where_it_was_written_is_on_record_and_the_same_failure_once() -> None:
    view = site()
    approved = shown(proposed(view, *three()), state=PromotionState.APPROVED)
    state_with(view, approved)
    decision = delivered(view, error="no room\x00")
    assert decision.journal[0].reason is Reason.PROMOTION_NOT_DELIVERED
    state_with(view, proposal_in(decision))
    again = delivered(view, error="no room\x00")
    assert (len(again.journal), len(again.records)) == (0, 1)
    done = delivered(view, branch="learned/x", commit="0123456789abcdef")
    assert done.journal[0].text == "learned/x 0123456789ab"
    state_with(view, shown(approved))
    assert delivered(view) == Decision()


def test_the_policy_says_how_many_are_enough() -> None:
    view = site(policy=Policy(resolutions_needed=2))
    assert len(proposed(view, *three()[:2]).incidents) == 2


def test_what_many_incidents_refuse_is_not_looked_at_again_for_each_of_them() -> None:
    """10,000 like resolutions in a day."""
    view = site()
    state = remember(
        view, *[nothing_done(n) for n in range(20)], *[resolution(n) for n in (50, 51)]
    )
    looked = 0
    for n in range(60, 100):
        keep(state, resolution(n))
        decision = consider(resolution(n), view, at=LATER)
        looked += bool(decision.records)
        assert bool(decision.journal) is (n == 60)
        for record in decision.records:
            state.single["promotion"][record.key] = record.body
    assert 3 < looked < 12
    assert consider(resolution(99), view, at=LATER + 86_400.0).records


def test_an_answer_that_does_not_pass_is_asked_anew_and_ends_nothing() -> None:
    view = site()
    made = proposed(view, *three())
    ask = Ask(step="step-1", param="grace", seen=(1, 2, 3), answer="abc", answered_by="ann")
    made = msgspec.structs.replace(made, asks=(ask,))
    decision = tried(view, made, faults=("learned.yaml:9:9: HS202 no number",))
    found = proposal_in(decision)
    assert (found.state, found.lifecycle) == (PromotionState.PROPOSED, "draft")
    assert found.unanswered
    assert "HS202" in found.reason_text
