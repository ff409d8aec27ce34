"""Silences that people set in an Alertmanager count here too: a person's word is hands off."""

from __future__ import annotations

import msgspec

from agent.core.cleaning import LONGEST_LABEL, LONGEST_NAME, clean_text
from agent.core.own_alert import OURSELVES
from agent.core.quiet import look_again
from agent.core.silence import is_usable
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import SilencesRead
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher

SEPARATOR = "/"


def is_foreign(silence: Silence) -> bool:
    """Whether it was read from an Alertmanager, and so is ended there and not here."""
    return silence.source != OURSELVES


def own_id(silence: Silence) -> str:
    """Its id where it was set."""
    return silence.id.removeprefix(f"{silence.source}{SEPARATOR}")


def take_silences(event: SilencesRead, view: View) -> Decision:
    """The list of one Alertmanager, as it is now. What it does not list any more is over, and what
    still burns under it is looked at; so is what stands under one that was changed."""
    at = event.at
    listed = {s.id: s for s in (_taken(each, event) for each in event.silences)}
    known = {i: s for i, s in view.silences.items() if s.source == event.source}
    fresh = [s for i, s in listed.items() if _is_news(s, known.get(i), at)]
    gone = [i for i in known if i not in listed]
    ended = [
        msgspec.structs.replace(known[i], ends_at=at, updated_at=at)
        for i in gone
        if known[i].ends_at > at
    ]
    return Decision(
        records=tuple(Record(kind="silence", key=s.id, body=s) for s in (*fresh, *ended)),
        timers=look_again({*gone, *(s.id for s in fresh if s.id in known)}, view, at),
        journal=tuple(_useless(s, at) for s in fresh if not all(is_usable(m) for m in s.matchers)),
    )


def _taken(told: Silence, event: SilencesRead) -> Silence:
    """As it is kept here: named after where it comes from, its words cleaned and bounded."""
    return msgspec.structs.replace(
        told,
        id=f"{event.source}{SEPARATOR}{_clean(told.id)}",
        source=event.source,
        matchers=tuple(
            SilenceMatcher(
                name=_clean(m.name),
                # Not cut: a pattern that is cut would silence something else.
                value=m.value,
                is_regex=m.is_regex,
                is_equal=m.is_equal,
            )
            for m in told.matchers
        ),
        created_by=_clean(told.created_by),
        comment=clean_text(told.comment, longest=LONGEST_LABEL)[0],
    )


def _clean(text: str) -> str:
    return clean_text(text, longest=LONGEST_NAME)[0]


def _is_news(told: Silence, known: Silence | None, at: float) -> bool:
    if known is None:
        return told.ends_at > at  # one that is over, and was forgotten, is not learned again
    return msgspec.structs.replace(told, updated_at=known.updated_at) != known


def _useless(silence: Silence, at: float) -> JournalEntry:
    """Told when it comes in, and not at every reading."""
    patterns = [f"{m.name}=~{m.value}" for m in silence.matchers if not is_usable(m)]
    return JournalEntry(
        at=at,
        subject=f"silence:{silence.id}",
        kind="silence",
        reason=Reason.SILENCE_UNUSABLE,
        text=clean_text(f"{silence.created_by}: {', '.join(patterns)}", longest=LONGEST_LABEL)[0],
        who=silence.created_by,
    )
