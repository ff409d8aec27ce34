"""Rule of three."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested, PromotionDecided, ResolvedByPerson
from agent.model.reason import Reason
from agent.model.records import Promotion, PromotionState
from tests.support.cases import World


def solve(
    world: World, *uses: str, who: str = "bob", told: dict[str, Any] | None = None, **params: Any
) -> None:
    """One incident, resolved by these actions through the agent."""
    world.wait(1000)
    case = world.fire(**(told or {}))
    for use in uses or ("process.restart",):
        world.tell(ActionRequested(at=world.now, subject=case.id, who=who, use=use, params=params))
        world.act()
    world.tell(ResolvedByPerson(at=world.now, subject=case.id, who=who, cause="leak"))
    world.clear()


def proposals(world: World) -> list[Promotion]:
    return list(world.state.single["promotion"].values())


def decide(world: World, state: str, who: str = "eve") -> Decision:
    name = proposals(world)[0].name
    return world.tell(PromotionDecided(at=world.now, subject=name, who=who, state=state))


def proposed() -> World:
    world = World()
    for who in ("bob", "bob", "carl"):
        solve(world, who=who)
    return world


def test_the_third_like_resolution_is_a_proposal_in_shadow() -> None:
    world = World()
    solve(world)
    solve(world)
    assert proposals(world) == []
    solve(world)
    (found,) = proposals(world)
    assert (found.state, found.lifecycle) == (PromotionState.PROPOSED, "shadow")
    assert len(found.incidents) == 3
    assert found.resolvers == ("bob",)
    document = found.document
    assert document["match"] == {"alert": "Hung", "product": "shop"}
    (only,) = document["plans"]["as-resolved"]["steps"]
    assert only == {
        "id": "step-1",
        "use": "process.restart",
        "with": {"target": "=entity.name"},
    }
    assert len(document["tests"]) == 3
    assert Reason.PROMOTION_PROPOSED in world.reasons


def test_it_is_proposed_once() -> None:
    world = proposed()
    solve(world)
    assert len(proposals(world)) == 1


def test_the_same_alert_of_another_entity_is_alike() -> None:
    world = World()
    solve(world)
    solve(world, told={"entity": "shop-web"})
    solve(world)
    assert len(proposals(world)) == 1


@pytest.mark.parametrize(
    "third",
    [
        {"uses": ("process.flush",)},
        {"uses": ("process.restart", "process.flush")},
        {"uses": ("process.restart",), "grace": 5},
        {"uses": ("process.restart",), "told": {"name": "Slow"}},
        {"uses": ("process.restart",), "told": {"entity": "pay-api"}},
    ],
)
def test_three_that_differ_promote_nothing(third: dict[str, Any]) -> None:
    world = World()
    solve(world)
    solve(world)
    uses = third.pop("uses")
    solve(world, *uses, **third)
    assert proposals(world) == []


def test_the_order_of_actions_matters() -> None:
    world = World()
    solve(world, "process.restart", "process.flush")
    solve(world, "process.restart", "process.flush")
    solve(world, "process.flush", "process.restart")
    assert proposals(world) == []


@pytest.mark.parametrize(
    ("use", "params", "told"),
    [
        ("process.pull", {}, {}),
        ("process.restart", {"note": "=alert.labels.x"}, {}),
        ("process.restart", {"target": "shop-worker"}, {"entity": "ghost"}),
    ],
)
def test_what_cannot_be_a_runbook_is_not_proposed(
    use: str, params: dict[str, Any], told: dict[str, Any]
) -> None:
    world = World()
    for _ in range(3):
        solve(world, use, told=told, **params)
    assert len(world.state.single["resolution"]) == 3
    assert proposals(world) == []


def test_only_what_was_done_counts() -> None:
    world = World()
    for _ in range(3):
        world.wait(1000)
        case = world.fire()
        world.tell(ActionRequested(at=world.now, subject=case.id, who="bob", use="process.restart"))
        world.act(OutcomeStatus.FAILED)
        world.tell(ResolvedByPerson(at=world.now, subject=case.id, who="bob", cause=""))
        world.clear()
    assert world.state.single["resolution"] == {}


@pytest.mark.parametrize("who", ["bob", "carl", "local", "agent"])
@pytest.mark.parametrize("state", ["active", "assisted", "rejected"])
def test_who_resolved_may_not_decide(who: str, state: str) -> None:
    world = proposed()
    assert decide(world, state, who).refused is Reason.NOT_ALLOWED
    assert proposals(world)[0].state is PromotionState.PROPOSED


@pytest.mark.parametrize("state", ["assisted", "active"])
def test_somebody_else_approves(state: str) -> None:
    world = proposed()
    assert decide(world, state).refused is None
    (found,) = proposals(world)
    assert (found.state, found.lifecycle) == (PromotionState.APPROVED, state)
    assert found.document["lifecycle"] == {"state": state}
    assert found.decided_by == "eve"


def test_assisted_first_and_active_later() -> None:
    world = proposed()
    decide(world, "assisted")
    assert decide(world, "assisted").refused is Reason.MOVE_REFUSED
    assert decide(world, "active").refused is None


def test_rejected_is_the_end() -> None:
    world = proposed()
    assert decide(world, "rejected").refused is None
    assert proposals(world)[0].lifecycle == "retired"
    assert decide(world, "active").refused is Reason.MOVE_REFUSED
    solve(world)
    assert len(proposals(world)) == 1


@pytest.mark.parametrize("state", ["draft", "shadow", "", "Active"])
def test_no_other_state_can_be_decided(state: str) -> None:
    assert decide(proposed(), state).refused is Reason.MOVE_REFUSED


def test_an_unknown_proposal() -> None:
    world = World()
    decision = world.tell(PromotionDecided(at=0.0, subject="x", who="eve", state="active"))
    assert decision.refused is Reason.MOVE_REFUSED
