"""Runbooks that one alert would match with equal right: nobody could say which of them runs.

More matchers win, an exact name wins over a glob, of two globs the one with more letters of its
own, then the one with more of them before its first wildcard. So two runbooks tie where they say
equally much and some alert has a name that fits both: the same exact name, or two globs of the same
beginning with equally many letters. What a different `when` or different labels mean cannot be
known from the text, so they are taken to differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from agent.core.globs import head, is_glob, literals
from agent.model.fault import FaultSeverity
from agent.model.runbook import Lifecycle, Runbook

TIE = "HS210"
"""Two runbooks match the same alerts and neither is more specific."""

_RUNS = (Lifecycle.ACTIVE, Lifecycle.ASSISTED)
ANY_NAME = ""


class Tie(NamedTuple):
    """Two runbooks, the one that was read earlier first."""

    one: Runbook
    other: Runbook
    name: str
    """A name that both are for; empty where neither names any."""
    severity: FaultSeverity


def ties(runbooks: Sequence[Runbook]) -> Iterator[Tie]:
    """Each pair that ties, once. It is an error where both are active; where one of them is not, it
    becomes one as soon as it is."""
    told: set[tuple[str, str]] = set()
    for one, other, name in _meet(runbooks):
        pair = (one.name, other.name)
        if pair not in told and _ties(one, other):
            told.add(pair)
            are_active = one.lifecycle is other.lifecycle is Lifecycle.ACTIVE
            severity = FaultSeverity.ERROR if are_active else FaultSeverity.WARNING
            yield Tie(one, other, name, severity)


def _meet(runbooks: Sequence[Runbook]) -> Iterator[tuple[Runbook, Runbook, str]]:
    """Pairs that some name fits equally well. Every pair is looked at only where all of them do."""
    exact: dict[tuple[int, str], list[Runbook]] = {}
    globs: dict[tuple[int, int, str], list[tuple[str, Runbook]]] = {}
    for runbook in runbooks:
        weight = runbook.match.specificity
        for name in runbook.match.alert or (ANY_NAME,):
            if not is_glob(name):
                same = exact.setdefault((weight, name), [])
                yield from ((other, runbook, name) for other in same if other is not runbook)
                same.append(runbook)
                continue
            alike = globs.setdefault((weight, literals(name), head(name)), [])
            for other_name, other in alike:
                shared = None if other is runbook else in_common(other_name, name)
                if shared is not None:
                    yield other, runbook, shared
            alike.append((name, runbook))


@lru_cache(maxsize=65_536)
def in_common(one: str, other: str) -> str | None:
    """A shortest name that fits both globs, or None; in time that grows with the product of their
    lengths. Where any letter will do, it is an `x`."""
    ends = (len(one), len(other))
    reached: dict[tuple[int, int], tuple[tuple[int, int], str]] = {}
    to_look_at = deque([(0, 0)])
    while to_look_at:
        at = to_look_at.popleft()
        if at == ends:
            return _spelled(reached, at)
        for free, then, letter in _steps(one, other, at):
            if then in reached or then == (0, 0):
                continue
            reached[then] = (at, letter)
            if free:
                to_look_at.appendleft(then)
            else:
                to_look_at.append(then)
    return None


def _steps(
    one: str, other: str, at: tuple[int, int]
) -> Iterator[tuple[bool, tuple[int, int], str]]:
    """From these positions in both globs: whether a step costs no letter, where it leads, and the
    letter. A star ends for nothing, or takes what the other glob says next."""
    i, j = at
    a, b = one[i : i + 1], other[j : j + 1]
    if a == "*":
        yield True, (i + 1, j), ""
        if b and b != "*":
            yield False, (i, j + 1), _letter(b)
    if b == "*":
        yield True, (i, j + 1), ""
        if a and a != "*":
            yield False, (i + 1, j), _letter(a)
    if a and b and "*" not in (a, b) and (a == b or "?" in (a, b)):
        yield False, (i + 1, j + 1), _letter(b if a == "?" else a)


def _letter(char: str) -> str:
    return "x" if char == "?" else char


def _spelled(reached: Mapping[tuple[int, int], tuple[tuple[int, int], str]], at: Any) -> str:
    letters: list[str] = []
    while at != (0, 0):
        at, letter = reached[at]
        letters.append(letter)
    return "".join(reversed(letters))


def _ties(one: Runbook, other: Runbook) -> bool:
    a, b = one.match, other.match
    if (one.lifecycle in _RUNS) is not (other.lifecycle in _RUNS):
        return False  # they are never chosen between
    if {one.lifecycle, other.lifecycle} - {*_RUNS, Lifecycle.SHADOW}:
        return False
    if a.labels.keys() != b.labels.keys():
        return False
    if any(set(a.labels[n]).isdisjoint(b.labels[n]) for n in a.labels):
        return False
    if a.layer is not None and b.layer is not None and a.layer is not b.layer:
        return False
    if a.product != b.product and a.product is not None and b.product is not None:
        return False
    whens = {m.when.text for m in (a, b) if m.when is not None}
    return len(whens) <= 1
