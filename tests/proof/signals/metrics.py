"""Made-up leadership metrics: what products report every ten minutes, and how they stall.

Four sorts, as they are found in the field:

- *orders*: a running total, 15 to 300 an hour on average, by day and by week, growing or shrinking
  slowly, with noise that has memory; restarts set it back to nothing;
- *stock*: a level that accumulates (accounts, documents): what comes by day and week, less what
  goes; now and then read a little wrong;
- *debt*: the same, going down;
- *crowd*: a level that comes and goes (people in a shop), without any direction to speak of.

Readings are missing, come late and twice, or are no numbers at all. Holidays are in it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent.model.product import LeadershipMetric
from agent.model.signals import Direction, Motion
from tests.proof.signals.noise import (
    DAY,
    HOUR,
    START,
    Wander,
    day_shape,
    gaps,
    is_within,
    poisson,
    week_shape,
)

EVERY = 600.0
"""Seconds between readings."""
FIRST_DAY = 20
"""No stall before that: two weeks and a cadence have to be known of a week's season."""


class Sort(StrEnum):
    ORDERS = "orders"
    STOCK = "stock"
    DEBT = "debt"
    CROWD = "crowd"


class Fault(StrEnum):
    STOP = "full stop"
    LEAK = "a leak"
    """10 to 20 % of what is usual is left."""
    GROWTH = "growth that ends"
    """As much goes as comes; both go on."""
    FROZEN = "a frozen value"


FAULTS = {
    Sort.ORDERS: (Fault.STOP, Fault.LEAK, Fault.FROZEN),
    Sort.STOCK: (Fault.GROWTH, Fault.FROZEN),
    Sort.DEBT: (Fault.GROWTH, Fault.FROZEN),
    Sort.CROWD: (Fault.STOP, Fault.LEAK, Fault.FROZEN),
}


@dataclass(frozen=True)
class Stall:
    fault: Fault
    begins: float
    ends: float
    left: float
    """Share of what is usual that still comes."""


@dataclass(frozen=True)
class Life:
    """What a metric is made of; drawn once."""

    sort: Sort
    days: int
    an_hour: float
    growth: float
    """Share by which it is more after each day."""
    day: Callable[[float], float]
    week: Callable[[float], float]
    noise: float
    memory: float
    holidays: dict[int, float]
    silent: list[tuple[float, float]]
    churn: float
    misread: float
    """Spread of how wrong a level is read, as a share of what it goes in a day."""
    metric: LeadershipMetric
    depth: float


def draw(rng: random.Random, sort: Sort, *, days: int) -> Life:
    weekly = rng.random() < 0.7
    weekend = rng.uniform(0.35, 1.0) if weekly else rng.uniform(0.85, 1.0)
    depth = rng.uniform(0.3, 0.95)
    # Whoever expects motion within half a day knows that nights are not empty.
    choices = (0.5, 1.0, 1.0, 1.0, 2.0) if depth < 0.6 and weekend > 0.6 else (1.0, 1.0, 2.0)
    cadence = rng.choice(choices) * DAY
    if sort in (Sort.STOCK, Sort.DEBT):
        cadence = max(DAY, cadence)
    direction = {Sort.DEBT: Direction.DOWN, Sort.CROWD: Direction.UP}.get(sort, Direction.UP)
    motion = Motion(
        cadence_seconds=cadence,
        direction=direction,
        is_count=sort is Sort.ORDERS,
        season_seconds=7 * DAY if weekly else DAY,
    )
    return Life(
        sort=sort,
        days=days,
        an_hour=math.exp(rng.uniform(math.log(15), math.log(300))),
        growth=rng.uniform(-0.004, 0.012),
        day=day_shape(rng, depth=depth),
        week=week_shape(weekend),
        noise=rng.uniform(0.15, 0.4),
        memory=rng.uniform(0.3, 0.7) ** (EVERY / HOUR),
        holidays={
            rng.randrange(days): rng.uniform(0.6, 0.85) for _ in range(poisson(rng, days / 40))
        },
        silent=gaps(rng, days=days),
        churn=rng.uniform(0.1, 0.4),
        misread=rng.choice((0.0, 0.03, 0.08)),
        metric=LeadershipMetric(name=f"{sort.value}_total", motion=motion),
        depth=depth,
    )


def plant(rng: random.Random, life: Life) -> Stall:
    """A stall of one of the kinds of its sort, at any time of day or night."""
    motion = life.metric.motion
    assert motion is not None
    lasts = motion.cadence_seconds * rng.uniform(1.5, 3)
    last = START + life.days * DAY - lasts - 2 * DAY
    begins = rng.uniform(START + FIRST_DAY * DAY, last)
    fault = rng.choice(FAULTS[life.sort])
    left = rng.uniform(0.1, 0.2) if fault is Fault.LEAK else 0.0
    return Stall(fault=fault, begins=begins, ends=begins + lasts, left=left)


def readings(rng: random.Random, life: Life, stall: Stall | None) -> Iterator[tuple[float, float]]:
    """When each reading came in, and what it said, in the order they came in."""
    wander, wrong = Wander(rng, memory=life.memory), Wander(rng, memory=0.5)
    total = float(poisson(rng, 5_000))
    if life.sort is Sort.DEBT:
        total += 60.0 * 24 * life.an_hour * 2
    shown = total
    frozen: float | None = None
    late: tuple[float, float] | None = None
    for step in range(int(life.days * DAY / EVERY)):
        at = START + step * EVERY
        now = stall if stall is not None and stall.begins <= at < stall.ends else None
        rate = _rate(life, at, wander.step())
        total, shown = _go_on(rng, life, now, total, rate, at, wrong.step())
        if now is not None and now.fault is Fault.FROZEN:
            frozen = shown if frozen is None else frozen
            shown = frozen
            if life.sort is Sort.ORDERS:
                total = frozen
        elif life.sort is Sort.ORDERS and rng.random() < EVERY / (20 * DAY):
            total = shown = 0.0
        if is_within(at, life.silent) or rng.random() < 0.02:
            continue
        seen = at + rng.uniform(0, 20)
        yield seen, math.nan if rng.random() < 0.002 else shown
        if late is not None:
            yield late
        late = (seen, shown) if rng.random() < 0.005 else None


def _rate(life: Life, at: float, noise: float) -> float:
    """What is due in ten minutes."""
    days = (at - START) / DAY
    even = life.an_hour * EVERY / HOUR * math.exp(life.growth * days)
    shape = life.day(at) * life.week(at) * life.holidays.get(int(days), 1.0)
    return even * shape * math.exp(life.noise * noise - life.noise**2 / 2)


def _go_on(
    rng: random.Random,
    life: Life,
    now: Stall | None,
    total: float,
    rate: float,
    at: float,
    wrong: float,
) -> tuple[float, float]:
    """The true value after ten minutes, and the one that is read."""
    less = now is not None and now.fault in (Fault.STOP, Fault.LEAK)
    left = now.left if less and now is not None else 1.0
    if life.sort is Sort.ORDERS:
        total += poisson(rng, rate * left)
        return total, total
    if life.sort is Sort.CROWD:
        # People stay for an hour or so: what is there is what came lately.
        there = float(poisson(rng, rate * left * HOUR / EVERY))
        return there, there
    ended = now is not None and now.fault is Fault.GROWTH
    goes = poisson(rng, rate * (1.0 if ended else life.churn))
    step = poisson(rng, rate) - goes
    total += step if life.sort is Sort.STOCK else -step
    a_day = life.an_hour * 24 * (1 - life.churn)
    return total, float(round(total + life.misread * a_day * wrong))
