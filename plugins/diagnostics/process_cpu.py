"""How much of the processor a process wants now, and whether that is on its way down.

Measured twice in a row, so that a runaway (all the time, and no less in the end) is told from a
burst that ends by itself. One core is 1. On a machine that is overloaded even a runaway gets no
whole core; so what it waited for is counted too, and judged is what it wanted. Where a process
declares itself to be batch work (by its scheduling policy or its niceness), a busy core is what it
is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from pydantic import Field

from agent.ports.kit import ProcessUse, ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

FALLING = 0.7
"""So much of the first half, or less, is falling."""


class Cpu(Params):
    target: str = Field(description="Name of the registered entity to look at.")
    over: Span = Field(
        default=timedelta(seconds=2),
        ge=timedelta(milliseconds=100),
        le=timedelta(seconds=30),
        description="How long it is watched, in two halves.",
    )


class CpuResult(Result):
    alive: bool
    cores: float | None = Field(
        default=None, description="Cores it took in the second half; unknown where it does not run."
    )
    wanted: float | None = Field(
        default=None, description="Cores it would have taken there, had the machine been free."
    )
    wanted_before: float | None = Field(default=None, description="The same of the first half.")
    falling: bool | None = Field(
        default=None, description="It wanted clearly less in the second half."
    )
    is_batch: bool | None = Field(
        default=None, description="It runs as batch work: with `chrt --batch`, or a niceness."
    )
    processes: int | None = Field(default=None, description="It and what it forked.")


@diagnostic(
    name="process.cpu",
    params=Cpu,
    result=CpuResult,
    summary="How many cores a process takes now, whether that falls, and whether it is batch work",
)
async def cpu(kit: ReadKit, params: Cpu) -> CpuResult:
    half = min(params.over.total_seconds(), kit.deadline_seconds * 0.8) / 2
    looks = [await kit.processes.use(params.target)]
    for _ in range(2):
        await asyncio.sleep(half)
        looks.append(await kit.processes.use(params.target))
    first, second, third = looks
    if third is None:
        return CpuResult(alive=False)
    before, now = _wanted(first, second), _wanted(second, third)
    falling = None if before is None or now is None else now <= before * FALLING
    return CpuResult(
        alive=True,
        cores=_rate(second, third, _took),
        wanted=now,
        wanted_before=before,
        falling=falling,
        is_batch=third.is_batch,
        processes=third.processes,
    )


def _wanted(one: ProcessUse | None, other: ProcessUse | None) -> float | None:
    """What it took, and what it waited for. Where the kernel does not count the waiting, what it
    took is the least that it wanted."""
    took, waited = _rate(one, other, _took), _rate(one, other, _waited)
    return took if took is None or waited is None else round(took + waited, 3)


def _took(seen: ProcessUse) -> float | None:
    return seen.cpu_seconds


def _waited(seen: ProcessUse) -> float | None:
    return seen.cpu_waited_seconds


def _rate(
    one: ProcessUse | None, other: ProcessUse | None, counter: Callable[[ProcessUse], float | None]
) -> float | None:
    """Unknown across a restart: the counters began anew, and with them what they count."""
    if one is None or other is None or other.at <= one.at:
        return None
    begin, end = counter(one), counter(other)
    if begin is None or end is None or end < begin:
        return None
    return round((end - begin) / (other.at - one.at), 3)
