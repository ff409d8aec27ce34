"""Incident to runbook: an index narrows, expressions run on the rest, the most specific wins.

The index holds each runbook under its alert names (runbooks without any stand in a list of their
own), so that the cost of a match hardly grows with their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.facts import facts_of
from agent.core.turn import Todo, Turn
from agent.model.alert import AlertStatus
from agent.model.reason import Reason
from agent.model.records import RunbookText
from agent.model.runbook import Lifecycle, Runbook, Truth

RUNNABLE = (Lifecycle.ACTIVE, Lifecycle.ASSISTED)


class NearMiss(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook that almost matched, and the first clause that failed."""

    runbook: str
    clause: str
    truth: Truth


class MatchIndex:
    """Implements `RunbookIndex` over one loaded set plus pinned older versions."""

    def __init__(self, runbooks: Sequence[Runbook], pinned: Sequence[Runbook] = ()) -> None:
        self._by_name: dict[str, list[Runbook]] = {}
        self._any: list[Runbook] = []
        self.runbooks = tuple(runbooks)
        self._by_digest = {r.digest: r for r in (*pinned, *runbooks)}
        for runbook in runbooks:
            if not runbook.match.alert:
                self._any.append(runbook)
            for name in runbook.match.alert:
                self._by_name.setdefault(name, []).append(runbook)

    def candidates(self, labels: Mapping[str, str]) -> Sequence[Runbook]:
        named = self._by_name.get(labels.get("alertname", ""), [])
        return [r for r in (*named, *self._any) if _labels_allow(r, labels)]

    def by_digest(self, digest: str) -> Runbook | None:
        return self._by_digest.get(digest)


def _labels_allow(runbook: Runbook, labels: Mapping[str, str]) -> bool:
    return all(labels.get(n) in allowed for n, allowed in runbook.match.labels.items())


def failing_clause(turn: Turn, runbook: Runbook, labels: Mapping[str, str]) -> NearMiss | None:
    """The first clause of the match that does not hold, or None where all do."""
    case, match = turn.case, runbook.match
    for name, allowed in match.labels.items():
        if labels.get(name) not in allowed:
            clause = f"labels.{name}: {labels.get(name)!r} is not in {list(allowed)}"
            truth = Truth.FALSE if name in labels else Truth.UNKNOWN
            return NearMiss(runbook=runbook.name, clause=clause, truth=truth)
    if match.layer is not None and match.layer is not case.layer:
        clause = f"layer: {case.layer.value} is not {match.layer.value}"
        return NearMiss(runbook=runbook.name, clause=clause, truth=Truth.FALSE)
    if match.product is not None and match.product != case.product:
        clause = f"product: {case.product} is not {match.product}"
        return NearMiss(runbook=runbook.name, clause=clause, truth=Truth.FALSE)
    if match.when is not None:
        truth = match.when(facts_of(turn, labels=labels))
        if truth is not Truth.TRUE:
            return NearMiss(runbook=runbook.name, clause=f"when: {match.when.text}", truth=truth)
    return None


def best(matches: Sequence[Runbook]) -> tuple[Runbook | None, bool]:
    """The most specific one, and whether there was a tie (a tie chooses nothing)."""
    runnable = [r for r in matches if r.lifecycle in RUNNABLE]
    pool = runnable or [r for r in matches if r.lifecycle is Lifecycle.SHADOW]
    if not pool:
        return None, False
    top = max(r.match.specificity for r in pool)
    first = [r for r in pool if r.match.specificity == top]
    return (first[0], False) if len(first) == 1 else (None, True)


def match(turn: Turn) -> Turn:
    """The stage: chooses the runbook; where there is none, the incident is novel."""
    if turn.todo is not Todo.MATCH:
        return turn
    found: dict[str, Runbook] = {}
    for alert in turn.case.alerts.values():
        if alert.status is not AlertStatus.FIRING:
            continue
        for runbook in turn.view.runbooks.candidates(alert.labels):
            if failing_clause(turn, runbook, alert.labels) is None:
                found[runbook.name] = runbook
    chosen, tie = best(tuple(found.values()))
    if chosen is None:
        reason = Reason.AMBIGUOUS_RUNBOOKS if tie else Reason.NO_RUNBOOK
        names = ", ".join(sorted(found)) if tie else ""
        turn = turn.change(reason=reason, reason_text=names, after_diagnosis="route")
        return turn.note("matched", reason, names).then(Todo.DIAGNOSE)
    turn = turn.change(runbook=chosen.name, digest=chosen.digest, after_diagnosis="decide")
    turn = turn.note("matched", Reason.MATCHED, chosen.name, data={"digest": chosen.digest})
    if chosen.digest in turn.view.pinned:
        return turn.then(Todo.DIAGNOSE)
    text = RunbookText(digest=chosen.digest, name=chosen.name, path=chosen.path, text=chosen.text)
    return turn.record("runbook_text", chosen.digest, text).then(Todo.DIAGNOSE)


def runbook_of(turn: Turn) -> Runbook | None:
    """The runbook version this incident is pinned to."""
    digest = turn.case.digest
    return turn.view.runbooks.by_digest(digest) if digest else None
