"""Whatever keeps people from being told for a while, does not for ever."""

from __future__ import annotations

from agent.model.alert import Alert
from agent.model.incident import Incident
from agent.model.policy import Policy
from tests.support.cases import START, World, alert, runbook
from tests.unit.core.test_acting_in_doubt import limits

YEAR = 365 * 86_400.0
DWELLING = Policy(rails=limits(dwell_seconds=60.0, wait_seconds=300.0))


def test_an_alert_that_will_begin_in_a_year_does_not_dwell_until_then() -> None:
    """Whoever sends it says when it began; a clock that is wrong must not hide what burns now."""
    world = World(runbook(), policy=DWELLING)
    world.fire(alert(starts_at=START + YEAR))
    world.wait(7_200)
    assert world.commands


def test_an_alert_that_begins_anew_with_each_message_does_not_dwell_for_ever() -> None:
    world = World(runbook(), policy=DWELLING)
    for _ in range(60):
        world.fire(alert(starts_at=world.now))
        world.wait(30)
    assert world.commands


def as_it_was(case: Incident) -> Alert:
    [state] = case.alerts.values()
    return alert(state.name, str(case.entity), starts_at=state.starts_at)


def test_what_flaps_and_is_quiet_when_its_root_lets_it_go_is_told_when_it_fires_again() -> None:
    world = World()
    for _ in range(4):
        world.fire(name="Up", entity="pay-api")
        world.wait(5)
        world.clear()
        world.wait(5)
    root = world.fire(name="Down", entity="cache")
    world.wait(20)
    flapping = world.fire(name="Up", entity="pay-api")
    world.wait(20)
    flapping = world.incident(flapping.id)
    assert (flapping.is_flapping, flapping.held_by) == (True, root.id)
    world.clear(as_it_was(flapping))
    world.clear(as_it_was(root))
    assert not world.incident(root.id).is_open
    told = len(world.pages)
    world.wait(100)
    for _ in range(20):
        world.wait(30)
        world.fire(name="Up", entity="pay-api")
        world.wait(30)
        world.clear()
    assert len(world.pages) > told, world.case.held_by
