"""An incident is as severe as the worst that fired in it, and people hear of that."""

from __future__ import annotations

import pytest

from agent.model.event import Acknowledged
from agent.model.incident import State
from tests.support.cases import World, alert
from tests.support.ladders import staffed, told


def disk(world: World, severity: str, instance: str = "1") -> None:
    """One of two rules of the same name, as they are usually written for two thresholds."""
    labels = {"severity": severity, "instance": instance}
    world.fire(alert("DiskFull", labels=labels, starts_at=world.now))


def test_what_woke_nobody_wakes_people_once_it_is_critical() -> None:
    world = staffed()
    disk(world, "info")
    world.wait(3_600)
    assert told(world) == ["person:alice"], "it climbs no further"
    disk(world, "critical", "2")
    assert world.case.severity == "critical"
    assert told(world) == ["person:alice", "person:alice"]
    assert "[critical]" in str(world.pages[-1].params["title"])
    world.wait(300)
    assert told(world)[2:] == ["person:bob"], "and it climbs now"


def test_a_page_that_is_more_severe_by_now_is_sent_as_such_without_a_ladder_too() -> None:
    world = World()
    disk(world, "warning")
    disk(world, "critical", "2")
    assert [p.params["severity"] for p in world.pages] == ["warning", "critical"]


@pytest.mark.parametrize("later", ["warning", "info", "none"])
def test_what_is_less_severe_or_the_same_changes_nothing(later: str) -> None:
    world = staffed()
    disk(world, "warning")
    disk(world, later, "2")
    assert (world.case.severity, told(world)) == ("warning", ["person:alice"])


def test_who_has_what_is_worse_by_now_is_called_again() -> None:
    """A warning is put off until the morning; what it has become must not be."""
    world = staffed()
    disk(world, "warning")
    world.tell(Acknowledged(at=world.now, subject=world.last, who="alice"))
    disk(world, "critical", "2")
    assert (world.case.severity, world.case.state) == ("critical", State.ESCALATED)
    assert told(world) == ["person:alice"] * 2
    world.tell(Acknowledged(at=world.now, subject=world.last, who="alice"))
    disk(world, "critical", "3")
    world.wait(3_600)
    assert told(world) == ["person:alice"] * 2


def test_who_has_what_is_worse_but_needs_nobody_awake_is_left_alone() -> None:
    world = staffed()
    disk(world, "none")
    world.tell(Acknowledged(at=world.now, subject=world.last, who="alice"))
    disk(world, "info", "2")
    assert (world.case.severity, told(world)) == ("info", ["person:alice"])
