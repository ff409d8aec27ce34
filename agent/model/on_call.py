"""Who is told, in which order, and what they can be told."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec


class Telling(StrEnum):
    """What a channel is told. Every notifier can say `page`; the others where it knows how."""

    PAGE = "page"
    UPDATE = "update"
    """More about what was paged already: it wakes nobody again."""
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CHANGE = "change"
    """Something was changed, by the agent: for the record, it wakes nobody."""


class Rotation(Protocol):
    """Who is on call when, compiled. `text` is what people wrote."""

    text: str

    def on_call(self, at: float) -> str | None:
        """Name of the person at this time (seconds since the epoch), or None: nobody is."""
        ...

    def until(self, at: float) -> float | None:
        """When the next one takes over, or None where that is not known."""
        ...


class RungKind(StrEnum):
    ON_CALL = "on_call"
    """Whoever the rotation names at that moment."""
    PERSON = "person"
    TEAM = "team"


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an escalation ladder: whom to tell, and how long they have to acknowledge."""

    kind: RungKind
    to: str
    """Name of a rotation, a person or a team."""
    ack_seconds: float = 300.0


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is declared about who is told. Empty: teams are told, and nobody climbs."""

    rotations: Mapping[str, Rotation] = {}
    people: Mapping[str, str] = {}
    """By name of a person, the key of their channels in `View.channels` (`person:NAME`)."""
    ladders: Mapping[str, tuple[Rung, ...]] = {}
    """By team. A team without one is told once, and then the platform's ladder is climbed."""
    repeats: Mapping[str, int] = {}
    """By team: how often its ladder is climbed again from the bottom."""


class Climb(msgspec.Struct, frozen=True, kw_only=True):
    """The escalation of one incident: its ladder as it was when it began, and where it stands.

    A change of the files meanwhile changes nothing of it; who is on call is asked at each rung.
    """

    team: str
    rungs: tuple[Rung, ...]
    at: int = 0
    """Index of the rung that was told last."""
    round: int = 0
    rounds: int = 1
    wave: int = 0
    """Number of the call for people (`Page.wave`) that told that rung; 0: nobody was told yet."""
    quiet: str = ""
    """Silence or maintenance that keeps the next rung from being told."""
    due: float | None = None
    """When the next rung is told, unless somebody acknowledges; None: the ladder is at its end."""
