"""`make learning-proof SEEDS="1 2 3"`: plays each seed, prints its figures, and fails where one of
them is not what it has to be. How far it has come is told on standard error."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.proof.learning.oracle import Oracle
from tests.proof.learning.play import Play
from tests.proof.learning.report import missed, table, total
from tests.proof.learning.score import Score

SEEDS = (1, 2, 3)
DAYS = 180
AT_ONCE = 2
EVERY = 0.25


def score_of(seed: int, *, days: int = DAYS, is_told: bool = False) -> Score:
    """One company, from the first day to the last."""
    step = [EVERY]

    def told(share: float) -> None:
        if is_told and share >= step[0]:
            step[0] += EVERY
            print(f"seed {seed}: {share:.0%}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        play = Play(seed, days=days, folder=Path(folder) / "promoted")
        play.play(told)
        return Oracle(play, seed).score()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="learning-proof", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="*", help="numbers; 1 2 3 where none is given")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--brief", action="store_true", help="without a line for each family")
    asked = parser.parse_args(arguments)
    seeds = asked.seeds or list(SEEDS)
    with ProcessPoolExecutor(max_workers=AT_ONCE) as pool:
        scores = []
        for score in pool.map(partial(score_of, days=asked.days, is_told=True), seeds):
            scores.append(score)
            print("\n".join(table(score, details=not asked.brief)), flush=True)
    if len(scores) > 1:
        print("\n".join(total(scores)))
    wrong = missed(scores)
    for each in wrong:
        print(f"MISSED: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
