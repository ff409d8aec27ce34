"""What a rail says at the moment of acting comes back with how long it lasts."""

from __future__ import annotations

import msgspec
import pytest

from agent.model.effect import OutcomeStatus
from agent.model.reason import Reason
from agent.model.records import Act, Halt
from tests.support.acting import ACT, Bench, returning
from tests.support.guarding import act


def busy() -> Act:
    return act(key="i-9/1/p/s", incident_id="i-9", target=str(ACT.target), status=None)


async def test_a_rail_that_lets_go_by_itself_is_waited_for() -> None:
    """F-GRD-05: without the time the plan would end there, and somebody be told for nothing."""
    bench = Bench(returning({}))
    rails = msgspec.structs.replace(bench.view.policy.rails, wait_seconds=300.0)
    bench.view.policy = msgspec.structs.replace(bench.view.policy, rails=rails)
    bench.view.acts = {busy().target: (busy(),)}
    outcome = await bench.outcome_of()
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, Reason.TARGET_BUSY)
    assert outcome.after_seconds == pytest.approx(5.0)
    assert bench.called == 0


async def test_one_that_does_not_is_not() -> None:
    bench = Bench(returning({}))
    bench.view.halt = Halt(at=0.0, who="ann", why="drill")
    outcome = await bench.outcome_of()
    assert (outcome.reason, outcome.after_seconds) == (Reason.HALTED, None)
