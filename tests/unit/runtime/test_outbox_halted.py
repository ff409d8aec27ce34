"""The kill switch at the act: files are read then, whatever was decided before."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.halting import Place, Says
from agent.model.effect import OutcomeStatus
from agent.model.reason import Reason
from tests.support.acting import ACT, READ, Bench, returning
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    ("says", "reason"),
    [(Says.ON, Reason.HALTED), (Says.UNREADABLE, Reason.HALT_UNREADABLE)],
)
async def test_a_file_that_says_on_is_read_before_every_act(says: Says, reason: Reason) -> None:
    """F-GRD-04, F-GRD-07: nothing of it is kept yet, and it holds."""
    bench = Bench(returning({}))
    bench.place = Place(path="/x/HALT", says=says, why="drill")
    outcome = await bench.outcome_of()
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, reason)
    assert outcome.detail == "/x/HALT: drill"
    assert bench.called == 0


async def test_a_switch_set_while_an_act_waits_for_its_time_holds_it() -> None:
    """F-GRD-04"""
    bench = Bench(returning({}))
    later = msgspec.structs.replace(ACT, not_before=bench.clock.now() + 3600)
    bench.outbox.dispatch(later)
    bench.place = Place(path="/x/HALT", says=Says.ON, why="drill")
    await eventually(lambda: bench.back, within=3, what="refused", every=0.002)
    assert bench.back[0].outcome.reason is Reason.HALTED
    assert bench.called == 0


async def test_a_look_that_fails_is_no_yes() -> None:
    """F-GRD-07"""
    bench = Bench(returning({}))

    def broken() -> Place | None:
        raise RuntimeError("a defect")

    bench.look = broken  # type: ignore[method-assign]
    outcome = await bench.outcome_of()
    assert (outcome.status, bench.called) == (OutcomeStatus.FAILED, 0)


async def test_reading_goes_on_while_halted() -> None:
    bench = Bench(returning({"alive": True}))
    bench.place = Place(path="/x/HALT", says=Says.ON, why="drill")
    assert (await bench.outcome_of(READ)).status is OutcomeStatus.DONE
