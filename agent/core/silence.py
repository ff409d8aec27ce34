"""Silences: a person's word that matching alerts need nobody. Hands off, and no page.

The incident is kept open with `silenced_by`, so that what still burns when the silence ends is
looked at then and not forgotten. Matchers are Alertmanager's; their regular expressions are
anchored and bounded, and one that does not compile matches nothing (telling people fails open).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from agent.core.lifecycle import Move
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.decision import LedgerMove, LedgerState
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher

LONGEST_REGEX = 256
LONGEST_SUBJECT = 1024
RISKY = re.compile(r"[+*}]\)*[+*{]|\([^)]*[+*|][^)]*\)[+*{]|\\[1-9]|\(\?")
"""Nested or alternated repeats, back references, extensions: what lets `re` backtrack without end
(faults study, M18). A silence with such a matcher is refused at the door."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if len(pattern) > LONGEST_REGEX or RISKY.search(pattern):
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def is_usable(matcher: SilenceMatcher) -> bool:
    """Whether a matcher can be evaluated in bounded time."""
    return not matcher.is_regex or _compiled(matcher.value) is not None


def _agrees(matcher: SilenceMatcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    if matcher.is_regex:
        pattern = _compiled(matcher.value)
        if pattern is None:
            return False
        return bool(pattern.fullmatch(value[:LONGEST_SUBJECT])) is matcher.is_equal
    return (value == matcher.value) is matcher.is_equal


def covers(silence: Silence, labels: Mapping[str, str], at: float) -> bool:
    """Whether the silence is in force and all of its matchers agree."""
    return (
        silence.starts_at <= at < silence.ends_at
        and bool(silence.matchers)
        and all(_agrees(m, labels) for m in silence.matchers)
    )


def silencing(labels: Mapping[str, str], view: View, at: float) -> Silence | None:
    found = [s for s in view.silences.values() if covers(s, labels, at)]
    return max(found, key=lambda s: s.ends_at) if found else None


def silence(turn: Turn) -> Turn:
    """The stage: a silenced incident waits for the end of its silence."""
    if turn.todo is not Todo.MATCH:
        return turn
    case = turn.case
    firing = [a for a in case.alerts.values() if a.status is AlertStatus.FIRING]
    found = [silencing(a.labels, turn.view, turn.at) for a in firing]
    if not found or any(s is None for s in found):
        return turn
    longest = max((s for s in found if s is not None), key=lambda s: s.ends_at)
    turn = turn.change(silenced_by=longest.id, reason=Reason.SILENCED)
    turn = turn.ledger(
        LedgerMove(
            incident_id=case.id,
            state=LedgerState.SUPPRESSED,
            reason=Reason.SILENCED,
            at=turn.at,
        )
    )
    turn = turn.note("silenced", Reason.SILENCED, f"{longest.created_by}: {longest.comment}"[:300])
    return turn.timer("silence_end", longest.ends_at).then(Todo.REST)


def unsilence(turn: Turn) -> Turn:
    """The silence ended (or does not cover all of it) and it still fires: it is looked at now."""
    case = turn.case
    if case.silenced_by is None or not turn.can(Move.RELEASE):
        return turn.then(Todo.REST)
    turn = turn.start_over(silenced_by=None).timer("silence_end", None)
    turn = turn.ledger(
        LedgerMove(
            incident_id=case.id,
            state=LedgerState.OPEN,
            reason=Reason.NEW_ALERT,
            at=turn.at,
            from_states=(LedgerState.SUPPRESSED,),
        )
    )
    return turn.note("silence_ended", Reason.NEW_ALERT).then(Todo.MATCH)
