"""The outbox: whatever a plugin does, one frozen outcome comes of it, and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from agent.core.view import View
from agent.model.command import Command, CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.errors import Permanent, StoreUnavailable, Temporary, UnknownEffect
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.runtime.lane import Undecidable
from agent.runtime.outbox import MOST_ACTS
from tests.support.acting import ACT, READ, Bench, Hasty, hanging, raising, returning
from tests.support.decisions import make_act
from tests.support.kits import RealClock
from tests.support.waiting import eventually


async def test_done() -> None:
    outcome = await Bench(returning({"pid": 7})).outcome_of()
    assert (outcome.status, outcome.value) == (OutcomeStatus.DONE, {"pid": 7})


@pytest.mark.parametrize(
    ("error", "of_act", "of_read"),
    [
        (Temporary("busy"), "temporary", "temporary"),
        (Permanent("no"), "failed", "failed"),
        (UnknownEffect("sent"), "unknown", "unknown"),
        (RuntimeError("a defect of the plugin"), "unknown", "failed"),
        (KeyError("x"), "unknown", "failed"),
        (RecursionError(), "unknown", "failed"),
        (ExceptionGroup("several", [OSError("a")]), "unknown", "failed"),
    ],
)
async def test_what_a_plugin_raises_becomes_an_outcome(
    error: Exception, of_act: str, of_read: str
) -> None:
    assert (await Bench(raising(error)).outcome_of(ACT)).status == of_act
    assert (await Bench(raising(error)).outcome_of(READ)).status == of_read


async def test_a_wish_to_wait_is_bounded() -> None:
    outcome = await Bench(raising(Temporary("busy", after_seconds=1e9))).outcome_of()
    assert outcome.after_seconds == 3600


@pytest.mark.parametrize(
    ("command", "status"), [(ACT, OutcomeStatus.UNKNOWN), (READ, OutcomeStatus.TEMPORARY)]
)
async def test_a_deadline_is_kept(command: Command, status: OutcomeStatus) -> None:
    began = time.monotonic()
    short = msgspec.structs.replace(command, timeout_seconds=0.05)
    outcome = await Bench(hanging).outcome_of(short)
    assert (outcome.status, outcome.reason) == (status, Reason.TIMED_OUT)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "value",
    [{"x": object()}, {"x": "\ud800"}, {"x": "y" * 300_000}, ["no mapping"]],
    ids=["an object", "a lone surrogate", "a huge text", "a list"],
)
async def test_a_result_nobody_can_keep_is_no_result(value: Any) -> None:
    """Of an act it says nothing about whether it happened."""
    assert (await Bench(returning(value)).outcome_of(ACT)).status is OutcomeStatus.UNKNOWN
    assert (await Bench(returning(value)).outcome_of(READ)).status is OutcomeStatus.FAILED


async def test_a_long_message_is_cut() -> None:
    outcome = await Bench(raising(Permanent("x" * 100_000))).outcome_of()
    assert len(outcome.detail) == 500


# The guards, read again at the moment of acting.


def _halted(view: View) -> None:
    view.halt = Halt(at=0.0, who="ann", why="drill")


def _closed(view: View) -> None:
    view.incidents = {}


def _no_plugin(view: View) -> None:
    view.plugins = {}


def _no_target(view: View) -> None:
    view.registry = msgspec.structs.replace(view.registry, entities={})


def _busy(view: View) -> None:
    view.acts = {"shop-web": (make_act("other", target="shop-web", incident_id="i-2"),)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_halted, Reason.HALTED),
        (_closed, Reason.MOVE_REFUSED),
        (_no_plugin, Reason.PLUGIN_MISSING),
        (_no_target, Reason.TARGET_UNKNOWN),
        (_busy, Reason.TARGET_BUSY),
    ],
)
async def test_an_act_that_may_not_be_any_more_is_not_done(
    change: Callable[[View], None], reason: Reason
) -> None:
    bench = Bench(returning({}))
    change(bench.view)
    outcome = await bench.outcome_of()
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, reason)
    assert bench.called == 0


async def test_a_decision_that_is_too_old_is_not_acted_on() -> None:
    bench = Bench(returning({}))
    bench.outbox.dispatch(msgspec.structs.replace(ACT, created_at=bench.clock.now() - 301))
    await eventually(lambda: bench.back, within=3, what="it comes back")
    assert bench.back[0].outcome.status is OutcomeStatus.REFUSED
    assert bench.called == 0


async def test_a_guard_that_raises_has_said_no() -> None:
    bench = Bench(returning({}))
    bench.view.acts = {"shop-web": (7,)}  # type: ignore[dict-item]
    outcome = await bench.outcome_of()
    assert outcome.status in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)
    assert bench.called == 0


async def test_what_only_reads_is_not_guarded() -> None:
    bench = Bench(returning({}))
    _halted(bench.view)
    assert (await bench.outcome_of(READ)).status is OutcomeStatus.DONE


# What came of it goes back.


async def test_an_outcome_is_kept_until_the_store_takes_it() -> None:
    bench = Bench(returning({"pid": 7}))
    bench.answers = [StoreUnavailable("full")] * 7
    outcome = await bench.outcome_of()
    assert outcome.value == {"pid": 7}
    assert bench.called == 1, "it is told again, not done again"
    assert isinstance(bench.clock, Hasty)
    assert bench.clock.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_an_outcome_that_cannot_be_decided_about_is_told_without_what_it_brought() -> None:
    bench = Bench(returning({"odd": 1}))
    bench.answers = [Undecidable("a defect")]
    outcome = await bench.outcome_of()
    assert (outcome.status, outcome.value) == (OutcomeStatus.DONE, {})


async def test_one_that_never_can_be_ends_its_work_and_no_other() -> None:
    bench = Bench(returning({"odd": 1}))
    bench.answers = [Undecidable("a defect")] * 2
    bench.outbox.dispatch(msgspec.structs.replace(ACT, created_at=bench.clock.now()))
    await eventually(lambda: not bench.outbox.under_way, within=2, what="it is given up")
    assert bench.back == []
    assert (await bench.outcome_of(READ)).status is OutcomeStatus.DONE


# After a crash.


async def test_an_act_found_unfinished_is_unknown_and_not_done() -> None:
    bench = Bench(returning({}))
    bench.outbox.recover(ACT)
    await eventually(lambda: bench.back, within=2, what="it comes back")
    outcome = bench.back[0].outcome
    assert (outcome.status, outcome.reason) == (OutcomeStatus.UNKNOWN, Reason.INTERRUPTED)
    assert bench.called == 0


@pytest.mark.parametrize(
    "kind", [CommandKind.DIAGNOSE, CommandKind.OBSERVE, CommandKind.PROBE, CommandKind.NOTIFY]
)
async def test_whatever_else_was_unfinished_is_done_again(kind: CommandKind) -> None:
    bench = Bench(returning({}))
    bench.outbox.recover(msgspec.structs.replace(READ, kind=kind))
    await eventually(lambda: bench.back, within=2, what="it comes back")
    assert (bench.called, bench.back[0].outcome.status) == (1, OutcomeStatus.DONE)


# Time, room, and the end.


async def test_it_waits_for_its_time() -> None:
    bench = Bench(returning({}))
    later = msgspec.structs.replace(READ, not_before=bench.clock.now() + 30)
    await bench.outcome_of(later)
    assert isinstance(bench.clock, Hasty)
    assert 29 < bench.clock.slept[0] <= 30


async def test_so_many_acts_at_once_and_no_more() -> None:
    at_once = peak = 0

    async def does(_: Command) -> Mapping[str, Any]:
        nonlocal at_once, peak
        at_once += 1
        peak = max(peak, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return {}

    bench = Bench(does)
    for n in range(3 * MOST_ACTS):
        bench.outbox.dispatch(
            msgspec.structs.replace(ACT, id=f"{ACT.id}+{n}", created_at=bench.clock.now())
        )
    await eventually(lambda: len(bench.back) == 3 * MOST_ACTS, within=5, what="all of them")
    assert peak == MOST_ACTS


async def test_an_act_under_way_gets_its_grace() -> None:
    async def does(_: Command) -> Mapping[str, Any]:
        await asyncio.sleep(0.1)
        return {}

    bench = Bench(does)
    bench.outbox.dispatch(msgspec.structs.replace(ACT, created_at=bench.clock.now()))
    await asyncio.sleep(0.02)
    await bench.outbox.drain(grace_seconds=5)
    assert [e.outcome.status for e in bench.back] == [OutcomeStatus.DONE]


async def test_one_that_takes_too_long_leaves_its_intent_open() -> None:
    bench = Bench(hanging)
    bench.outbox.dispatch(msgspec.structs.replace(ACT, created_at=bench.clock.now()))
    await asyncio.sleep(0.02)
    await bench.outbox.drain(grace_seconds=0.05)
    assert (bench.called, bench.back, bench.outbox.under_way) == (1, [], 0)


async def test_after_the_drain_began_no_act_is_begun_and_none_is_told_to_have_ended() -> None:
    bench = Bench(returning({}))
    await bench.outbox.drain(grace_seconds=1)
    bench.outbox.dispatch(msgspec.structs.replace(ACT, created_at=bench.clock.now()))
    await asyncio.sleep(0.02)
    assert (bench.called, bench.back) == (0, [])


async def test_what_waits_for_its_time_does_not_hold_up_the_drain() -> None:
    bench = Bench(returning({}), clock=RealClock())
    later = msgspec.structs.replace(READ, not_before=bench.clock.now() + 60)
    bench.outbox.dispatch(later)
    await asyncio.sleep(0.02)
    began = time.monotonic()
    await bench.outbox.drain(grace_seconds=30)
    assert time.monotonic() - began < 1
    assert bench.back == []


async def test_what_falls_due_during_the_drain_is_left_for_the_next_start() -> None:
    async def does(_: Command) -> Mapping[str, Any]:
        await asyncio.sleep(0.2)
        return {}

    bench = Bench(does, clock=RealClock())
    now = bench.clock.now()
    bench.outbox.dispatch(msgspec.structs.replace(ACT, created_at=now))
    bench.outbox.dispatch(msgspec.structs.replace(READ, id="later", not_before=now + 0.1))
    await asyncio.sleep(0.02)
    await bench.outbox.drain(grace_seconds=5)
    assert [e.command.id for e in bench.back] == [ACT.id]
    assert bench.called == 1
