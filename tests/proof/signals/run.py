"""`make signals-proof SEEDS="1 2 3"`: plays each seed, prints its figures, and fails where one of
them is not what it has to be."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.proof.signals.metrics import Sort
from tests.proof.signals.play import Planted, Told, clean_month, planted_member, planted_metric
from tests.proof.signals.rates import rates

SEEDS = (1, 2, 3)
DAYS = 60
MONTH = 30
PLANTED = 12
MONTHS = 50
LEAST_FOUND = 11
MOST_FALSE = 4
AT_ONCE = 2
SORTS = (Sort.ORDERS, Sort.STOCK, Sort.ORDERS, Sort.CROWD, Sort.ORDERS, Sort.DEBT)


@dataclass
class Score:
    seed: int
    stalls: list[Planted] = field(default_factory=list)
    drifts: list[Planted] = field(default_factory=list)
    months: int = 0
    false: list[Told] = field(default_factory=list)


def score_of(seed: int, *, days: int = DAYS, planted: int = PLANTED, months: int = MONTHS) -> Score:
    """Each series has its own stream of chance: one more draw in one changes no other."""
    score = Score(seed=seed, months=months)
    for n in range(planted):
        sort = SORTS[n % len(SORTS)]
        score.stalls.append(planted_metric(random.Random(f"{seed}/stall/{n}"), sort, days=days))
        score.drifts.append(planted_member(random.Random(f"{seed}/drift/{n}"), days=days))
    for n in range(months):
        rng = random.Random(f"{seed}/clean/{n}")
        for told in clean_month(rng, SORTS[n % len(SORTS)], days=MONTH):
            told.name = f"month {n}: {told.name}"
            score.false.append(told)
    return score


def missed(score: Score) -> list[str]:
    wrong = []
    for name, found in (("stalls", score.stalls), ("drifts", score.drifts)):
        lost = [p for p in found if p.found is None]
        if len(found) - len(lost) < LEAST_FOUND * len(found) / PLANTED:
            told = "; ".join(p.what for p in lost)
            wrong.append(
                f"seed {score.seed}: {name} found within one cadence: {len(found) - len(lost)} of "
                f"{len(found)}, at least {LEAST_FOUND} of {PLANTED} (not {told})"
            )
    if len(score.false) > MOST_FALSE * score.months / MONTHS:
        told = "; ".join(t.name for t in score.false)
        wrong.append(
            f"seed {score.seed}: false alarms in {score.months} clean product-months: "
            f"{len(score.false)}, at most {MOST_FALSE} in {MONTHS} ({told})"
        )
    return wrong


def table(scores: Sequence[Score], *, details: bool) -> list[str]:
    lines = []
    for score in scores:
        lines.append(_line(f"seed {score.seed}", [score]))
        if details:
            lines += [f"    {_told(p)}" for p in (*score.stalls, *score.drifts)]
        lines += [f"    false: {t.name}: {t.text}" for t in score.false]
        lines += [
            f"    before or after, {p.what}: {t.name}: {t.text}"
            for p in (*score.stalls, *score.drifts)
            for t in p.before
        ]
    return lines


def total(scores: Sequence[Score]) -> str:
    return _line(f"all {len(scores)} seeds", scores)


def _line(name: str, scores: Sequence[Score]) -> str:
    stalls = [p for s in scores for p in s.stalls]
    drifts = [p for s in scores for p in s.drifts]
    false = sum(len(s.false) for s in scores)
    beside = sum(len(p.before) for p in (*stalls, *drifts))
    return (
        f"{name}: stalls {_found(stalls)}; drifts {_found(drifts)}; false alarms {false} in "
        f"{sum(s.months for s in scores)} clean product-months, {beside} in the planted series"
    )


def _found(planted: Sequence[Planted]) -> str:
    found = sorted(p.found / p.within for p in planted if p.found is not None)
    half = f", half of them after {found[len(found) // 2]:.2f} of a cadence" if found else ""
    ended = sum(p.over is not None and p.over <= p.within for p in planted)
    return f"{len(found)} of {len(planted)}{half}, over in time {ended}"


def _told(planted: Planted) -> str:
    if planted.found is None:
        return f"MISSED {planted.what}"
    over = "goes on" if planted.over is None else f"over after {planted.over / 3600:.1f} h"
    return f"{planted.what}: after {planted.found / 3600:.1f} h, {over}: {planted.text}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="signals-proof", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="*", help="numbers; 1 2 3 where none is given")
    parser.add_argument("--details", action="store_true", help="a line for each that was planted")
    parser.add_argument("--rates", action="store_true", help="the drift test by itself, instead")
    asked = parser.parse_args(arguments)
    if asked.rates:
        for line in rates():
            print(line, flush=True)
        return 0
    seeds = asked.seeds or list(SEEDS)
    scores = []
    with ProcessPoolExecutor(max_workers=AT_ONCE) as pool:
        for score in pool.map(score_of, seeds):
            scores.append(score)
            print("\n".join(table([score], details=asked.details)), flush=True)
    if len(scores) > 1:
        print(total(scores))
    wrong = [line for score in scores for line in missed(score)]
    for line in wrong:
        print(f"MISSED: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
