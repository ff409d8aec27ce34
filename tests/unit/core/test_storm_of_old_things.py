"""What burns for long makes no storm, and a page of a while ago does not speak for what is new."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from agent.core.signs import FLEET, began
from agent.core.storm import in_force, is_half, storm_of
from agent.model.command import CommandKind
from agent.model.event import Acknowledged
from agent.model.incident import Incident
from agent.model.policy import Policy, Rails
from agent.model.reason import Reason
from tests.support.cases import START, World, alert, runbook
from tests.support.deciding import deciding
from tests.support.fleets import fleet
from tests.support.storming import drained, paged_in, storm_of_alerts

TEN = fleet(10, 9)
ALONE = fleet(20, 9)
DAY = 86_400.0


def warned(world: World, entity: str) -> Incident:
    """Somebody knows, and has put it off."""
    case = world.fire(name="Disk", entity=entity, labels={"severity": "warning"})
    world.wait(1_800)
    world.tell(Acknowledged(at=world.now, subject=case.id, who="anna"))
    return case


def test_three_old_warnings_are_no_storm() -> None:
    """F-GRD-03: a third of the product is sick, but nothing of it is new."""
    world = World(registry=ALONE)
    for number in range(3):
        warned(world, f"p0-s{number}")
    world.wait(1_300)
    world.tell(Acknowledged(at=world.now, subject=world.last, who="anna"))
    assert storm_of(world.view, "p0", world.now) is None


def test_old_warnings_do_not_keep_a_page_from_going_out() -> None:
    world = World(registry=ALONE)
    for number in range(3):
        warned(world, f"p0-s{number}")
    world.wait(7 * DAY)
    told = len(world.paged)
    down = world.fire(name="Down", entity="p0-s8")
    world.wait(60)
    assert (world.paged[told:], world.incident(down.id).held_by) == (["team-p0"], None)


def test_old_warnings_do_not_keep_the_agent_from_healing() -> None:
    policy = Policy(rails=Rails(dwell_seconds=5.0))
    world = World(runbook(alert="Down"), registry=ALONE, policy=policy)
    for number in range(4):
        warned(world, f"p0-s{number}")
    world.wait(7 * DAY)
    world.fire(name="Down", entity="p0-s8")
    world.fire(name="Slow", entity="p0-s8")
    world.wait(60)
    assert len(world.asked(CommandKind.ACT)) == 1
    assert storm_of(world.view, "p0", world.now) is None


def test_what_nobody_acknowledged_keeps_no_storm_up_either() -> None:
    world = World(registry=ALONE)
    for number in range(3):
        world.fire(name="Down", entity=f"p0-s{number}")
    world.wait(DAY)
    assert storm_of(world.view, "p0", world.now) is None
    assert not is_half(world.view, world.now)


def test_something_new_on_top_of_what_burns_is_a_storm_again() -> None:
    """F-GRD-03: acting fails closed."""
    world = World(registry=ALONE)
    for number in range(3):
        world.fire(name="Down", entity=f"p0-s{number}")
    world.wait(DAY)
    told = len(world.paged)
    late = world.fire(name="Down", entity="p0-s5")
    assert storm_of(world.view, "p0", world.now) is None, "one is not many"
    assert world.paged[told:] == ["team-p0"]
    last = world.fire(name="Down", entity="p0-s6")
    assert storm_of(world.view, "p0", world.now) is not None
    assert world.incident(last.id).held_by == late.id
    assert world.paged[told:] == ["team-p0"]


def test_products_that_burn_for_long_are_no_storm_of_the_fleet() -> None:
    """F-STORM-03: of the one that is new its builder is told."""
    world = World(registry=TEN)
    for number in range(3):
        world.fire(name="Down", entity=f"p{number}-s0")
        world.wait(3_600)
    told = len(world.paged)
    world.fire(name="Down", entity="p7-s0")
    assert in_force(world.view, FLEET, world.now) is None
    assert world.paged[told:] == ["team-p7"]


def test_in_a_long_storm_a_product_is_one_page_in_a_quarter_of_an_hour() -> None:
    """F-STORM-01: new things begin every minute for two hours."""
    world = World(registry=ALONE)
    for number in range(120):
        world.fire(name=f"A{number}", entity=f"p0-s{number % 9}")
        world.wait(60)
    at = [page.created_at for page in world.pages][2:]  # two before it was a storm
    assert 6 <= len(at) <= 8
    assert all(later - earlier >= 900.0 for earlier, later in pairwise(at))
    assert Reason.HELD_IN_STORM in world.reasons


async def test_thousands_that_burn_on_when_the_storm_is_over_are_few_pages() -> None:
    """F-STORM-01, F-STORM-06: they are looked at anew, which is no flood of pages."""
    async with deciding(policy=Policy()) as made:
        made.view.registry = fleet(10, 50)
        await made.lane.submit(storm_of_alerts(1_000, products=10, services=50))
        for until in range(300, 7_200, 60):
            await drained(made, until=START + until)
        pages = paged_in(made)
        assert pages["platform"] <= 1
        assert all(2 <= pages[f"team-p{n}"] <= 4 for n in range(10)), pages
        assert Counter(i.held_by is None for i in made.view.incidents.values())[True] < 50


def test_what_is_held_after_its_storm_is_looked_at_once_the_product_is_well_again() -> None:
    """F-STORM-06: the half rate ends, and nobody is forgotten."""
    world = World(registry=ALONE)
    cases = [world.fire(name="Down", entity=f"p0-s{number}") for number in range(5)]
    world.wait(2_000)
    held = [c.id for c in cases if world.incident(c.id).held_by is not None]
    assert len(held) == 3, "let go, and held again under the first that was told anew"
    for case in cases:
        if case.id not in held[:2]:
            world.clear(alert("Down", case.entity or ""))
    world.wait(2_400)
    assert world.view.storms == {}
    assert [bool(world.incident(name).pages) for name in held[:2]] == [True, True]


def test_what_is_new_is_found_by_the_minute() -> None:
    world = World(registry=ALONE)
    case = world.fire(name="Down", entity="p0-s0")
    assert list(world.state.signs.ids(began("p0", START), "p0-s0")) == [case.id]
    world.tell(Acknowledged(at=world.now, subject=case.id, who="anna"))
    assert not world.state.signs.keys(began("p0", START))
