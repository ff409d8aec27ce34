"""Incident to runbook: an index narrows, expressions run on the rest, the most specific wins.

The index holds each runbook under its rarest demand, an alert name or a label pair, so that the
cost of a match hardly grows with their number. What the index returns allows the name and the
labels for certain; the layer, the product and `when` are asked of those few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.alert_basis import look_at_alert
from agent.core.clause_index import NAME, ClauseIndex
from agent.core.facts import alert_with, facts_of, in_order, resolve_params
from agent.core.globs import fits, head, is_glob, literals
from agent.core.inventory import find_one
from agent.core.trust import standing_of, state_of
from agent.core.turn import Todo, Turn
from agent.model.alert import AlertStatus
from agent.model.reason import Reason
from agent.model.records import RunbookText
from agent.model.runbook import Facts, Lifecycle, Match, Runbook, Truth

RUNNABLE = (Lifecycle.ACTIVE, Lifecycle.ASSISTED)
SHOWN = 6
LONGEST_WHY = 300


class NearMiss(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook that almost matched, and the first clause that failed."""

    runbook: str
    clause: str
    truth: Truth
    closeness: float = 0.0
    """From 0 to 1, to compare near misses of one alert (core/near_miss.py)."""


class MatchIndex:
    """Implements `RunbookIndex` over one loaded set plus pinned older versions."""

    def __init__(self, runbooks: Sequence[Runbook], pinned: Sequence[Runbook] = ()) -> None:
        self.runbooks = tuple(runbooks)
        self._by_digest: dict[str, Runbook | None] = {}
        for runbook in (*pinned, *runbooks):
            known = self._by_digest.get(runbook.digest, runbook)
            is_clear = known is not None and known.name == runbook.name
            self._by_digest[runbook.digest] = runbook if is_clear else None
        self._index = ClauseIndex((r, _clauses(r.match)) for r in runbooks)

    def candidates(self, labels: Mapping[str, str]) -> Sequence[Runbook]:
        return self._index.find(labels, name=labels.get("alertname", ""))

    def by_digest(self, digest: str) -> Runbook | None:
        """The version with this digest. Where it stands for two runbooks of different names, none:
        what was chosen would not be what runs."""
        return self._by_digest.get(digest)


def _clauses(match: Match) -> dict[str, tuple[str, ...]]:
    return {**match.labels, NAME: match.alert} if match.alert else dict(match.labels)


def names_allow(match: Match, name: str) -> bool:
    """Whether an alert of this name is one of those the runbook is for."""
    names = match.alert
    return not names or name in names or any(fits(n, name) for n in names if is_glob(n))


def failing_clause(
    turn: Turn, runbook: Runbook, labels: Mapping[str, str], *, facts: Facts | None = None
) -> NearMiss | None:
    """The first clause of the match that does not hold, or None where all do."""
    failed = _failing(turn, runbook.match, labels, facts)
    if failed is None:
        return None
    clause, truth = failed
    return NearMiss(runbook=runbook.name, clause=clause, truth=truth)


def _failing(
    turn: Turn, match: Match, labels: Mapping[str, str], facts: Facts | None
) -> tuple[str, Truth] | None:
    case, name = turn.case, labels.get("alertname", "")
    if not names_allow(match, name):
        return f"alert: {name!r} is not {_any_of(match.alert)}", Truth.FALSE
    for label, allowed in match.labels.items():
        if labels.get(label) not in allowed:
            truth = Truth.FALSE if label in labels else Truth.UNKNOWN
            return f"labels.{label}: {labels.get(label)!r} is not {_any_of(allowed)}", truth
    if match.layer is not None and match.layer is not case.layer:
        return f"layer: {case.layer.value} is not {match.layer.value}", Truth.FALSE
    if match.product is not None and match.product != case.product:
        return f"product: {case.product} is not {match.product}", Truth.FALSE
    if match.when is not None:
        truth = match.when(facts if facts is not None else _facts_with(turn, labels))
        if truth is not Truth.TRUE:
            return f"when: {match.when.text}", truth
    return None


def _facts_with(turn: Turn, labels: Mapping[str, str]) -> Facts:
    return facts_of(turn, alert=alert_with(turn.case, labels))


def _any_of(values: tuple[str, ...]) -> str:
    shown = f"in {list(values[:SHOWN])}"
    return shown if len(values) <= SHOWN else f"{shown[:-1]}, ... {len(values) - SHOWN} more]"


def specificity(match: Match, name: str) -> tuple[int, bool, int, int]:
    """How narrowly it fits an alert of this name: more matchers win, then an exact name beats a
    glob, then the glob with more letters of its own, then the one with more of them before its
    first wildcard (a team's own prefix beats a family's suffix)."""
    if not match.alert or name in match.alert:
        return match.specificity, True, 0, 0
    globs = (n for n in match.alert if is_glob(n) and fits(n, name))
    letters, ahead = max(((literals(n), len(head(n))) for n in globs), default=(0, 0))
    return match.specificity, False, letters, ahead


def best(matches: Sequence[Runbook], name: str = "") -> tuple[Runbook | None, bool]:
    """The most specific one for an alert of this name, and whether there was a tie (a tie chooses
    nothing). One that was taken out of service may still be it."""
    runnable = [r for r in matches if r.lifecycle in RUNNABLE]
    pool = runnable or [r for r in matches if r.lifecycle is Lifecycle.SHADOW]
    if not pool:
        return None, False
    top = max(specificity(r.match, name) for r in pool)
    first = [r for r in pool if specificity(r.match, name) == top]
    return (first[0], False) if len(first) == 1 else (None, True)


def match(turn: Turn) -> Turn:
    """The stage: chooses the runbook; where there is none, the incident is novel."""
    if turn.todo is not Todo.MATCH:
        return turn
    firing = [a for a in in_order(turn.case) if a.status is AlertStatus.FIRING]
    found: dict[str, Runbook] = {}
    about: dict[str, str] = {}
    for alert in firing:
        facts: Facts | None = None
        for runbook in turn.view.runbooks.candidates(alert.labels):
            if runbook.match.when is not None and facts is None:
                facts = facts_of(turn, alert=alert)
            if failing_clause(turn, runbook, alert.labels, facts=facts) is None:
                found[runbook.name] = runbook
                about.setdefault(runbook.name, alert.identity)
    chosen, tie = best(tuple(found.values()), firing[0].name if firing else "")
    if chosen is None:
        reason = Reason.AMBIGUOUS_RUNBOOKS if tie else Reason.NO_RUNBOOK
        names = ", ".join(sorted(found)) if tie else ""
        turn = turn.change(reason=reason, reason_text=names, after_diagnosis="route")
        return turn.note("matched", reason, names).then(Todo.DIAGNOSE)
    turn = turn.note("matched", Reason.MATCHED, chosen.name, data={"digest": chosen.digest})
    turn = aim(turn.change(matched=about[chosen.name]), chosen)
    turn = turn.change(runbook=chosen.name, digest=chosen.digest, after_diagnosis="decide")
    turn = look_at_alert(turn, chosen, turn.case.alerts[about[chosen.name]])
    if state_of(chosen, turn.view) is Lifecycle.SUSPENDED:
        # No less specific one steps in: it was never meant for what this one is about.
        why = f"{chosen.name}: {standing_of(chosen.name, turn.view).why}"[:LONGEST_WHY]
        turn = turn.change(
            reason=Reason.RUNBOOK_SUSPENDED, reason_text=why, after_diagnosis="route"
        ).note("stopped", Reason.RUNBOOK_SUSPENDED, why)
    if chosen.digest in turn.view.pinned:
        return turn.then(Todo.DIAGNOSE)
    text = RunbookText(digest=chosen.digest, name=chosen.name, path=chosen.path, text=chosen.text)
    return turn.record("runbook_text", chosen.digest, text).then(Todo.DIAGNOSE)


def aim(turn: Turn, runbook: Runbook) -> Turn:
    """Looks up the object the runbook is about. That none was found stops nothing yet: the guard
    says no, and the page tells why."""
    query = runbook.match.entity
    if query is None:
        return turn
    try:
        keys = resolve_params(query.of, facts_of(turn))
    except LookupError as missing:
        return turn.note("object", Reason.OBJECT_UNKNOWN, f"{query.kind}: {missing}"[:300])
    found = find_one(query.kind, keys, turn.case, turn.view)
    if found.thing is None:
        return turn.note("object", Reason.OBJECT_UNKNOWN, found.why[:300])
    return turn.change(target=found.thing.name)


def runbook_of(turn: Turn) -> Runbook | None:
    """The runbook version this incident is pinned to."""
    digest = turn.case.digest
    return turn.view.runbooks.by_digest(digest) if digest else None
