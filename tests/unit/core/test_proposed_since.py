"""What a proposal stands on is looked at again when somebody approves it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.catalog.draft import draft
from agent.catalog.runbooks import load_text
from agent.core.matching import MatchIndex
from agent.core.promotion import decide_promotion, fingerprint_of
from agent.core.proposed_asks import take_answer
from agent.core.proposing import consider
from agent.core.tried_out import take_trial
from agent.core.view import View
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.event import PromotionAnswered, PromotionDecided, PromotionTried
from agent.model.learning import Backtested, Credit, Promotion, Resolution
from agent.model.policy import Learning, Policy
from agent.model.product import Entity, EntityKind
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Match, Runbook
from agent.runtime.view_state import ViewState
from tests.support.cases import REGISTRY, STATUS, World, alert, fact, runbook
from tests.support.proposed import LATER, proposal_in, proposed, site
from tests.support.resolutions import keep, nothing_done, resolution, three
from tests.support.runbook_plugins import PLUGINS

GOOD = Backtested(at=LATER, incidents=3, matched=3, would_act=3, agreed=3, agreement={"yes": 3})
AT_ONCE = Policy(learning=Learning(at_once=3))


def on_record(*resolutions: Resolution, **fields: Any) -> tuple[ViewState, Promotion]:
    """A proposal of these, tried out and shown."""
    view = site(**{"policy": AT_ONCE, **fields})
    written = proposed(view, *resolutions)
    state = ViewState(view)
    keep(state, *resolutions)
    return state, shown(state, written)


def shown(state: ViewState, promotion: Promotion) -> Promotion:
    put(state, promotion)
    tried = PromotionTried(
        at=LATER, subject=promotion.name, backtest=GOOD, document=promotion.document
    )
    found = proposal_in(take_trial(tried, state.view))
    put(state, found)
    return found


def put(state: ViewState, *promotions: Promotion) -> None:
    for each in promotions:
        state.single["promotion"][each.name] = each


def decide(view: View, promotion: Promotion, to: str = "active") -> Decision:
    event = PromotionDecided(at=LATER, subject=promotion.name, who="olga", state=to)
    return decide_promotion(event, view)


def loaded(promotion: Promotion, to: str = "active") -> Runbook:
    lifecycle = {**promotion.document["lifecycle"], "state": to}
    text = draft({**promotion.document, "lifecycle": lifecycle})
    return load_text(text, path=f"{promotion.name}.yaml", plugins=PLUGINS)


# its incidents


@pytest.mark.parametrize(
    "late",
    [
        resolution(4, by="dan", credit=Credit.HARMED),
        nothing_done(4, lasted=45),
        resolution(4, did=(("version.set", {"to": "7"}),), by="dan"),
    ],
    ids=["the same did harm", "it went away by itself", "something else helped"],
)
def test_what_ended_otherwise_since_keeps_it_from_running_at_once(late: Resolution) -> None:
    """F-RB-14."""
    state, clean = on_record(*three())
    assert decide(state.view, clean).refused is None
    keep(state, late)
    decision = decide(state.view, clean)
    assert decision.refused is Reason.TRIALS_MISSING
    assert "inc-4, which looks alike, ended otherwise since" in decision.refused_text
    assert decide(state.view, clean, "assisted").refused is None


@pytest.mark.parametrize("late", [resolution(4, by="dan"), nothing_done(4, lasted=0.5)])
def test_what_ended_as_it_would_have_it_speaks_not_against_it(late: Resolution) -> None:
    state, clean = on_record(*three())
    keep(state, late)
    assert decide(state.view, clean).refused is None


@pytest.mark.parametrize("to", ["active", "assisted"])
def test_what_people_took_back_since_is_no_ground_to_approve_on(to: str) -> None:
    """F-RB-14."""
    state, clean = on_record(*three())
    told = msgspec.structs.replace(
        three()[1], deeds=(), recipe="", credit=Credit.NOTHING_DONE, cleared_at=None
    )
    keep(state, told)
    decision = decide(state.view, clean, to)
    assert decision.refused is Reason.TRIALS_MISSING
    assert decision.refused_text == "inc-2 was told otherwise since: too few speak for it"


def test_what_a_person_had_to_say_is_tried_behind_approval_first() -> None:
    """What has no origin was never seen to help."""
    each = ((1, "bob", 10.0, "a"), (2, "carl", 25.0, "b"), (3, "bob", 50.0, "c"))
    versions = [
        resolution(n, by=who, waited=waited, did=(("version.set", {"to": to}),))
        for n, who, waited, to in each
    ]
    state, asking = on_record(*versions)
    answer = PromotionAnswered(
        at=LATER, subject=asking.name, who="bob", param="step-1.to", answer="d"
    )
    answered = shown(state, proposal_in(take_answer(answer, state.view)))
    assert "what step-1.to has to be was said and never tried" in answered.not_clean
    assert decide(state.view, answered).refused is Reason.TRIALS_MISSING
    assert decide(state.view, answered, "assisted").refused is None


def test_nobody_approves_a_text_that_is_not_the_one_they_looked_at() -> None:
    each = ((1, "bob", 10.0, "a"), (2, "carl", 25.0, "b"), (3, "bob", 50.0, "c"))
    state, asking = on_record(
        *(
            resolution(n, by=who, waited=waited, did=(("version.set", {"to": to}),))
            for n, who, waited, to in each
        )
    )

    def answered(value: str) -> Promotion:
        said = PromotionAnswered(
            at=LATER, subject=asking.name, who="bob", param="step-1.to", answer=value
        )
        return shown(state, proposal_in(take_answer(said, state.view)))

    seen = answered("good")
    answered("worse")
    approve = PromotionDecided(
        at=LATER, subject=seen.name, who="olga", state="assisted", shown=fingerprint_of(seen)
    )
    decision = decide_promotion(approve, state.view)
    assert (decision.refused, decision.records) == (Reason.MOVE_REFUSED, ())
    answered("good")
    assert decide_promotion(approve, state.view).refused is None


def test_one_name_written_in_two_ways_is_one_person() -> None:
    """F-SEC-24."""
    one, other, last = three()
    view = site(policy=AT_ONCE)
    again = msgspec.structs.replace(
        other, who=" BOB", by=(" BOB",), deeds=(msgspec.structs.replace(other.deeds[0], by="Bob"),)
    )
    assert any("alone resolved" in why for why in proposed(view, one, again, last).not_clean)


# the runbooks beside it


def test_it_acts_on_no_other_kind_of_thing_than_it_was_learned_on() -> None:
    """F-RB-14. The alert of a service says nothing of a database of the same name of alert."""
    _, clean = on_record(*three())
    other = Entity(name="shop-db", kind=EntityKind.RESOURCE, product="shop", owner="team-shop")
    registry = msgspec.structs.replace(REGISTRY, entities={**REGISTRY.entities, other.name: other})
    for entity, acts in (("shop-worker", 1), ("shop-db", 0)):
        world = World(loaded(clean), registry=registry)
        world.fire(alert("Hung", entity))
        world.wait(300)
        assert len(world.asked(CommandKind.ACT)) == acts


def test_two_learned_for_the_same_alerts_do_not_hinder_each_other() -> None:
    """One was approved while the other looked on."""
    state, first = on_record(*three())
    more = [
        msgspec.structs.replace(
            r, incident_id=f"more-{r.incident_id}", signature=f"{r.signature}|Slow"
        )
        for r in three()
    ]
    keep(state, *more)
    second = shown(state, proposal_in(consider(more[-1], state.view, at=LATER)))
    state.view.runbooks = MatchIndex((loaded(first, "shadow"), loaded(second, "shadow")))
    assert decide(state.view, second, "assisted").refused is None
    state.view.runbooks = MatchIndex((loaded(first), loaded(second, "shadow")))
    decision = decide(state.view, second, "assisted")
    assert decision.refused is Reason.MOVE_REFUSED
    assert f"the same alerts as {first.name}, and neither says more" in decision.refused_text


@pytest.mark.parametrize(
    ("match", "refused"),
    [
        (Match(alert=("Hung",)), None),
        (Match(alert=("Hu*",), product="shop"), None),
        (Match(alert=("Hung",), product="shop"), Reason.MOVE_REFUSED),
        (Match(alert=("Hung",), when=fact("entity.owner", "x")), Reason.MOVE_REFUSED),
        (Match(alert=("Hung",), product="shop", when=fact("a.b")), Reason.MOVE_REFUSED),
    ],
)
def test_the_approver_is_told_whose_incidents_it_takes(
    match: Match, refused: Reason | None
) -> None:
    theirs = runbook("by-hand", match=match)
    state, found = on_record(*three(), runbooks=MatchIndex((theirs,)))
    text = "it is chosen instead of by-hand, in force for these alerts"
    assert (text in found.not_clean) is (refused is None)
    assert decide(state.view, found, "assisted").refused is refused
    assert decide(state.view, found).refused is (refused or Reason.TRIALS_MISSING)


@pytest.mark.parametrize(
    "theirs",
    [
        runbook("by-hand", match=Match(alert=("Slow",), product="shop")),
        runbook("by-hand", match=Match(alert=("Hung",), product="pay")),
        runbook("by-hand", match=Match(alert=("Hung",)), lifecycle=Lifecycle.SHADOW),
        runbook("by-hand", match=Match(alert=("Hung",), labels=dict.fromkeys("abc", ("x",)))),
    ],
    ids=["another alert", "another product", "not in force", "more specific"],
)
def test_what_it_is_not_chosen_instead_of_says_nothing(theirs: Runbook) -> None:
    state, found = on_record(*three(), runbooks=MatchIndex((theirs,)))
    assert found.not_clean == ()
    assert decide(state.view, found).refused is None


def test_what_is_rejected_after_all_acts_no_more_also_where_it_is_in_hand() -> None:
    """F-RB-14."""
    state, found = on_record(*three())
    approved = proposal_in(decide(state.view, found))
    ours = msgspec.structs.replace(loaded(approved), diagnose=(STATUS,))
    for is_rejected in (False, True):
        world = World(ours)
        put(world.state, approved)
        case = world.fire(alert("Hung"))
        if is_rejected:
            world.tell(
                PromotionDecided(at=world.now, subject=ours.name, who="olga", state="rejected")
            )
            world.view.runbooks = MatchIndex((), pinned=(ours,))
        world.find(alive=False)
        world.wait(300)
        assert bool(world.asked(CommandKind.ACT)) is not is_rejected
        reason = Reason.RUNBOOK_SUSPENDED if is_rejected else None
        assert world.incident(case.id).reason is reason
