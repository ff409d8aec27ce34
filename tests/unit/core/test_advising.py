"""An agent that only advises: it proposes, people decide, and what was begun may go back."""

from __future__ import annotations

from agent.core.guard import recheck
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested, OwnRead
from agent.model.incident import State
from agent.model.reason import Reason
from tests.support.cases import World, plan, runbook, step
from tests.support.own import terms
from tests.support.remembering import approve, easy_world

BOTH = plan(
    "both",
    step(),
    step("process.flush", id="flush"),
    rollback=(step("process.rollback", id="back"),),
)


def advising(world: World) -> World:
    world.tell(OwnRead(at=world.now, terms=terms(), lost=5))
    return world


def acts(world: World) -> list[str]:
    return [c.step for c in world.commands if c.kind is CommandKind.ACT]


def test_it_asks_a_person_for_what_it_would_have_done_and_tells_them_why() -> None:
    world = advising(easy_world(runbook()))
    world.fire()
    assert (world.case.state, world.case.reason) == (State.AWAITING_APPROVAL, Reason.ADVISE_ONLY)
    assert acts(world) == []
    (page,) = [p for p in world.pages if p.subject == world.case.id]
    assert "only advises" in page.params["text"]
    assert "5 lost alerts" in page.params["text"]
    assert approve(world).refused is None
    assert (world.case.state, acts(world)) == (State.ACTING, ["restart"])


def test_a_step_that_was_decided_before_is_refused_at_the_act() -> None:
    world = easy_world(runbook())
    world.fire()
    advising(world)
    stop = recheck(world.only(CommandKind.ACT), world.incidents[0], world.view, at=world.now)
    assert stop is not None
    assert stop.reason is Reason.ADVISE_ONLY


def test_a_plan_that_was_begun_stops_and_its_way_back_is_walked() -> None:
    world = easy_world(runbook("hung", BOTH))
    case = world.fire()
    advising(world)
    world.act()
    assert acts(world) == ["restart"], "the second step is a person's to take"
    told = world.incident(case.id)
    assert (told.state, told.reason) == (State.ESCALATED, Reason.ADVISE_ONLY)
    world = easy_world(runbook("hung", BOTH))
    world.fire()
    world.act()
    advising(world)
    world.act(OutcomeStatus.FAILED)
    assert acts(world)[-1] == "back"


def test_what_a_person_asks_for_is_done() -> None:
    world = advising(easy_world(runbook()))
    case = world.fire()
    asked = ActionRequested(
        at=world.now, subject=case.id, who="bob", use="process.restart",
        params={"target": "shop-worker"},
    )  # fmt: skip
    assert world.tell(asked).refused is None
    assert world.only(CommandKind.ACT).by == "bob"


def test_people_are_told_of_what_is_new_as_ever() -> None:
    world = advising(easy_world())
    case = world.fire(name="Unheard")
    world.wait(300)
    assert [p.params["to"] for p in world.pages if p.subject == case.id] == ["team-shop"]
