"""Storms: entered at once, told once, left slowly; what they held back is looked at, not lost."""

from __future__ import annotations

from collections import Counter

import msgspec

from agent.core.signs import FLEET
from agent.core.storm import in_force, is_half, storm_of
from agent.model.command import CommandKind
from agent.model.event import ResolvedByPerson
from agent.model.incident import Incident, Radius
from agent.model.policy import Policy, Rails
from agent.model.product import Registry
from agent.model.reason import Reason
from agent.model.records import Storm
from tests.support.cases import START, World, alert, runbook
from tests.support.deciding import deciding
from tests.support.fleets import fleet
from tests.support.storming import drained, paged_in, storm_of_alerts

TEN = fleet(10, 9)
ALONE = fleet(20, 9)
"""Twenty products, of which three are no fifth."""


def storming(registry: Registry = ALONE, **rails: float) -> World:
    return World(registry=registry, policy=Policy(rails=Rails(**rails)))  # type: ignore[arg-type]


def sick(world: World, product: int, *services: int) -> list[Incident]:
    return [world.fire(name="Down", entity=f"p{product}-s{s}") for s in services]


def test_a_third_of_the_targets_of_a_product_are_a_storm_of_it() -> None:
    """F-GRD-03"""
    world = storming()
    sick(world, 0, 0, 1)
    assert storm_of(world.view, "p0", world.now) is None
    sick(world, 0, 2)
    storm = storm_of(world.view, "p0", world.now)
    assert storm is not None
    assert (storm.scope, storm.why) == ("p0", "3 of 9 targets of p0 are sick")
    assert storm_of(world.view, "p1", world.now) is None
    assert Reason.STORM_PRODUCT in world.reasons


def test_a_third_of_very_few_is_no_storm() -> None:
    """F-GRD-03: three at least."""
    world = storming(fleet(20, 2))
    sick(world, 0, 0, 1)
    assert storm_of(world.view, "p0", world.now) is None


def test_several_alerts_of_one_target_are_one_sick_target() -> None:
    world = storming()
    for name in ("Slow", "Down", "Full", "Hot"):
        world.fire(name=name, entity="p0-s0")
    assert storm_of(world.view, "p0", world.now) is None


def test_what_is_over_is_not_sick() -> None:
    world = storming()
    first, *_ = sick(world, 0, 0, 1)
    world.clear(alert("Down", "p0-s0"))
    assert not world.incident(first.id).is_open
    sick(world, 0, 2)
    assert storm_of(world.view, "p0", world.now) is None


def test_a_fifth_of_the_products_are_a_storm_of_the_fleet() -> None:
    world = storming(TEN)
    for product in (0, 1):
        sick(world, product, 0)
    assert in_force(world.view, FLEET, world.now) is None, "three at least"
    sick(world, 2, 0)
    storm = storm_of(world.view, "p7", world.now)
    assert storm is not None
    assert (storm.scope, storm.why) == (FLEET, "3 of 10 products burn")


def test_many_new_incidents_in_a_minute_are_a_storm_of_the_fleet() -> None:
    world = storming(fleet_new_per_minute=5)
    for number in range(5):
        world.fire(name=f"A{number}", entity="p0-s0")
    assert in_force(world.view, FLEET, world.now) is None
    world.wait(61)
    world.fire(name="B", entity="p0-s0")
    assert in_force(world.view, FLEET, world.now) is None, "not within one minute"
    for number in range(5):
        world.fire(name=f"C{number}", entity="p0-s0")
    storm = in_force(world.view, FLEET, world.now)
    assert storm is not None
    assert storm.why == "more than 5 incidents within a minute"


def test_a_storm_is_left_slowly() -> None:
    """F-STORM-06: five quiet minutes, then half rate for fifteen."""
    world = storming()
    for case in sick(world, 0, 0, 1, 2):
        world.clear(alert("Down", case.entity or ""))
    assert storm_of(world.view, "p0", world.now) is not None
    assert not is_half(world.view, world.now)
    world.wait(299)
    assert storm_of(world.view, "p0", world.now) is not None
    world.wait(2)
    assert storm_of(world.view, "p0", world.now) is None
    assert is_half(world.view, world.now)
    world.wait(898)
    assert is_half(world.view, world.now)
    world.wait(2)
    assert not is_half(world.view, world.now)
    assert world.view.storms == {}


def test_a_storm_that_stands_still_goes_on_for_a_while() -> None:
    """Nothing new happens, but just as much is sick as a moment ago."""
    world = storming()
    sick(world, 0, 0, 1, 2)
    world.wait(1_200)
    assert storm_of(world.view, "p0", world.now) is not None
    world.wait(400)
    assert storm_of(world.view, "p0", world.now) is None


def test_another_storm_within_the_half_rate_is_a_storm_again() -> None:
    world = storming()
    cases = sick(world, 0, 0, 1, 2)
    for case in cases:
        world.clear(alert("Down", case.entity or ""))
    world.wait(400)
    sick(world, 0, 3, 4, 5)
    assert storm_of(world.view, "p0", world.now) is not None
    assert not is_half(world.view, world.now)
    world.wait(1_300)
    assert storm_of(world.view, "p0", world.now) is not None, "the old end does not end it"


def test_a_storm_is_written_down_at_times_only() -> None:
    world = storming()
    sick(world, 0, *range(9))
    written = [r for d in world.batch.decisions for r in d.records if r.kind == "storm"]
    assert len({r.body.root for r in written if isinstance(r.body, Storm)}) == len(written)


# who is told


def test_the_first_page_speaks_for_the_storm_of_its_product() -> None:
    world = storming()
    first, *others = sick(world, 0, *range(9))
    assert world.paged == ["team-p0"]
    world.wait(600)
    assert world.paged == ["team-p0"]
    for other in others:
        held = world.incident(other.id)
        assert (held.held_by, held.reason, held.storm) == (first.id, Reason.HELD_IN_STORM, "p0")
        assert (held.radius, held.routed_to) == (Radius.PRODUCT, "team-p0")
    assert world.view.storms["p0"].root == first.id


def test_two_pages_of_one_product_that_is_in_no_storm_are_two() -> None:
    world = storming()
    sick(world, 0, 0, 1)
    assert world.paged == ["team-p0"], "the second one waits: it may be part of more"
    world.wait(16)
    assert world.paged == ["team-p0", "team-p0"]


def test_a_quiet_product_is_told_at_once_while_another_one_is_in_storm() -> None:
    """F-STORM-03: within the same event, and so much faster than five seconds."""
    world = storming()
    sick(world, 0, *range(9))
    sick(world, 1, 0)
    assert world.paged == ["team-p0", "team-p1"]


def test_a_quiet_product_is_told_though_another_one_brings_hundreds() -> None:
    """F-STORM-03: they are a storm of the fleet, of which the platform is told once."""
    world = storming()
    for number in range(300):
        world.fire(name=f"A{number}", entity=f"p0-s{number % 2}")
    sick(world, 1, 0)
    world.wait(20)
    assert Counter(world.paged) == {"team-p0": 1, "platform": 1, "team-p1": 1}


def test_where_everything_looks_sick_the_signal_is_suspect() -> None:
    """F-STORM-05: one page to the platform that says so."""
    world = storming(TEN)
    for product in range(10):
        sick(world, product, 0, 1)
    world.wait(60)
    assert Counter(world.paged) == {"team-p0": 1, "team-p1": 1, "platform": 1}
    [page] = [c for c in world.pages if c.params["to"] == "platform"]
    text = str(page.params["text"])
    assert "STORM: the fleet, since" in text
    assert "3 of 10 products burn; perhaps the signal is at fault" in text
    assert "check whether the source of the alerts is right" in text
    root = world.view.storms[FLEET].root
    held = [i for i in world.incidents if i.held_by == root]
    assert len(held) == 20 - 3


def test_in_a_storm_that_lasts_a_product_that_was_quiet_is_told_for_itself() -> None:
    """F-STORM-03: the platform's page of an hour ago is not enough for whose it is."""
    world = storming(TEN)
    for product in range(3):
        sick(world, product, 0)
    sick(world, 3, 0)
    assert "team-p3" not in world.paged
    world.wait(3_600)
    sick(world, 4, 0, 1, 2, 3)
    world.wait(60)
    assert world.paged.count("team-p4") == 1
    assert world.paged.count("platform") == 1


def test_nothing_is_done_while_everything_looks_sick() -> None:
    """F-STORM-05: each of them has an active runbook."""
    policy = Policy(rails=Rails(dwell_seconds=5.0))
    world = World(runbook(alert="Down"), registry=TEN, policy=policy)
    for product in range(10):
        sick(world, product, 0, 1)
    world.wait(1_200)
    assert world.asked(CommandKind.ACT) == []
    assert world.paged == ["platform"]
    assert Reason.STORM_FLEET in world.reasons


def test_a_storm_without_a_root_makes_the_next_one_its_root() -> None:
    world = storming()
    first, *others = sick(world, 0, 0, 1, 2, 3)
    world.wait(1)
    world.clear(alert("Down", "p0-s0"))
    world.wait(130)
    assert world.paged == ["team-p0", "team-p0"], "of what still burns they are told anew"
    root = world.view.storms["p0"].root
    assert root in {o.id for o in others}
    assert "STORM: p0, since" in str(world.pages[-1].params["text"])
    assert world.incident(root).held_by is None
    assert not world.incident(first.id).is_open


def test_an_old_page_does_not_speak_for_a_new_storm() -> None:
    world = storming()
    [old] = sick(world, 0, 0)
    world.wait(86_400)
    new, *_ = sick(world, 0, 1, 2, 3)
    world.wait(20)
    assert world.paged == ["team-p0", "team-p0"]
    assert world.incident(old.id).is_open
    assert world.view.storms["p0"].root == new.id


def test_what_the_agent_says_of_itself_does_not_drown() -> None:
    world = storming(TEN)
    for product in range(10):
        sick(world, product, 0)
    world.fire(alert("SourceSilent", "none", source="homeostat", labels={"entity": ""}))
    assert world.paged.count("platform") == 2


# the end of a storm


async def test_what_still_burns_when_the_storm_is_over_is_looked_at_one_after_the_other() -> None:
    """F-STORM-06: the backlog is looked at anew and not replayed."""
    world = storming(product_sick_share=0.5)
    root, *others = sick(world, 0, *range(6))
    world.wait(20)
    assert world.paged == ["team-p0"]
    for case in others[:3]:
        world.clear(alert("Down", case.entity or ""))
    world.wait(301)
    assert storm_of(world.view, "p0", world.now) is None
    due = [world.timer("release", case.id) for case in others]
    assert [d is None for d in due] == [True, True, True, False, False]
    assert due[4] == (due[3] or 0.0) + 1.0
    world.wait(60)
    assert world.paged == ["team-p0"] * 2
    world.wait(60)
    assert world.paged == ["team-p0"] * 3
    ledger = await world.ledger()
    assert all(ledger[case.id] == ["routed"] for case in others[3:])
    assert world.incident(root.id).is_open


def test_a_root_that_ends_lets_go_of_all_of_them_in_time() -> None:
    world = storming(storm_half_seconds=100.0)
    for number in range(400):
        world.fire(name=f"A{number}", entity="p0-s0")
    world.wait(20)
    held = [i.id for i in world.incidents if i.storm is not None and i.held_by is not None]
    by_root = Counter(world.incident(name).held_by for name in held)
    [(root, count)] = by_root.most_common(1)
    world.tell(ResolvedByPerson(at=world.now, subject=root or "", who="bob", cause="disk"))
    due = sorted(d for name in held if (d := world.timer("release", name)) is not None)
    assert len(due) == count > 300
    assert due[0] == 60.0
    assert 100.0 < due[-1] <= 160.0


async def test_thousands_of_alerts_are_few_pages() -> None:
    """F-STORM-01: 5,000 distinct alerts over ten products, through the lane; each of them is in the
    ledger once, and nobody is told twice."""
    async with deciding(policy=Policy()) as made:
        made.view.registry = fleet(10, 50)
        await made.lane.submit(storm_of_alerts(5_000, products=10, services=50))
        await drained(made, until=START + 60.0)
        pages = paged_in(made)
        assert max(pages.values()) == 1
        assert len(pages) <= 11
        assert pages["platform"] == 1
        assert await made.totals() == (5_000, 0)
        held = [i for i in made.view.incidents.values() if i.held_by is not None]
        assert len(held) == 5_000 - len(pages)


async def test_what_everything_stands_on_is_one_page_in_a_storm() -> None:
    """F-STORM-01: where the graph has a suspect, the storm is one incident, and that its root."""
    async with deciding(policy=Policy()) as made:
        made.view.registry = fleet(10, 50, "cache")
        await made.lane.submit(storm_of_alerts(1_000, products=10, services=50))
        await drained(made, until=START + 60.0)
        assert paged_in(made) == {"platform": 1}
        [root] = [i for i in made.view.incidents.values() if i.pages]
        assert (root.suspect, root.radius) == ("cache", Radius.SYSTEMIC)


def test_a_storm_survives_a_restart() -> None:
    world = storming()
    sick(world, 0, 0, 1, 2)
    again = storming()
    for decision in world.batch.decisions:
        again.tell(msgspec.structs.replace(decision, emits=()))
    assert again.view.storms == world.view.storms
    late = again.fire(name="Down", entity="p0-s3")
    assert late.storm == "p0"
