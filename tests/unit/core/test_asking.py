"""Who is asked for what, who may say yes, and for how long a yes is good."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.approval import in_words
from agent.model.command import CommandKind
from agent.model.event import ActionRequested, Rejected, ResolvedByPerson
from agent.model.incident import Asked, AskedStep, State
from agent.model.learning import Promotion, PromotionState
from agent.model.product import InventoryObject, Registry
from agent.model.reason import Reason
from agent.model.runbook import EntityQuery, Lifecycle, Match, Runbook
from tests.support.careful import CAREFUL
from tests.support.cases import REGISTRY, Value, World, alert, plan, runbook, step
from tests.support.remembering import approve, easy_world


def registry(**product: Any) -> Registry:
    shop = msgspec.structs.replace(REGISTRY.products["shop"], **product)
    return msgspec.structs.replace(REGISTRY, products={**REGISTRY.products, "shop": shop})


def asking(*plans: Any, tier: str = "high", regulated: bool = False, **fields: Any) -> World:
    """A runbook of this tier in a product of medium tier: with `high` one person has to agree."""
    world = easy_world(runbook("hung", *plans, tier=tier, **fields))
    world.view.registry = registry(tier="medium", regulated=regulated)
    world.fire()
    assert world.case.state is State.AWAITING_APPROVAL
    return world


def acts(world: World) -> int:
    return len([c for c in world.commands if c.kind is CommandKind.ACT])


# what is asked


def test_an_active_runbook_of_major_risk_is_asked_for_and_then_runs() -> None:
    world = asking()
    assert (world.case.reason, world.case.risk) == (Reason.RISK_NEEDS_APPROVAL, "major")
    assert (world.paged, acts(world)) == (["team-shop"], 0)
    assert approve(world).refused is None
    assert world.case.state is State.ACTING


def test_people_are_shown_exactly_what_would_run() -> None:
    world = asking(plan("both", step(grace_seconds=9), step("process.flush", id="flush")))
    asked = world.case.asked
    assert asked is not None
    assert (asked.digest, asked.plan, asked.risk, asked.approvals) == (
        "digest-hung",
        "both",
        "major",
        1,
    )
    assert asked.good_seconds == world.view.policy.rails.approval_seconds == 900.0
    first, second = asked.steps
    assert (first.use, first.target) == ("process.restart", "shop-worker")
    assert first.params == {"target": "shop-worker", "grace_seconds": 9}
    assert (second.use, second.params) == ("process.flush", {"target": "shop-worker"})


def test_in_words_it_is_one_line_with_everything_in_it() -> None:
    steps = (
        AskedStep(id="a", use="scale", params={"target": "web", "replicas": 3}, target="web"),
        AskedStep(id="b", use="tell", params={"text": "two\nlines"}),
        AskedStep(id="c", use="wipe", unknown="path: =x is unknown"),
        AskedStep(id="d", use="long", params={"target": "web", "list": ["x" * 200]}, target="web"),
    )
    asked = Asked(digest="d", plan="fix", at=0.0, risk="critical", steps=steps, approvals=2)
    assert in_words(asked) == (
        "plan fix, risk critical, 2 people, good for 15 min: scale on web with replicas 3; "
        "tell on None with text two lines; wipe (path: =x is unknown; not approved by this); "
        f'long on web with list ["{"x" * 75}...'
    )


def sized(world: World, replicas: int) -> None:
    thing = InventoryObject(
        name="web",
        kind="deployment",
        entity="shop-worker",
        keys={"pod": ("web-1",)},
        facts={"replicas": replicas},
    )
    world.view.inventory = {thing.name: thing}


def test_what_came_out_differently_since_it_was_shown_is_shown_again() -> None:
    """F-GRD-12: who read `3` does not approve `30`."""
    query = EntityQuery(kind="deployment", of={"pod": Value("alert.labels.pod")})
    scale = plan("scale", step(id="scale", replicas=Value("entity.replicas")))
    world = easy_world(
        runbook("hung", scale, tier="high", match=Match(alert=("Hung",), entity=query))
    )
    world.view.registry = registry(tier="medium")
    sized(world, 3)
    world.fire(labels={"pod": "web-1"})
    sized(world, 30)
    approve(world)
    assert (world.case.state, world.case.approved_by) == (State.AWAITING_APPROVAL, None)
    assert acts(world) == 0
    assert "not what was shown" in world.case.reason_text
    assert len(world.pages) == 2
    assert world.case.asked is not None
    assert world.case.asked.steps[0].params["replicas"] == 30
    approve(world)
    assert world.only(CommandKind.ACT).params["replicas"] == 30


# for how long, and how often


def looking(**fields: Any) -> World:
    """Approved, and looking at how it is before the first step."""
    world = asking(plan("only", verify=CAREFUL), **fields)
    approve(world)
    assert (world.case.state, acts(world)) == (State.DIAGNOSING, 0)
    return world


def test_an_approval_that_became_too_old_is_asked_for_again() -> None:
    """F-GRD-12: after 15 minutes."""
    world = looking()
    world.now += 901
    world.find(alive=False, restarts=1)
    assert acts(world) == 0
    assert (world.case.state, world.case.reason) == (
        State.AWAITING_APPROVAL,
        Reason.APPROVAL_EXPIRED,
    )
    assert (world.case.approved_by, world.case.approval) == (None, None)
    assert len(world.pages) == 2, "people are told that they are asked again"
    approve(world)
    assert acts(world) == 1


def test_one_that_is_still_good_is_not() -> None:
    world = looking()
    world.now += 899
    world.find(alive=False, restarts=1)
    assert acts(world) == 1


def test_an_approval_is_used_once() -> None:
    """F-GRD-12: twice."""
    world = asking()
    approve(world)
    assert approve(world).refused is Reason.MOVE_REFUSED
    world.act()
    world.wait(5)
    world.clear()
    assert (world.case.approved_by, world.case.approval) == ("olga", None)
    world.wait(60)
    world.fire()
    assert world.case.state is State.AWAITING_APPROVAL
    assert acts(world) == 1


# who may


@pytest.mark.parametrize("who", ["agent", "local", "", "scout", "anna"])
def test_machines_and_the_author_approve_nothing(who: str) -> None:
    """F-SEC-24: `scout` is an agent of the registry, `anna` wrote the runbook."""
    world = asking()
    decision = approve(world, who)
    assert (decision.refused, acts(world)) == (Reason.NOT_ALLOWED, 0)
    assert world.case.approved_by is None


def test_who_asked_for_an_action_in_it_does_not_approve_the_next_one() -> None:
    world = asking()
    event = ActionRequested(at=world.now, subject=world.last, who="bob", use="process.flush")
    assert world.tell(event).refused is None
    world.act()
    assert approve(world, "bob").refused is Reason.NOT_ALLOWED
    assert approve(world, "olga").refused is None


def test_of_a_regulated_product_those_it_was_learned_from_do_not_approve() -> None:
    for regulated in (False, True):
        world = asking(regulated=regulated)
        learned = Promotion(
            name="hung", state=PromotionState.APPROVED, lifecycle="assisted", signature="s",
            recipe="r", product="shop", alertname="Hung", incidents=("a", "b", "c"),
            resolvers=("bob",), document={}, proposed_at=0.0,
        )  # fmt: skip
        world.keep("promotion", "hung", learned)
        refused = approve(world, "bob").refused
        assert refused is (Reason.NOT_ALLOWED if regulated else None)


# two people


def test_a_critical_change_waits_for_a_second_person() -> None:
    world = asking(regulated=True)
    assert world.case.risk == "critical"
    assert world.case.asked is not None
    assert world.case.asked.approvals == 2
    approve(world, "olga")
    assert (world.case.state, acts(world)) == (State.AWAITING_APPROVAL, 0)
    assert world.case.reason is Reason.SECOND_APPROVAL_NEEDED
    again = approve(world, "olga")
    assert again.refused is Reason.NOT_ALLOWED
    assert "a second person" in again.refused_text
    assert approve(world, "carl").refused is None
    assert world.case.state is State.ACTING
    assert world.case.approval is not None
    assert world.case.second_approval is not None
    assert (world.case.approval.by, world.case.second_approval.by) == ("olga", "carl")


def test_a_first_approval_that_became_too_old_does_not_count_for_the_second() -> None:
    world = asking(regulated=True)
    approve(world, "olga")
    world.now += 901
    approve(world, "carl")
    assert (world.case.state, world.case.approved_by) == (State.AWAITING_APPROVAL, "carl")
    approve(world, "olga")
    assert world.case.state is State.ACTING


def test_what_became_critical_while_it_waited_is_asked_anew() -> None:
    world = looking(lifecycle=Lifecycle.ASSISTED)
    world.view.registry = registry(tier="high", regulated=True)
    world.find(alive=False, restarts=1)
    assert (world.case.state, acts(world)) == (State.AWAITING_APPROVAL, 0)
    assert world.case.asked is not None
    assert (world.case.asked.approvals, world.case.risk) == (2, "critical")
    assert len(world.pages) == 2


def test_one_person_is_enough_to_say_no() -> None:
    world = asking(regulated=True)
    approve(world, "olga")
    world.tell(Rejected(at=world.now, subject=world.last, who="olga", why="on second thought"))
    assert (world.case.state, acts(world)) == (State.ACKNOWLEDGED, 0)


def test_who_resolves_it_ends_the_asking() -> None:
    world = asking()
    world.tell(ResolvedByPerson(at=world.now, subject=world.last, who="bob", cause="by hand"))
    assert approve(world).refused is Reason.MOVE_REFUSED


# the window of normal changes


def test_outside_of_its_window_a_normal_change_is_asked_for() -> None:
    normal: Runbook = runbook("hung", tier="medium")
    world = easy_world(normal, normal_window="office")
    world.view.registry = registry(tier="medium")
    world.fire(alert(starts_at=world.now))
    assert (world.case.state, world.case.reason) == (State.AWAITING_APPROVAL, Reason.RISK_WINDOW)
    approve(world)
    assert acts(world) == 1
