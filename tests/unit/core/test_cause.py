"""What follows right after an act of the agent's may be its doing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.cause import is_next_to
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested
from agent.model.incident import Incident, State
from agent.model.product import Entity, EntityKind
from agent.model.reason import Reason
from tests.support.cases import REGISTRY, World, plan, runbook, step
from tests.support.remembering import easy_world

BACK_AND_FORTH = (
    runbook("one", alert="WebDown"),
    runbook("other", plan("both", step(), step("process.flush", id="flush")), alert="WorkerDown"),
)
"""Each heals its own entity."""
TIED = msgspec.structs.replace(
    REGISTRY,
    entities={
        **REGISTRY.entities,
        "shop-web": msgspec.structs.replace(
            REGISTRY.entities["shop-web"], depends_on=("shop-worker",)
        ),
        "shop-db": Entity(name="shop-db", kind=EntityKind.RESOURCE, product="shop", owner="x"),
    },
)
"""shop-web depends on shop-worker."""


def tied(**rails: Any) -> World:
    world = easy_world(
        *BACK_AND_FORTH, **{"flapping_turns": 1_000, "breaker_in_a_row": 99, **rails}
    )
    world.view.registry = TIED
    return world


def down(world: World, name: str, entity: str) -> Incident:
    """It is down, and where the agent acts it is up again five seconds later."""
    incident = world.fire(name=name, entity=entity)
    while world.asked(CommandKind.ACT):
        world.act()
    world.wait(5)
    if not world.pages:
        world.clear()
    world.wait(20)
    return world.incident(incident.id)


def acts(world: World) -> int:
    return sum(1 for c in world.commands if c.kind is CommandKind.ACT)


def web(world: World) -> Incident:
    return down(world, "WebDown", "shop-web")


def worker(world: World) -> Incident:
    return down(world, "WorkerDown", "shop-worker")


def test_two_runbooks_that_break_what_the_other_healed_are_stopped_and_platform_is_told() -> None:
    """F-RB-09: A heals by breaking B, B by breaking A."""
    world = tied()
    chain = [web(world), worker(world), web(world), worker(world)]
    assert [i.chain for i in chain] == [0, 1, 2, 3]
    assert [i.caused_by for i in chain] == [None, *(i.id for i in chain[:3])]
    assert acts(world) == 6
    last = web(world)
    assert (last.state, last.reason, last.chain) == (
        State.ESCALATED,
        Reason.CAUSE_CHAIN,
        4,
    )
    assert last.caused_by == chain[-1].id
    assert acts(world) == 6
    assert world.paged == ["platform"], "it is the agent's own doing, not the builder's"


def test_the_one_that_led_too_far_is_stopped_as_well() -> None:
    """F-RB-09: both are told to platform."""
    world = tied()
    for heal_it in (web, worker, web):
        heal_it(world)
    third = world.fire(name="WorkerDown", entity="shop-worker")
    first_step = world.only(CommandKind.ACT)
    led_to = world.fire(name="WebDown", entity="shop-web")
    assert (world.incident(third.id).chain, led_to.caused_by) == (3, third.id)
    world.answer(first_step)
    world.wait(20)
    assert world.asked(CommandKind.ACT) == [], "its second step is not done"
    for name in (third.id, led_to.id):
        assert world.incident(name).reason is Reason.CAUSE_CHAIN
    assert world.paged == ["platform", "platform"]


def test_half_an_hour_later_it_is_another_story() -> None:
    world = tied()
    web(world)
    world.wait(1801)
    assert worker(world).caused_by is None


def test_an_act_elsewhere_caused_nothing_here() -> None:
    world = easy_world(*BACK_AND_FORTH)
    web(world)
    assert worker(world).caused_by is None, "these two do not depend on each other"


@pytest.mark.parametrize("what", ["refused", "by a person"])
def test_what_did_not_happen_or_was_a_persons_is_no_cause(what: str) -> None:
    world = tied()
    world.fire(name="WebDown" if what == "refused" else "Strange", entity="shop-web")
    if what == "refused":
        world.act(OutcomeStatus.REFUSED)
    else:
        event = ActionRequested(at=world.now, subject=world.last, who="bob", use="process.restart")
        assert world.tell(event).refused is None
        world.act()
    assert worker(world).caused_by is None


def test_the_own_action_triggers_the_same_alert_again_and_again() -> None:
    """F-RB-08: attempt 2 of 3 is linked to the first; then the circuit opens and a person is
    told."""
    world = easy_world(runbook())
    attempts = [down(world, "Hung", "shop-worker") for _ in range(3)]
    assert [i.caused_by for i in attempts] == [None, attempts[0].id, attempts[1].id]
    assert acts(world) == 3
    assert world.paged == []
    last = down(world, "Hung", "shop-worker")
    assert last.reason is Reason.BREAKER_OPEN
    assert acts(world) == 3
    assert world.paged == ["team-shop"]
    assert world.reasons.count(Reason.RELAPSED) == 3


@pytest.mark.parametrize(
    ("one", "other", "is_next"),
    [
        ("shop-web", "shop-web", True),
        ("shop-web", "shop-worker", True),
        ("shop-worker", "shop-web", True),
        ("shop-web", "shop-db", False),
        ("shop", "shop-db", True),
        ("shop-db", "shop", True),
        ("pay", "shop-db", False),
        ("ghost", "shop-db", False),
        ("ghost", "ghost", True),
    ],
)
def test_what_is_next_to_what(one: str, other: str, is_next: bool) -> None:
    assert is_next_to(TIED, one, other) is is_next
