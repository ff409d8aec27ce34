"""How often so little is seen by chance alone: a block permutation.

What a series was off by in the past is cut into blocks of neighbours, and stretches as long as the
one in question are laid out of blocks drawn from it. Neighbours stay together, so that a bad hour
that follows a bad hour is as likely as it is in truth; a test that takes each bin for independent
would see trends and stalls everywhere.

The draws come from a fixed congruential generator that starts at the length of the data: the same
series is always judged alike, on each machine and in each replay of the journal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

DRAWS = 999
PLENTY = 20
"""So many draws as low settle that it is nothing rare; no more are made."""
_FACTOR, _STEP, _MASK = 6364136223846793005, 1442695040888963407, (1 << 64) - 1


def chance_of(
    lowest: float,
    *,
    off: Sequence[float],
    weights: Sequence[float],
    block: int,
    draws: int = DRAWS,
) -> float:
    """Share of the drawn stretches whose weighted sum is at most `lowest`, the one that was seen
    counted among them, from 0 to 1. Where none of the draws is as low, what their spread says of
    the tail. `off`: standardised residuals of the past, in the order of time; 1 where there are
    fewer than two blocks of them."""
    size, length = len(off), len(weights)
    block = max(1, min(block, length))
    if size < 2 * block or not length:
        return 1.0
    state, hits = size * 2_654_435_761 + length, 1
    middle = squares = 0.0
    places = size - block + 1
    for drawn in range(1, draws + 1):
        total, done = 0.0, 0
        while done < length:
            state = (state * _FACTOR + _STEP) & _MASK
            start = (state >> 33) % places
            part = min(block, length - done)
            for n in range(part):
                total += off[start + n] * weights[done + n]
            done += part
        hits += total <= lowest
        if hits > PLENTY:
            return hits / (drawn + 1)
        middle += total
        squares += total * total
    chance = hits / (draws + 1)
    if hits > 1:
        return chance
    middle /= draws
    spread = math.sqrt(max(0.0, squares / draws - middle * middle))
    if spread <= 0.0:
        return chance
    return min(chance, 0.5 * math.erfc((middle - lowest) / spread / math.sqrt(2)))


def chance_of_longest(now: int, *, longest: int, ended: int) -> float:
    """How often a pause of `now` bins comes after `ended` pauses of at most `longest`, where each
    may end at any moment: of few pauses the longest says little of the next."""
    times = (now + 1) / (longest + 1)
    return math.exp(
        math.lgamma(times + 1) + math.lgamma(ended + 1) - math.lgamma(ended + times + 1)
    )
