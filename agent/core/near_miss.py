"""Runbooks that almost matched, nearest first, each with the first clause that failed.

Nearest is what a person would try next: a runbook for this very alert that one clause kept away,
then one whose name speaks of the same. Names are compared by their words, and a word that few
runbooks use tells more than one that all of them use (`Kube`).
"""

from __future__ import annotations

import difflib
import heapq
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping

import msgspec

from agent.core.matching import NearMiss, failing_clause, names_allow
from agent.core.turn import Turn
from agent.model.runbook import Match, Runbook

MOST = 10
COMPARED_BY_LETTERS = 100
LIKE_ENOUGH = 0.75
"""Share of letters in order from which two names count as one misspelt."""
STEM = 4
"""So many letters tell a word: `Looping` is `Loop`, `Expiration` is `Expiry`."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

NAME_WEIGHT = 0.7
NO_NAME = 0.4
"""What a runbook without alert names is worth: it may be about anything."""


def near_misses(turn: Turn, labels: Mapping[str, str], *, most: int = MOST) -> list[NearMiss]:
    """At most so many, nearest first. Runbooks that match are left out."""
    families = _Families(turn.view.runbooks.runbooks)
    name = labels.get("alertname", "")
    asked = _words(name)
    likeness = {r.name: families.likeness(asked, name, r.match) for r in families.runbooks}
    nearest = heapq.nlargest(
        max(most, COMPARED_BY_LETTERS), families.runbooks, key=lambda r: likeness[r.name]
    )
    found = []
    for runbook in nearest:
        miss = failing_clause(turn, runbook, labels)
        if miss is None:
            continue
        alike = max(likeness[runbook.name], _letters_alike(name, runbook.match))
        closeness = NAME_WEIGHT * alike + (1 - NAME_WEIGHT) * _held(turn, runbook.match, labels)
        found.append(msgspec.structs.replace(miss, closeness=round(closeness, 3)))
    found.sort(key=lambda miss: (-miss.closeness, miss.runbook))
    return found[:most]


class _Families:
    """How much each word of an alert name tells, learned from the runbooks there are."""

    def __init__(self, runbooks: Collection[Runbook]) -> None:
        self.runbooks = runbooks
        self._words = {n: _words(n) for r in runbooks for n in r.match.alert}
        counted = Counter(word for words in self._words.values() for word in words)
        total = max(1, len(self._words))
        self._worth = {word: math.log(1 + total / count) for word, count in counted.items()}
        self._unknown = math.log(1 + total)

    def likeness(self, asked: frozenset[str], name: str, match: Match) -> float:
        if not match.alert:
            return NO_NAME
        if names_allow(match, name):
            return 1.0
        return max(self._overlap(asked, self._words[own]) for own in match.alert)

    def _overlap(self, one: frozenset[str], other: frozenset[str]) -> float:
        """From 0 to just below 1: what both names say, as a share of what they say."""
        both = self._sum(one & other)
        return 0.95 * 2 * both / (self._sum(one) + self._sum(other)) if both else 0.0

    def _sum(self, words: frozenset[str]) -> float:
        return sum(self._worth.get(word, self._unknown) for word in words)


def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower()[:STEM] for word in _WORD.findall(name))


def _letters_alike(name: str, match: Match) -> float:
    """For a name that is misspelt, or written in another way."""
    ratios = (difflib.SequenceMatcher(None, name.lower(), n.lower()) for n in match.alert)
    best = max((r.ratio() for r in ratios if r.quick_ratio() >= LIKE_ENOUGH), default=0.0)
    return best if LIKE_ENOUGH <= best < 1.0 else 0.0


def _held(turn: Turn, match: Match, labels: Mapping[str, str]) -> float:
    """Share of the clauses besides the name that hold; `when` is left to the reader."""
    truths = [labels.get(label) in allowed for label, allowed in match.labels.items()]
    if match.layer is not None:
        truths.append(match.layer is turn.case.layer)
    if match.product is not None:
        truths.append(match.product == turn.case.product)
    return sum(truths) / len(truths) if truths else 1.0
