"""The ladder of an escalation as people read it: who was told when, who is next and when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from agent.core.escalation import ladder_of, receiver_of
from agent.core.reaching import PERSON, calls_of
from agent.core.view import View
from agent.interface.times import rfc3339_or_none
from agent.model.decision import JournalEntry
from agent.model.incident import Incident
from agent.model.on_call import Climb, Rung, RungKind
from agent.model.reason import Reason

NUMBERED = re.compile(r"rung (\d+): (.*)", re.DOTALL)


class Standing(StrEnum):
    TOLD = "told"
    SKIPPED = "skipped"
    """Nobody could be reached by it."""
    NEXT = "next"
    LATER = "later"
    SPARED = "spared"
    """Somebody took it, or it was over, before its turn."""


class RungRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rung. Times are seconds since the epoch."""

    number: int
    kind: str
    to: str
    standing: Standing
    tells: str | None = None
    """Who was told; of what is to come, who would be as things are now."""
    channels: tuple[str, ...] = ()
    at: float | None = None
    due: float | None = None
    until: float | None = None
    """When the person on call changes."""
    ack_seconds: float = 0.0
    why: str = ""
    """Why nobody can be told by it."""

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "kind": self.kind,
            "to": self.to,
            "standing": self.standing.value,
            "tells": self.tells,
            "channels": list(self.channels),
            "at": rfc3339_or_none(self.at),
            "due": rfc3339_or_none(self.due),
            "until": rfc3339_or_none(self.until),
            "ack_within_seconds": self.ack_seconds,
            "why_nobody": self.why,
        }


def ahead(view: View, team: str, severity: str, at: float) -> list[RungRow]:
    """The ladder that would be climbed from now on."""
    found: list[RungRow] = []
    due = at
    for number, rung in enumerate(ladder_of(view, team, severity, at), start=1):
        row = _ahead(view, rung, number, at)
        if row.standing is not Standing.SKIPPED:
            standing = Standing.LATER if any(_is_reached(r) for r in found) else Standing.NEXT
            row = msgspec.structs.replace(row, standing=standing, due=due)
            due += rung.ack_seconds
        found.append(row)
    return found


def _is_reached(row: RungRow) -> bool:
    return row.standing is not Standing.SKIPPED


def _ahead(view: View, rung: Rung, number: int, at: float) -> RungRow:
    key, why = receiver_of(view, rung, at)
    rotation = view.on_call.rotations.get(rung.to) if rung.kind is RungKind.ON_CALL else None
    return RungRow(
        number=number,
        kind=rung.kind.value,
        to=rung.to,
        standing=Standing.LATER if key else Standing.SKIPPED,
        tells=key.removeprefix(PERSON) or None,
        channels=tuple(channel.use for channel in view.channels.get(key, ())),
        until=rotation.until(at) if rotation is not None else None,
        ack_seconds=rung.ack_seconds,
        why=why,
    )


def climbed(
    incident: Incident, view: View | None, journal: Sequence[JournalEntry], at: float
) -> list[RungRow]:
    """The ladder of this incident, frozen as it was when people were first called. Without a view
    nobody is named for what is to come."""
    climb = incident.climb
    if climb is None:
        return []
    past = _past(incident, journal)
    rows = []
    for index, rung in enumerate(climb.rungs):
        if index <= climb.at:
            rows.append(_told(rung, index, climb, past))
            continue
        row = RungRow(number=index + 1, kind=rung.kind.value, to=rung.to, standing=Standing.LATER,
                    ack_seconds=rung.ack_seconds)  # fmt: skip
        row = _ahead(view, rung, index + 1, at) if view is not None else row
        if climb.due is None:
            row = msgspec.structs.replace(row, standing=Standing.SPARED, tells=None, why="")
        elif row.standing is not Standing.SKIPPED and not _has_next(rows):
            row = msgspec.structs.replace(row, standing=Standing.NEXT, due=climb.due)
        rows.append(row)
    return rows


def _has_next(rows: Sequence[RungRow]) -> bool:
    return any(row.standing is Standing.NEXT for row in rows)


class Past(msgspec.Struct, frozen=True):
    """What the journal says of the climb under way, by number of the rung."""

    told: dict[int, tuple[float, str]]
    skipped: dict[int, str]


def _past(incident: Incident, journal: Sequence[JournalEntry]) -> Past:
    told: dict[int, tuple[float, str]] = {}
    skipped: dict[int, str] = {}
    for entry in journal:
        if entry.reason is Reason.LADDER_STARTED:
            told, skipped = {}, {}
        found = NUMBERED.fullmatch(entry.text) if entry.kind == "climb" else None
        if found is None:
            continue
        if entry.reason is Reason.RUNG_CLIMBED:
            told[int(found[1])] = entry.at, found[2]
        elif entry.reason is Reason.NOBODY_REACHED:
            skipped[int(found[1])] = found[2]
    climb, calls = incident.climb, calls_of(incident)
    if climb is not None and calls:
        # The first that was told is in no line of its own: it is the page.
        first = next((n for n in range(1, climb.at + 2) if n not in skipped), 1)
        began = next((e.at for e in reversed(journal) if e.reason is Reason.LADDER_STARTED), None)
        page = next((p for p in calls if began is None or p.at >= began), calls[0])
        told.setdefault(first, (page.at, page.to))
    return Past(told, skipped)


def _told(rung: Rung, index: int, climb: Climb, past: Past) -> RungRow:
    number = index + 1
    at, who = past.told.get(number, (None, None))
    is_told = number in past.told or index == climb.at
    return RungRow(
        number=number,
        kind=rung.kind.value,
        to=rung.to,
        standing=Standing.TOLD if is_told else Standing.SKIPPED,
        tells=who,
        at=at,
        due=climb.due if index == climb.at else None,
        ack_seconds=rung.ack_seconds,
        why=past.skipped.get(number, ""),
    )
