"""After a long stop thousands of things are due at once; a new alert does not wait behind them.

Counted, not timed: tests/bench/test_restart.py says how long it takes with 20,000.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.model.command import Command, CommandKind
from agent.model.decision import Decision, Timer
from agent.model.effect import OutcomeStatus
from agent.model.event import AlertReceived, CommandFinished, TimerFired
from agent.runtime.outbox import MOST_READS
from agent.runtime.timers import MOST_AT_ONCE, Timers
from agent.store.memory import MemoryStore
from tests.support.acting import READ, Bench, hanging, returning
from tests.support.cases import alert, received
from tests.support.kits import RealClock
from tests.support.waiting import eventually
from tests.unit.runtime.test_daemon import started

OPEN = 2_500


async def test_what_is_due_together_is_handed_on_in_parts() -> None:
    """F-STORM-08"""
    clock, parts = RealClock(), []

    async def take(fired: Sequence[TimerFired]) -> None:
        parts.append(len(fired))

    timers = Timers(clock=clock, fire=take)
    timers.load({(f"i-{n}", "climb"): clock.now() - 5_000 for n in range(OPEN)})
    work = asyncio.create_task(timers.run())
    await eventually(lambda: sum(parts) == OPEN, within=5, what="all of them")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert max(parts) == MOST_AT_ONCE


async def test_what_was_read_waits_its_turn_to_be_told() -> None:
    """F-STORM-08: thousands of diagnostics that end at once are not in the lane at once."""
    bench, told = Bench(returning({"alive": True})), asyncio.Event()
    waiting: list[str] = []

    async def finish(event: CommandFinished) -> None:
        waiting.append(event.command.id)
        await told.wait()

    bench.outbox._finish = finish
    for number in range(3 * MOST_READS):
        bench.outbox.dispatch(msgspec.structs.replace(READ, id=f"r{number}", key=f"r{number}"))
    await eventually(lambda: len(waiting) >= MOST_READS, within=3, what="the first ones")
    await asyncio.sleep(0.05)
    assert len(waiting) == MOST_READS
    told.set()
    await eventually(lambda: len(waiting) == 3 * MOST_READS, within=3, what="the others too")
    await bench.outbox.drain(grace_seconds=1)


async def test_who_gets_no_turn_in_time_goes_without_an_answer() -> None:
    """F-STORM-03: a page does not wait for findings that stand behind those of a storm."""
    bench = Bench(hanging, clock=RealClock())
    slow = msgspec.structs.replace(READ, timeout_seconds=60.0)
    for number in range(MOST_READS):
        bench.outbox.dispatch(msgspec.structs.replace(slow, id=f"r{number}"))
    await eventually(lambda: bench.called == MOST_READS, within=3, what="every slot is taken")
    bench.outbox.dispatch(msgspec.structs.replace(READ, id="late", timeout_seconds=0.05))
    await eventually(lambda: bench.back, within=3, what="it is told")
    [event] = bench.back
    assert (event.command.id, event.outcome.status) == ("late", OutcomeStatus.TEMPORARY)
    assert event.outcome.detail == "no turn within 0.05 s"
    await bench.outbox.drain(grace_seconds=0.0)


async def test_a_page_is_handed_on_while_outcomes_cannot_be_kept() -> None:
    """Reads give up their slot late; what tells people has its own."""
    bench, gate = Bench(returning({})), asyncio.Event()

    async def call(command: Command) -> Mapping[str, Any]:
        bench.called += 1
        return {}

    async def finish(event: CommandFinished) -> None:
        await gate.wait()

    bench.call, bench.outbox._finish = call, finish  # type: ignore[method-assign]
    from_core = msgspec.structs.replace(READ, kind=CommandKind.NOTIFY)
    for number in range(100):
        bench.outbox.dispatch(msgspec.structs.replace(from_core, id=f"p{number}"))
    await eventually(lambda: bench.called == 100, within=3, what="all pages are out")
    gate.set()
    await bench.outbox.drain(grace_seconds=1)


async def test_a_new_alert_is_decided_long_before_the_backlog(tmp_path: Path) -> None:
    """F-STORM-08: a restart with thousands of open incidents, each of which has something due."""
    store, due = MemoryStore(), "silence_end"
    async with started(tmp_path, store) as made:
        events: list[AlertReceived] = [
            received(alert(f"Old{n}", starts_at=made.now() - 60), made.now() - 60)
            for n in range(OPEN)
        ]
        await made.lane.submit(events)
        timers = tuple(
            Timer(subject=name, name=due, due=made.now() + 3_600) for name in made.view.incidents
        )
        assert len(timers) == OPEN
        await made.lane.submit([Decision(timers=timers)])
        fired: list[int] = []
        take = made.timers._fire

        async def counted(batch: Sequence[TimerFired]) -> None:
            await take(batch)
            fired.append(len(batch))

        made.timers._fire = counted
        over = tuple(msgspec.structs.replace(t, due=made.now() - 1) for t in timers)
        await made.lane.submit([Decision(timers=over)])
        await made.receive([alert("New", starts_at=made.now())])
        before = sum(fired)
        assert before <= OPEN / 2, "most of what was due had to wait"
        await eventually(lambda: sum(fired) >= OPEN, within=20, what="the rest is done too")
