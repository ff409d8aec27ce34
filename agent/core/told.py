"""What people tell when they resolve, checked: it becomes what is compared and run again.

A call told after the fact is data of somebody's own making. Only actions that are loaded are taken,
with plain data of bounded size and no characters that a terminal or a page would obey; what reads
like code stays the text it is (core/likeness.py asks a person about it). Free words are evidence
and never become a deed.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from agent.core.cleaning import UNSAFE, clean_text
from agent.core.facts import in_order
from agent.core.turn import Turn
from agent.model.effect import OutcomeStatus
from agent.model.event import ResolvedByPerson
from agent.model.incident import Incident, StepRun
from agent.model.learning import CauseKind, ToldCall

LONGEST_CAUSE = 1000
LONGEST_WORDS = 300
MOST_WORDS = 20
MOST_TOLD = 20
MOST_MINUTES = 10_080.0
"""A week."""
EARLY_SECONDS = 3_600.0
"""So long before the first alert somebody may have acted on what they saw coming."""
MOST_BYTES = 4_096
"""Of the parameters of one call."""
MOST_DEEP = 5


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What was said, made safe to keep and to show."""

    cause: str
    cause_kind: CauseKind
    outside: tuple[str, ...]


def words_of(event: ResolvedByPerson) -> Words:
    return Words(
        cause=_clean(event.cause, LONGEST_CAUSE),
        cause_kind=event.cause_kind or CauseKind.UNKNOWN,
        outside=tuple(
            _clean(text, LONGEST_WORDS) for text in event.actions[:MOST_WORDS] if text.strip()
        ),
    )


def _clean(text: str, longest: int) -> str:
    return clean_text(text.strip(), longest=longest, keep_newlines=True)[0]


def done_by_people(case: Incident) -> list[StepRun]:
    """Steps by people that certainly happened."""
    return [s for s in case.steps if s.by != "agent" and s.status is OutcomeStatus.DONE]


def those_that_mattered(case: Incident, event: ResolvedByPerson | None) -> list[StepRun]:
    done = done_by_people(case)
    if event is None or event.mattered is None:
        return done
    return [step for step in done if step.id in event.mattered]


def why_not(turn: Turn, event: ResolvedByPerson) -> str | None:
    """What of it cannot be taken, for people; None where all of it can."""
    if event.minutes is not None and not 0 <= event.minutes <= MOST_MINUTES:
        return f"minutes has to be from 0 to {MOST_MINUTES:.0f}"
    known = {step.id for step in done_by_people(turn.case)}
    strange = [one for one in event.mattered or () if one not in known]
    if strange:
        can = ", ".join(sorted(known)) or "none"
        return f"no step {_short(strange[0])} was done here by people (those that were: {can})"
    if len(event.told) > MOST_TOLD:
        return f"at most {MOST_TOLD} calls can be told"
    return next((why for call in event.told if (why := _call(turn, call)) is not None), None)


def _call(turn: Turn, call: ToldCall) -> str | None:
    plugin = turn.view.plugins.get(call.use)
    if plugin is None or plugin.kind != "action":
        return f"no action {_short(call.use)} is loaded: tell it in words instead"
    why = why_not_plain(call.params)
    if why is not None:
        return f"{call.use}: {why}"
    if call.at is None:
        return None
    first = min(in_order(turn.case)[0].starts_at, turn.case.opened_at)
    if not isfinite(call.at) or call.at > turn.at:
        return f"{call.use}: it cannot have been done at a time to come"
    if call.at < first - EARLY_SECONDS:
        return f"{call.use}: that was long before the first alert of the incident"
    return None


def why_not_plain(params: Mapping[str, Any]) -> str | None:
    """Why these are no parameters anybody can have meant; None where they are plain data."""
    for name, value in params.items():
        why = _plain(value, MOST_DEEP) if isinstance(name, str) else "names are text"
        if why is None and UNSAFE.search(name):
            why = "its name has characters that nobody can type"
        if why is not None:
            return f"parameter {_short(str(name))}: {why}"
    if len(msgspec.json.encode(params)) > MOST_BYTES:
        return f"its parameters are larger than {MOST_BYTES} bytes"
    return None


def _plain(value: object, deep: int) -> str | None:
    if deep == 0:
        return "it is nested too deep"
    if isinstance(value, str):
        return "it has characters that nobody can type" if UNSAFE.search(value) else None
    if value is None or isinstance(value, bool | int):
        is_large = isinstance(value, int) and abs(value) >= 2**63
        return "it is too large a number" if is_large else None
    if isinstance(value, float):
        return None if isfinite(value) else "it is no number"
    if isinstance(value, Mapping):
        names = next((_plain(key, 1) for key in value if _plain(key, 1)), None)
        if names is not None or not all(isinstance(key, str) for key in value):
            return names or "names are text"
        return next((why for v in value.values() if (why := _plain(v, deep - 1))), None)
    if isinstance(value, list | tuple):
        return next((why for v in value if (why := _plain(v, deep - 1))), None)
    return "it is no plain data"


def _short(text: str) -> str:
    return repr(clean_text(text, longest=80)[0])
