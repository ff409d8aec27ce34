"""What people say to a proposal."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.catalog.draft import draft
from agent.catalog.runbooks import load_text
from agent.core.matching import MatchIndex
from agent.core.promotion import decide_promotion
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.effect import Verdict
from agent.model.event import PromotionDecided
from agent.model.learning import Agreement, Ask, Promotion, PromotionState, Standing, Trial
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.support.proposed import LATER, proposal_in, proposed, shown, site, state_with
from tests.support.resolutions import three
from tests.support.runbook_plugins import PLUGINS
from tests.unit.core.test_proposed_document import opposite_remedies
from tests.unit.core.test_proposing import regulated


def known(view: View | None = None, **fields: Any) -> tuple[View, Promotion]:
    """A clean proposal by bob and carl, on record."""
    view = view or site()
    found = shown(proposed(view, *three()), **fields)
    state_with(view, found)
    return view, found


def decide(
    view: View, state: str = "assisted", who: str = "olga", *, why: str = "", platform: bool = False
) -> Decision:
    name = next(iter(view.promotions))
    event = PromotionDecided(
        at=LATER, subject=name, who=who, state=state, why=why, is_platform=platform
    )
    return decide_promotion(event, view)


def again(view: View, decision: Decision) -> Promotion:
    """What was decided is on record."""
    found = proposal_in(decision)
    state_with(view, found)
    return found


# by whom


@pytest.mark.parametrize("who", ["bob", "carl", "local", "agent", "", "Bob", " CARL ", "Local"])
@pytest.mark.parametrize("state", ["active", "assisted", "rejected"])
def test_who_resolved_may_not_decide_nor_may_machines(who: str, state: str) -> None:
    """F-RB-14, F-SEC-24."""
    view, _ = known()
    decision = decide(view, state, who)
    assert (decision.refused, decision.records) == (Reason.NOT_ALLOWED, ())
    assert decision.refused_text


def test_the_refusal_says_why_in_words() -> None:
    """F-RB-14."""
    view, _ = known()
    text = "bob resolved one of inc-1, inc-2, inc-3; somebody else decides"
    assert decide(view, "assisted", "bob").refused_text == text


def test_what_crosses_products_only_the_platform_decides() -> None:
    """F-SEC-24."""
    view, _ = known(decider="platform", decider_why="it is about 2 products")
    refused = decide(view)
    assert refused.refused is Reason.NOT_ALLOWED
    assert refused.refused_text == "the platform decides, because it is about 2 products"
    assert decide(view, platform=True).refused is None


# what


@pytest.mark.parametrize("state", ["assisted", "active"])
def test_somebody_else_approves_and_the_record_says_on_whose_word(state: str) -> None:
    view, before = known()
    decision = decide(view, state, why="seen it\x00 twice")
    found = proposal_in(decision)
    assert (found.state, found.lifecycle) == (PromotionState.APPROVED, state)
    assert (found.decided_by, found.approvals) == ("olga", ("olga",))
    assert found.document["lifecycle"] == {
        "state": state,
        "review_by": "2025-12-24",
        "promoted_from": ["inc-1", "inc-2", "inc-3"],
    }
    assert {k: v for k, v in found.document.items() if k != "lifecycle"} == {
        k: v for k, v in before.document.items() if k != "lifecycle"
    }
    (entry,) = decision.journal
    assert entry.text == f"{state}, on the word of olga: seen it\ufffd twice"
    assert (entry.who, entry.reason) == ("olga", Reason.PROMOTION_APPROVED)
    assert entry.data["likes"] == 3
    assert entry.data["approvals"] == ["olga"]


@pytest.mark.parametrize("state", ["draft", "shadow", "", "Active", "retired"])
def test_no_other_state_can_be_decided(state: str) -> None:
    view, _ = known()
    assert decide(view, state).refused is Reason.MOVE_REFUSED


@pytest.mark.parametrize(
    "fields",
    [
        {"state": PromotionState.TRYING},
        {"state": PromotionState.REFUSED, "reason_text": "it ties"},
        {"state": PromotionState.REJECTED, "lifecycle": "retired"},
        {"state": PromotionState.APPROVED, "lifecycle": "retired"},
    ],
)
def test_what_is_not_shown_cannot_be_decided(fields: dict[str, Any]) -> None:
    view, _ = known(**fields)
    for state in ("assisted", "active", "rejected"):
        assert decide(view, state).refused is Reason.MOVE_REFUSED


def test_an_unknown_proposal() -> None:
    event = PromotionDecided(at=0.0, subject="x", who="olga", state="active")
    assert decide_promotion(event, site()).refused is Reason.MOVE_REFUSED


def test_rejected_is_the_end() -> None:
    view, _ = known()
    decision = decide(view, "rejected", why="no")
    assert decision.journal[0].reason is Reason.PROMOTION_REJECTED
    found = again(view, decision)
    assert (found.state, found.lifecycle) == (PromotionState.REJECTED, "retired")
    assert decide(view, "active").refused is Reason.MOVE_REFUSED


def test_what_was_approved_can_still_be_taken_back() -> None:
    view, _ = known()
    again(view, decide(view, "active"))
    assert decide(view, "assisted").refused is Reason.MOVE_REFUSED
    assert proposal_in(decide(view, "rejected")).lifecycle == "retired"


def test_an_open_question_keeps_it_from_running() -> None:
    view, _ = known(asks=(Ask(step="step-1", param="to", seen=("a", "b")),))
    refused = decide(view)
    assert refused.refused is Reason.PARAMETER_WITHOUT_ORIGIN
    assert "step-1.to" in refused.refused_text
    assert decide(view, "rejected").refused is None


# at once, or once it has proven itself


def test_what_is_not_clean_is_assisted_first() -> None:
    view, _ = known(is_clean=False, not_clean=("it would have acted in 7 incidents",))
    refused = decide(view, "active")
    assert refused.refused is Reason.TRIALS_MISSING
    assert "it would have acted in 7 incidents" in refused.refused_text
    assert decide(view, "assisted").refused is None


def test_what_can_break_much_never_runs_alone() -> None:
    view = site()
    found = shown(
        proposed(view, *three(did=(("volume.delete", {}),), status={"alive": False})),
        decider="team-shop",
    )
    state_with(view, found)
    assert decide(view, "active").refused is Reason.TRIALS_MISSING
    assert decide(view, "assisted").refused is None


def trial(view: View, promotion: Promotion, number: int, **fields: Any) -> Trial:
    told: dict[str, Any] = {
        "incident": f"later-{number}",
        "at": LATER + number,
        "state": Lifecycle.ASSISTED,
        "digest": digest_of(view, promotion),
        "plan": "as-resolved",
        "verdict": Verdict.HELD,
        **fields,
    }
    return Trial(**told)


def digest_of(view: View, promotion: Promotion) -> str:
    """It is loaded."""
    text = draft(promotion.document)
    runbook = load_text(text, path="learned.yaml", plugins=PLUGINS)
    view.runbooks = MatchIndex((runbook,))
    return runbook.digest


def standing(view: View, promotion: Promotion, *trials: Trial, **fields: Any) -> None:
    view.standings = {promotion.name: Standing(runbook=promotion.name, trials=trials, **fields)}


def test_from_assisted_to_active_it_needs_twenty_of_twenty() -> None:
    view, _ = known(is_clean=False, not_clean=("told, not seen",))
    found = again(view, decide(view, "assisted"))
    standing(view, found, *[trial(view, found, n) for n in range(19)])
    refused = decide(view, "active")
    assert refused.refused is Reason.TRIALS_MISSING
    assert "19 of 19 trials are good" in refused.refused_text
    standing(view, found, *[trial(view, found, n) for n in range(20)])
    assert proposal_in(decide(view, "active")).lifecycle == "active"


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": Verdict.FAILED},
        {"verdict": Verdict.INCONCLUSIVE},
        {"relapsed": True},
        {"agreement": Agreement.OTHER_ACT, "verdict": None, "state": Lifecycle.SHADOW},
        {"agreement": Agreement.AGENT_ALONE, "verdict": None, "state": Lifecycle.SHADOW},
    ],
)
def test_having_been_clean_is_no_word_for_what_went_wrong_since(fields: dict[str, Any]) -> None:
    view, found = known()
    standing(view, found, trial(view, found, 1, **fields))
    refused = decide(view, "active")
    assert refused.refused is Reason.TRIALS_MISSING
    assert "later-1" in refused.refused_text


def test_what_is_suspended_is_not_made_active() -> None:
    view, found = known()
    standing(view, found, suspended_at=LATER, why="its runs fail")
    assert "it is suspended: its runs fail" in decide(view, "active").refused_text


# two people


def needing_two(**fields: Any) -> View:
    view, _ = known(site(registry=regulated()), **fields)
    return view


def test_where_it_is_regulated_two_people_approve() -> None:
    view = needing_two()
    decision = decide(view, "assisted")
    assert decision.journal[0].reason is Reason.SECOND_APPROVAL_NEEDED
    first = again(view, decision)
    assert (first.state, first.approvals, first.wanted) == (
        PromotionState.PROPOSED,
        ("olga",),
        "assisted",
    )
    same = decide(view, "assisted")
    assert same.refused is Reason.NOT_ALLOWED
    assert "a second person" in same.refused_text
    found = proposal_in(decide(view, "assisted", "piet"))
    assert (found.state, found.approvals) == (PromotionState.APPROVED, ("olga", "piet"))


@pytest.mark.parametrize(("one", "other"), [("assisted", "active"), ("active", "assisted")])
def test_it_may_do_what_both_agree_to(one: str, other: str) -> None:
    view = needing_two()
    again(view, decide(view, one))
    assert proposal_in(decide(view, other, "piet")).lifecycle == "assisted"


def test_one_person_is_enough_to_say_no() -> None:
    view = needing_two()
    again(view, decide(view))
    assert proposal_in(decide(view, "rejected")).state is PromotionState.REJECTED


def test_each_step_further_needs_two_again() -> None:
    view = needing_two()
    again(view, decide(view))
    again(view, decide(view, "assisted", "piet"))
    first = again(view, decide(view, "active"))
    assert (first.lifecycle, first.wanted) == ("assisted", "active")
    assert proposal_in(decide(view, "active", "piet")).lifecycle == "active"


def test_those_who_answered_its_questions_do_not_approve_it_alone() -> None:
    def asks(*people: str) -> tuple[Ask, ...]:
        return tuple(
            Ask(step="step-1", param=str(n), seen=(), answer=1, answered_by=who)
            for n, who in enumerate(people)
        )

    for answered, refused in ((("olga", "piet"), Reason.NOT_ALLOWED), (("olga",), None)):
        view = needing_two(asks=asks(*answered))
        again(view, decide(view))
        assert decide(view, "assisted", "piet").refused is refused
    view, _ = known(asks=asks("olga"))
    assert decide(view).refused is None


# what it takes the place of


def test_the_runbook_it_replaces_retires() -> None:
    view = site()
    found = shown(opposite_remedies())
    before = shown(proposed(view, *three()), state=PromotionState.APPROVED, lifecycle="assisted")
    other = msgspec.structs.replace(before, name="learned-other", signature="x")
    state_with(view, found, before, other)
    decision = decide(view)
    after = {r.key: r.body for r in decision.records if isinstance(r.body, Promotion)}
    assert set(after) == {found.name, before.name}
    assert (after[before.name].state, after[before.name].lifecycle) == (
        PromotionState.APPROVED,
        "retired",
    )
