"""What the loop writes passes `homeostat check` and `homeostat test`, and proves its own guards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agent.catalog.draft import draft
from agent.catalog.runbooks import load_text
from agent.core.proposed_asks import take_answer
from agent.core.proposing import consider
from agent.core.tried_out import take_trial
from agent.core.view import View
from agent.model.event import PromotionAnswered, PromotionTried
from agent.model.learning import Promotion, PromotionState, Resolution
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Expression, Lifecycle, Runbook
from tests.support.proposed import (
    LATER,
    considered,
    faults_in,
    proposal_in,
    proposed,
    shown,
    site,
    state_with,
    step_of,
    without_a_guard,
)
from tests.support.resolutions import nothing_done, remember, resolution, three
from tests.support.runbook_plugins import PLUGINS

RESTART: tuple[str, dict[str, Any]] = ("process.restart", {})
SET: tuple[str, dict[str, Any]] = ("version.set", {"to": "v1"})
BEFORE = {"alive": True, "previous": {"version": "v1", "healthy": True}}


def plain() -> Promotion:
    return proposed(site(), *three())


def with_a_constant() -> Promotion:
    told = {"grace_seconds": 7, "names": ["a", "shop-worker"]}
    return proposed(site(), *three(did=(("process.restart", told),)))


def separated() -> Promotion:
    others = [nothing_done(n + 4, status={"alive": True}) for n in range(7)]
    return proposed(site(), *three(status={"alive": False}), *others, of=2)


def separated_by_a_number() -> Promotion:
    others = [nothing_done(n + 0.5, status={"alive": True, "restarts": n}) for n in range(3)]
    likes = three(status={"alive": True, "restarts": 90})
    return proposed(site(), *others, *likes)


def several_steps_with_a_way_back() -> Promotion:
    return proposed(site(), *three(did=(RESTART, SET, RESTART), status=BEFORE))


def several_products() -> Promotion:
    return proposed(
        site(),
        resolution(1, entity="shop-web", product="shop"),
        resolution(2, entity="pay-api", product="pay"),
        resolution(3, entity="shop-worker", product="shop"),
    )


def an_agent_of_no_product() -> Promotion:
    return proposed(site(), *three(entity="scout", product=None, kind="agent", layer="machinery"))


def that_destroys() -> Promotion:
    return proposed(site(), *three(did=(("volume.delete", {}),), status={"alive": False}))


def a_strict_policy() -> Promotion:
    return proposed(site(policy=Policy(cooldown_seconds=14_400.0, attempts_per_day=2)), *three())


def a_lax_policy() -> Promotion:
    return proposed(site(policy=Policy(cooldown_seconds=1.0)), *three())


def answered() -> Promotion:
    typed = [
        resolution(n, did=(("version.set", {"to": to}),), waited=10.0 * n)
        for n, to in ((1, "v1"), (2, "v2"), (3, "v3"))
    ]
    view = site()
    found = proposed(view, *typed)
    return answer(view, found, "step-1.to", "stable")


def answer(view: View, promotion: Promotion, param: str, value: Any) -> Promotion:
    state_with(view, promotion)
    event = PromotionAnswered(
        at=LATER, subject=promotion.name, who="bob", param=param, answer=value
    )
    return proposal_in(take_answer(event, view))


def two_remedies(
    one: dict[str, Any], other: dict[str, Any], *more: Resolution, view: View | None = None
) -> Promotion:
    """The first was proposed already when the third of the second comes."""
    view = view or site()
    first = three(status=one)
    second = [
        resolution(n + 0.5, did=(SET,), status=other, waited=10.0 * n, by=who)
        for n, who in ((1, "dora"), (2, "bob"), (3, "dora"))
    ]
    known = shown(proposed(view, *first))
    state = remember(view, *first, *second, *more)
    state.single["promotion"][known.name] = known
    return proposal_in(consider(second[-1], view, at=LATER))


def opposite_remedies() -> Promotion:
    return two_remedies({"alive": False}, {"alive": True})


def remedies_by_number() -> Promotion:
    return two_remedies({"alive": True, "restarts": 90}, {"alive": True, "restarts": 2})


def remedies_by_word() -> Promotion:
    def status(version: str) -> dict[str, Any]:
        return {"alive": True, "previous": {"version": version, "healthy": True}}

    return two_remedies(status("full"), status("slow"))


def remedies_and_a_third_cause() -> Promotion:
    def status(version: str) -> dict[str, Any]:
        return {"alive": True, "previous": {"version": version, "healthy": True}}

    rest = nothing_done(9, status=status("idle"))
    return two_remedies(status("full"), status("slow"), rest)


SHAPES: list[Callable[[], Promotion]] = [
    plain, with_a_constant, separated, separated_by_a_number, several_steps_with_a_way_back,
    several_products, an_agent_of_no_product, that_destroys, a_strict_policy, a_lax_policy,
    answered, opposite_remedies, remedies_by_number, remedies_by_word, remedies_and_a_third_cause,
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_it_passes_unchanged_and_no_guard_can_be_deleted(shape: Callable[[], Promotion]) -> None:
    document = shape().document
    assert faults_in(document) == []
    guards = dict(without_a_guard(document))
    assert {*document["guard"], "budget"} <= set(guards)
    for name, changed in guards.items():
        assert faults_in(changed), f"{name} can be deleted"


@pytest.mark.parametrize("shape", [plain, separated, several_steps_with_a_way_back, answered])
def test_it_may_be_made_active_as_it_is(shape: Callable[[], Promotion]) -> None:
    assert faults_in(shape().document, Lifecycle.ACTIVE) == []


@pytest.mark.parametrize("shape", [separated, opposite_remedies, remedies_and_a_third_cause])
def test_no_row_can_be_deleted(shape: Callable[[], Promotion]) -> None:
    document = shape().document
    for number in range(len(document["decide"])):
        rows = [row for n, row in enumerate(document["decide"]) if n != number]
        assert faults_in({**document, "decide": rows}), number


def loaded(promotion: Promotion) -> Runbook:
    return load_text(draft(promotion.document), path="learned.yaml", plugins=PLUGINS)


def test_it_is_in_shadow_and_says_where_it_comes_from() -> None:
    found = loaded(plain())
    assert (found.lifecycle, found.owner, found.tier) == (Lifecycle.SHADOW, "team-shop", "low")
    assert found.promoted_from == ("inc-1", "inc-2", "inc-3")
    assert found.review_by == "2025-12-24"
    assert (found.match.alert, found.match.product) == (("Hung",), "shop")
    assert len(found.plans) == 1


def test_its_guards_are_no_looser_than_the_policy() -> None:
    for shape, policy in ((plain, 900.0), (a_strict_policy, 14_400.0)):
        cooldown = loaded(shape()).guard.cooldown
        assert cooldown is not None
        assert (cooldown.every_seconds or 0.0) > policy
    assert loaded(a_lax_policy()).guard.cooldown is None, "the site's own holds"


def test_only_what_is_read_is_asked() -> None:
    assert loaded(plain()).diagnose == ()
    found = loaded(several_steps_with_a_way_back())
    assert [call.id for call in found.diagnose] == ["process_status"]
    value = found.plans[0].steps[1].params["to"]
    assert isinstance(value, Expression)
    assert value.text == "process_status.previous.version"
    assert found.plans[0].rollback_snapshot


def test_its_proof_waits_twice_as_long_as_it_took_within_the_policy() -> None:
    for minutes, wanted in ((1.0, 300.0), (4.0, 480.0), (60.0, 600.0)):
        found = loaded(proposed(site(), *three(cured=minutes)))
        assert found.plans[0].verify.within_seconds == wanted


# a second remedy for the same alerts


def test_a_second_remedy_becomes_a_branch_of_one_that_replaces_the_first() -> None:
    found = opposite_remedies()
    assert list(found.document["plans"]) == ["as-resolved", "as-resolved-2"]
    assert found.separated_by == "!process_status.alive; process_status.alive"
    assert found.replaces.startswith("learned-hung-")
    assert set(found.resolvers) == {"bob", "carl", "dora"}
    assert len(found.incidents) == 6


def test_what_nobody_has_seen_is_left_to_people() -> None:
    found = loaded(remedies_by_word())
    assert (found.decide[-1].when, found.decide[-1].plan) == (None, None)
    assert [row.plan for row in found.decide] == ["as-resolved", "as-resolved-2", None]


def test_a_second_remedy_that_nothing_tells_apart_is_refused() -> None:
    found = two_remedies({"alive": True}, {"alive": True})
    assert (found.state, found.reason) == (PromotionState.REFUSED, Reason.RESOLUTIONS_CONTRADICT)


def test_one_that_nobody_approved_yet_makes_room() -> None:
    view = site()
    found = two_remedies({"alive": False}, {"alive": True}, view=view)
    before = view.promotions[found.replaces]
    state_with(view, before, found)
    decision = take_trial(PromotionTried(at=LATER, subject=found.name), view)
    after = {r.key: r.body for r in decision.records if isinstance(r.body, Promotion)}
    assert after[found.name].state is PromotionState.PROPOSED
    assert after[before.name].state is PromotionState.REFUSED
    assert after[before.name].lifecycle == "retired"


def test_answers_given_for_the_first_are_not_asked_for_again() -> None:
    view = site()

    def did(to: str) -> Any:
        return (("version.set", {"to": to}),)

    first = [resolution(n, did=did(f"v{n}"), status={"alive": False}) for n in (1, 2, 3)]
    second = [resolution(n + 3, status={"alive": True}) for n in (1, 2, 3)]
    known = shown(answer(view, proposed(view, *first), "step-1.to", "stable"))
    state = remember(view, *first, *second)
    state.single["promotion"][known.name] = known
    found = proposal_in(consider(second[-1], view, at=LATER))
    assert found.unanswered == ()
    assert step_of(found)["to"] == "stable"
    assert found.lifecycle == "shadow"


# what has to be asked


def asking() -> tuple[View, Promotion]:
    view = site()
    typed = [
        resolution(n, did=(("version.set", {"to": to}),)) for n, to in enumerate(("a", "b", "=x"))
    ]
    return view, proposed(view, *typed)


def test_what_nothing_explains_is_asked_for_and_keeps_it_a_draft() -> None:
    _, found = asking()
    (ask,) = found.asks
    assert (ask.step, ask.param, ask.seen) == ("step-1", "to", ("a", "b", "=x"))
    assert (found.lifecycle, step_of(found)["to"]) == ("draft", "")


def test_people_see_what_is_asked_even_where_it_does_not_pass_yet() -> None:
    view, found = asking()
    state_with(view, found)
    event = PromotionTried(at=LATER, subject=found.name, faults=("a parameter is empty",))
    after = proposal_in(take_trial(event, view))
    assert (after.state, after.reason) == (
        PromotionState.PROPOSED,
        Reason.PARAMETER_WITHOUT_ORIGIN,
    )
    assert (after.is_clean, after.faults) == (False, ("a parameter is empty",))


def test_an_answer_is_tried_once_more() -> None:
    view, found = asking()
    after = answer(view, shown(found), "step-1.to", "stable")
    assert (after.state, after.lifecycle, after.unanswered) == (
        PromotionState.TRYING,
        "shadow",
        (),
    )
    assert after.asks[0].answered_by == "bob"
    again = answer(view, shown(after, approvals=("olga",), wanted="active"), "step-1.to", "v2")
    assert (step_of(again)["to"], again.approvals, again.wanted) == ("v2", (), "")


@pytest.mark.parametrize(
    "value",
    ["=entity.name", " =x", "${x}", "", "x" * 501, "a\x00", None, ["a"], {"a": 1}, float("nan")],
)
def test_an_answer_is_plain_data(value: Any) -> None:
    """F-SEC-28: nobody answers with code."""
    view, found = asking()
    state_with(view, found)
    event = PromotionAnswered(
        at=LATER, subject=found.name, who="bob", param="step-1.to", answer=value
    )
    decision = take_answer(event, view)
    assert (decision.refused, decision.records) == (Reason.MOVE_REFUSED, ())


def test_only_what_is_asked_can_be_answered() -> None:
    view, found = asking()
    wrong = {"subject": found.name, "param": "step-1.from", "who": "bob"}
    for changed, text in (
        ({}, "it asks for step-1.to"),
        ({"subject": "x"}, "there is no proposal x"),
        ({"who": "agent"}, "a person has to answer"),
    ):
        state_with(view, found)
        event = PromotionAnswered(at=LATER, answer=1, **{**wrong, **changed})
        assert text in take_answer(event, view).refused_text
    state_with(view, shown(found, state=PromotionState.APPROVED))
    event = PromotionAnswered(at=LATER, answer=1, **wrong)
    assert "asks nothing any more" in take_answer(event, view).refused_text


def test_labels_that_nothing_reads_do_not_get_into_it() -> None:
    found = proposed(site(), *three(labels={"evil": "${x}", "note": "=1", "service": "other"}))
    assert "evil" not in draft(found.document)
    assert set(found.document["tests"][0]["given"]["alert"]["labels"]) == {
        "alertname", "entity", "severity",
    }  # fmt: skip


def test_what_people_said_is_only_text() -> None:
    found = proposed(site(), *three(cause="it leaks ${entity.name}\x00\n- a: [b]"))
    about = found.document["about"]
    assert about["impact"] == "As people said: it leaks $ {entity.name}\ufffd - a: [b]"
    assert faults_in(found.document) == []
    assert considered(site(), *three()).journal[0].text == "from inc-1, inc-2, inc-3"


def test_a_name_cannot_take_the_place_of_another() -> None:
    names = {
        proposed(site(), *three(alertname=name)).name for name in ("Hung", "hung", "Hung!", "HUNG")
    }
    assert len(names) == 4
    long = proposed(site(), *three(alertname="Ä-" * 100)).name
    assert len(long) <= 63
    assert msgspec.structs.replace(plain(), name=long).name == long
