"""Who lets a learned runbook run again, and who is told that one was taken out."""

from __future__ import annotations

import msgspec

from agent.model.effect import OutcomeStatus
from agent.model.reason import Reason
from agent.model.runbook import Match
from tests.support.cases import alert, runbook
from tests.support.learned import promotion
from tests.support.standings import asked, held_to_its_runs, runs, standing, suspended_cases

MINE = Match(alert=("Hung",), product="shop")


def test_who_resolved_what_it_was_learned_from_does_not_let_it_run_again() -> None:
    """F-RB-14: that would be an approval by another name."""
    world = held_to_its_runs(runbook())
    made = msgspec.structs.replace(promotion("hung"), resolvers=("anna",))
    world.keep("promotion", "hung", made)
    runs(world, "--")
    assert asked(world, suspend=False) is Reason.NOT_ALLOWED
    assert standing(world).is_suspended
    assert asked(world, suspend=False, who="bob") is None


def test_what_is_said_of_runbooks_of_two_products_is_no_common_cause() -> None:
    """Each owner is told of their own; neither is held under the other, nor widens it."""
    other = runbook(
        "slow", alert="Slow", owner="team-pay", match=Match(alert=("Slow",), product="pay")
    )
    world = held_to_its_runs(runbook(match=MINE), other)
    runs(world, "--")
    for _ in range(2):
        slow = alert("Slow", "pay-api", starts_at=world.now)
        world.fire(slow)
        world.act(OutcomeStatus.FAILED)
        world.clear(slow)
        world.wait(100)
    cases = suspended_cases(world)
    assert sorted(str(c.routed_to) for c in cases) == ["team-pay", "team-shop"]
    assert [c.held_by for c in cases] == [None, None]
