"""Things that each demand values of labels, found by a set of labels in time that hardly grows with
their number.

Each thing stands under its rarest demand, the one it shares with the fewest others; where still
many stand in one place, they are told apart by their next one. So 10,000 runbooks for one alert
name that differ in a label cost no more than ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Generic, TypeVar

import msgspec

from agent.core.globs import compiled, is_glob

T = TypeVar("T")

NAME = "\0name"
"""The clause about the alert's name, which alone may hold globs. No label is called so."""

FEW = 4
"""So many are looked at one by one."""
MOST_COPIES = 64
"""One thing stands under each value of a clause, and below each under each value of the next one.
Where that would be more places than these it stays where it is, to be looked at there: clauses of
many values each would otherwise multiply."""
MOST_NAMES = 4096
"""Alert names whose globs are remembered; whoever sends more of them only pays the price again."""

Clauses = Mapping[str, tuple[str, ...]]
"""Label (or `NAME`) to the values it may have. All clauses have to hold."""


class _Entry(msgspec.Struct, Generic[T]):
    number: int
    thing: T
    clauses: Clauses

    def allows(self, name: str, globs: tuple[str, ...], labels: Mapping[str, str]) -> bool:
        for label, values in self.clauses.items():
            if label != NAME:
                if labels.get(label) not in values:
                    return False
            elif name not in values and not any(glob in values for glob in globs):
                return False
        return True


class _Node(msgspec.Struct, Generic[T]):
    here: tuple[_Entry[T], ...]
    names: dict[str, _Node[T]]
    """By alert name, and by glob."""
    labels: dict[str, dict[str, _Node[T]]]


class ClauseIndex(Generic[T]):
    """Never changed once made. `find` is exact: what it returns allows the labels, and nothing else
    does."""

    def __init__(self, things: Iterable[tuple[T, Clauses]]) -> None:
        entries = [_Entry(n, thing, clauses) for n, (thing, clauses) in enumerate(things)]
        named = {name for e in entries for name in e.clauses.get(NAME, ())}
        self._globs = tuple(sorted(name for name in named if is_glob(name)))
        self._remembered: dict[str, tuple[str, ...]] = {}
        self._root = _grow(entries, frozenset())

    def find(self, labels: Mapping[str, str], *, name: str = "") -> list[T]:
        """Everything whose clauses hold, in the order it was given."""
        globs = self.globs_for(name) if self._globs else ()
        found: list[_Entry[T]] = []
        _gather(self._root, name, globs, labels, found)
        if len(found) > 1:
            # What two of its globs lead to is found twice.
            found = [e for _, e in sorted({e.number: e for e in found}.items())]
        return [entry.thing for entry in found]

    @property
    def places(self) -> int:
        """In how many places things stand: what the index takes in memory, and took to make."""
        return _places(self._root)

    def globs_for(self, name: str) -> tuple[str, ...]:
        """Every glob in the index that fits this alert name."""
        known = self._remembered.get(name)
        if known is None:
            known = tuple(glob for glob in self._globs if compiled(glob).fullmatch(name))
            if len(self._remembered) >= MOST_NAMES:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[name] = known
        return known


def _gather(
    node: _Node[T],
    name: str,
    globs: tuple[str, ...],
    labels: Mapping[str, str],
    found: list[_Entry[T]],
) -> None:
    found.extend(entry for entry in node.here if entry.allows(name, globs, labels))
    if node.names:
        for key in (name, *globs):
            below = node.names.get(key)
            if below is not None:
                _gather(below, name, globs, labels, found)
    shorter = node.labels if len(node.labels) < len(labels) else labels
    for label in shorter:
        below = node.labels.get(label, {}).get(labels.get(label, ""))
        if below is not None:
            _gather(below, name, globs, labels, found)


def _places(node: _Node[T]) -> int:
    below = (*node.names.values(), *(n for by in node.labels.values() for n in by.values()))
    return len(node.here) + sum(_places(each) for each in below)


def _grow(entries: Sequence[_Entry[T]], used: frozenset[str]) -> _Node[T]:
    """The node for these entries, which agree in the clauses that are used up above it."""
    node: _Node[T] = _Node(here=(), names={}, labels={})
    if len(entries) <= FEW:
        node.here = tuple(entries)
        return node
    shared = Counter(
        (label, value)
        for entry in entries
        for label, values in entry.clauses.items()
        if label not in used
        for value in values
    )
    # Nobody knows how many globs fit a name: each is taken to stand with all the others.
    families = sum(1 for e in entries if any(map(is_glob, e.clauses.get(NAME, ()))))
    groups: dict[tuple[str, str], list[_Entry[T]]] = {}
    here = []
    for entry in entries:
        label = _rarest(entry, used, shared, families)
        if label is None:
            here.append(entry)
            continue
        for value in dict.fromkeys(entry.clauses[label]):
            groups.setdefault((label, value), []).append(entry)
    node.here = tuple(here)
    for (label, value), group in groups.items():
        below = _grow(group, used | {label})
        if label == NAME:
            node.names[value] = below
        else:
            node.labels.setdefault(label, {})[value] = below
    return node


def _rarest(
    entry: _Entry[T], used: frozenset[str], shared: Counter[tuple[str, str]], families: int
) -> str | None:
    costs = {}
    copies = prod(len(entry.clauses[label]) for label in used)
    for label, values in entry.clauses.items():
        if label in used or not values:
            continue
        if used and copies * len(values) > MOST_COPIES and len(values) > 1:
            continue
        cost = max(shared[label, value] for value in values)
        if label == NAME and any(map(is_glob, values)):
            cost = max(cost, families)
        costs[label] = cost
    return min(costs, key=lambda label: (costs[label], label), default=None)
