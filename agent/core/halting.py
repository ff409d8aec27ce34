"""The kill switch: while it is on, no act begins, whoever asks for it and wherever it stands.

It is set by people, and by files that say so or cannot be read; only a person lifts it, and only
once no file says on any more. What is under way ends; what was decided and waits is refused at the
act, and its incident goes to people with this reason.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agent.core.cleaning import clean_text
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import HaltAsked, HaltLifted
from agent.model.reason import Reason
from agent.model.records import Halt

KEY = "halt"
LONGEST_WHY = 500
NO_REASON = "no reason was given"


class Says(StrEnum):
    ON = "on"
    OFF = "off"
    UNREADABLE = "unreadable"
    """Counts as on: a switch that cannot be seen must not be taken to be off."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One file that can set the kill switch, and what it says."""

    path: str
    says: Says
    why: str = ""

    @property
    def is_on(self) -> bool:
        return self.says is not Says.OFF

    @property
    def reason(self) -> Reason:
        return Reason.HALT_UNREADABLE if self.says is Says.UNREADABLE else Reason.HALTED

    @property
    def sentence(self) -> str:
        return f"{self.path}: {self.why}"


def seen_on(place: Place, *, at: float) -> HaltAsked:
    """What a file that says on comes to."""
    return HaltAsked(
        at=at,
        who=f"file:{place.path}",
        why=place.why,
        is_unreadable=place.says is Says.UNREADABLE,
    )


def set_halt(event: HaltAsked, view: View) -> Decision:
    """Set again, it stays as it was first set: who began it and why is what people need to know."""
    if view.halt is not None:
        return Decision()
    why = clean_text(event.why.strip(), longest=LONGEST_WHY)[0] or NO_REASON
    halt = Halt(at=event.at, who=event.who, why=why, is_unreadable=event.is_unreadable)
    entry = JournalEntry(
        at=event.at,
        subject=KEY,
        kind="halt",
        reason=Reason.HALT_UNREADABLE if event.is_unreadable else Reason.HALT_SET,
        text=why,
        who=event.who,
    )
    return Decision(records=(Record(kind=KEY, key=KEY, body=halt),), journal=(entry,))


def lift_halt(event: HaltLifted, view: View) -> Decision:
    """A person's word, with a reason. Whether a file still says on is asked before."""
    if view.halt is None:
        return Decision(refused=Reason.MOVE_REFUSED, refused_text="the kill switch is not on")
    why = clean_text(event.why.strip(), longest=LONGEST_WHY)[0]
    if not why:
        return Decision(
            refused=Reason.MOVE_REFUSED, refused_text="say why it may be lifted; it is kept"
        )
    entry = JournalEntry(
        at=event.at,
        subject=KEY,
        kind="halt",
        reason=Reason.HALT_LIFTED,
        text=why,
        who=event.who,
        data={"set_by": view.halt.who, "set_at": view.halt.at, "set_why": view.halt.why},
    )
    return Decision(records=(Record(kind=KEY, key=KEY, body=None),), journal=(entry,))
