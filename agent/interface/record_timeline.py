"""What happened in one incident, a sentence a line, in order of time: told, not dumped.

Lines that only repeat the one before are told once, with how often; lines that say nothing to
somebody who was not there are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from agent.model.decision import JournalEntry
from agent.model.incident import Incident
from agent.model.reason import Reason

MOST_LINES = 200
FIRST_LINES = 80
"""Kept of the beginning where there are more; the rest is the end."""
LONGEST = 400
QUIET = frozenset({"baseline", "object", "alert_firing", "severity", "settling", "breaker"})
"""Kinds of lines that are about how the agent works."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    text: str
    times: int = 1


def timeline(incident: Incident, journal: Sequence[JournalEntry]) -> list[Line]:
    """At most `MOST_LINES`; where more happened, one of them says how many are left out."""
    lines: list[Line] = []
    for alert in incident.alerts.values():
        source = alert.identity.rpartition("/")[0]
        lines.append(Line(at=alert.starts_at, text=f"The alert {alert.name} began ({source})."))
    told = [Line(at=entry.at, text=sentence(entry)) for entry in journal if entry.kind not in QUIET]
    found = _folded(sorted([*lines, *told], key=lambda line: line.at))
    if len(found) <= MOST_LINES:
        return found
    last = found[FIRST_LINES - MOST_LINES + 1 :]
    left = len(found) - FIRST_LINES - len(last)
    gap = Line(
        at=found[FIRST_LINES].at, text=f"{left} more lines of the journal are left out here."
    )
    return [*found[:FIRST_LINES], gap, *last]


def _folded(lines: Sequence[Line]) -> list[Line]:
    found: list[Line] = []
    for line in lines:
        if found and found[-1].text == line.text:
            found[-1] = msgspec.structs.replace(found[-1], times=found[-1].times + 1)
        else:
            found.append(line)
    return [
        line
        if line.times == 1
        else msgspec.structs.replace(line, text=f"{line.text} ({line.times} times in a row.)")
        for line in found
    ]


def sentence(entry: JournalEntry) -> str:
    """The line in plain words, with who where it was not the agent."""
    known = SENTENCES.get(entry.kind)
    text = known(entry) if known is not None else _plain(entry)
    text = " ".join(text.split())
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _plain(entry: JournalEntry) -> str:
    said = entry.reason.sentence
    said = said[:1].upper() + said[1:]
    if entry.text:
        said = f"{said}: {entry.text}"
    return said if entry.who == "agent" else f"{said} ({entry.who})"


def _subject(entry: JournalEntry) -> str:
    return "The agent" if entry.who == "agent" else entry.who


def _because(entry: JournalEntry) -> str:
    return f": {entry.text}" if entry.text else ""


def _paged(entry: JournalEntry) -> str:
    if entry.reason is Reason.PAGE_SENT:
        return f"A page went out to {entry.text}"
    if entry.reason is Reason.PAGE_DELIVERED:
        return f"The page was delivered by {entry.text}"
    return _plain(entry)


def _resolved(entry: JournalEntry) -> str:
    by = "" if entry.who == "agent" else f" by {entry.who}"
    return f"The incident was closed{by}: {entry.reason.sentence}"


SENTENCES: Mapping[str, Callable[[JournalEntry], str]] = {
    "opened": lambda e: f"The incident was opened{_because(e)}",
    "alert_resolved": lambda e: f"An alert of it ended{_because(e)}",
    "act": lambda e: f"{_subject(e)} began {e.text}",
    "acknowledged": lambda e: f"{e.who} took it",
    "approved": lambda e: f"{e.who} approved{_because(e)}",
    "rejected": lambda e: f"{e.who} rejected what the agent asked for{_because(e)}",
    "plan_chosen": lambda e: f"The agent chose what to do{_because(e)}",
    "stopped": lambda e: f"Nothing more was done: {e.reason.sentence}{_because(e)}",
    "page": _paged,
    "resolved": _resolved,
    "resolution": lambda e: f"{e.who} recorded how it was resolved{_because(e)}",
}
