"""The worst regular expressions that are taken, on the longest texts they are tried on: whoever may
ask for alerts may send one, and while it is matched nothing else happens."""

from __future__ import annotations

import time

import pytest

from agent.core.bounded_regex import bounded

pytestmark = pytest.mark.bench

GOAL_MS = 10.0
WORST = (
    ".*x", ".*.*x", ".*.*.*x", "(.*){3}x", "(.*b){3}x", "a*a*a*b", ".*.*a{50}b", "(aa)*(aa)*(aa)*b",
    ".{1,100}.{1,100}b", "a?" * 14 + "b", "(a|aa)" * 8 + "b", "(.*|.*|.*)b", "(a?a?a?a?a?)a*a*b",
)  # fmt: skip


@pytest.mark.parametrize("pattern", WORST)
def test_the_worst_that_is_taken(pattern: str) -> None:
    taken = bounded(pattern)
    assert taken is not None
    costs = []
    for piece in ("a", "ab", "-prod-"):
        for end in ("", "!", "\n"):
            text = (piece * taken.longest)[: taken.longest - len(end)] + end
            began = time.perf_counter()
            assert taken.is_all_of(text) is not None
            costs.append((time.perf_counter() - began) * 1000)
    assert max(costs) <= GOAL_MS
