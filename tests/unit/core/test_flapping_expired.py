"""What comes and goes without ever saying that it went: its promise to be repeated runs out."""

from __future__ import annotations

from agent.model.policy import Policy
from tests.support.cases import World, alert, runbook


def pulses(world: World, times: int) -> None:
    for _ in range(times):
        world.fire(alert(starts_at=world.now, expires_at=world.now + 10))
        world.wait(20)


def test_ends_that_were_only_inferred_are_turns_too() -> None:
    """F-STORM-04"""
    world = World(runbook(), policy=Policy(attempts_per_day=1_000, cooldown_seconds=0.0))
    pulses(world, 20)
    assert [i.is_flapping for i in world.incidents if i.is_open] == [True]
    told, acted = len(world.pages), len(world.commands)
    pulses(world, 20)
    assert (len(world.pages), len(world.commands)) == (told, acted)
