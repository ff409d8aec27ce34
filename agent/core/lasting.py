"""How long an alert's expression surely stays true after the last bad sample.

`max_over_time(x[10m]) > 3` is true for ten minutes after the last sample above 3, whatever is done
meanwhile. So where it ended less than ten minutes after an act, the last bad sample was before the
act: the recovery had begun. Only forms of which that is certain are known here; of everything else
the answer is 0: nothing is certain.

- `max_over_time(x[w]) > c` (also `>=`) and `min_over_time(x[w]) < c` (`<=`): one bad sample in the
  window is enough;
- `increase(x[w]) > 0`, and so `rate`, `changes`, `resets` and `count_over_time`, also `!= 0`: they
  are zero only once nothing of it is left in the window;
- `present_over_time(x[w])`, compared or not;
- around those that compare with zero also `sum` and `max`, around the others the one that looks for
  the same (`max` or `min`);
- an `offset` into the past comes on top;
- `a or b` is certain of the shorter of both, and so is `a and b`: both have to hold.

An expression that is taken for surer than it is would deny people their credit, and one that is
taken for less sure would give it to a coincidence; where it cannot be read nothing is certain.
"""

from __future__ import annotations

from functools import lru_cache

from agent.core.alert_expression import is_cut
from agent.core.promql import skim
from agent.core.promql_tokens import PromqlError
from agent.core.promql_tree import (
    Aggregation,
    Binary,
    Bracketed,
    Call,
    Number,
    Selector,
    Subquery,
    Tree,
)

ABOVE, BELOW = (">", ">="), ("<", "<=")
MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "!=": "!=", "==": "=="}
COUNTING = ("increase", "rate", "changes", "resets", "count_over_time")
ADDING = ("sum", "max")
MOST_DEEP = 50


@lru_cache(maxsize=1024)
def lasts_for(expression: str) -> float:
    """Seconds for which it surely stays true after the last bad sample; 0 where that is not
    certain. Total: whatever the text is, there is an answer, never an error."""
    if not expression.strip() or is_cut(expression):
        return 0.0
    try:
        return _lasts(skim(expression), MOST_DEEP)
    except PromqlError:
        return 0.0


def _lasts(tree: Tree, deep: int) -> float:
    if deep == 0:
        return 0.0
    if isinstance(tree, Bracketed):
        return _lasts(tree.inner, deep - 1)
    if isinstance(tree, Call) and tree.name == "present_over_time":
        return _window(tree)
    if not isinstance(tree, Binary):
        return 0.0
    if tree.op in ("or", "and"):
        return min(_lasts(tree.left, deep - 1), _lasts(tree.right, deep - 1))
    left, right = _plain(tree.left), _plain(tree.right)
    if isinstance(right, Number):
        return _compared(left, tree.op, right.value)
    if isinstance(left, Number):
        return _compared(right, MIRRORED.get(tree.op, ""), left.value)
    return 0.0


def _plain(tree: Tree) -> Tree:
    for _ in range(MOST_DEEP):
        if not isinstance(tree, Bracketed):
            break
        tree = tree.inner
    return tree


def _compared(tree: Tree, op: str, bound: float) -> float:
    """How long this, compared with a number, stays as it was."""
    around: list[str] = []
    while isinstance(tree, Aggregation) and tree.arguments and len(around) < MOST_DEEP:
        around.append(tree.name)
        tree = _plain(tree.arguments[-1])
    if not isinstance(tree, Call):
        return 0.0
    if tree.name == "max_over_time" and op in ABOVE and set(around) <= {"max"}:
        return _window(tree)
    if tree.name == "min_over_time" and op in BELOW and set(around) <= {"min"}:
        return _window(tree)
    is_above_zero = bound == 0 and op in (">", "!=")
    if tree.name in COUNTING and is_above_zero and set(around) <= set(ADDING):
        return _window(tree)
    if tree.name == "present_over_time" and op in (">", ">=", "==", "!=") and not around:
        return _window(tree)
    return 0.0


def _window(call: Call) -> float:
    """The range of what the function looks at, and how far in the past that ends."""
    if not call.arguments:
        return 0.0
    looked_at = _plain(call.arguments[-1])
    if not isinstance(looked_at, Selector | Subquery) or looked_at.is_pinned:
        return 0.0
    offset = looked_at.offset_seconds or 0.0
    if offset < 0:
        return 0.0
    return (looked_at.range_seconds or 0.0) + offset
