"""The words the made-up company is written in: what breaks, why, what helps, what people do."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Findings = Mapping[str, Mapping[str, Any]]
"""By name of the diagnostic: the fields in which it differs from what is usual."""
Seconds = Callable[[random.Random], float]

TARGET = "{entity}"
"""In the parameters of an act: the entity the fault is on."""


class Sort(StrEnum):
    """What is right about a family, as the oracle knows it."""

    CONSISTENT = "one consistent fix"
    COINCIDENCE = "recovers by itself, people act"
    SEPARABLE = "two causes a finding tells apart"
    ALIKE = "two causes nothing tells apart"
    CONTRADICTORY = "people try different things"
    NOTHING = "doing nothing is right"
    HARMFUL = "the act takes the symptom away and does harm"
    OPAQUE = "the action can neither be repeated nor checked"
    HIGH = "the action destroys"
    DECAYED = "over before the act, the alert looks back"
    RELAPSING = "comes back after the act"
    BREAKING = "one consistent fix that stops working"


@dataclass(frozen=True)
class Act:
    """One action as somebody would do it. A text in braces is filled in from the fault: its entity,
    a label of its alert, or what a diagnostic says (`{process.status.previous_version}`)."""

    use: str
    params: Mapping[str, Any] = field(default_factory=lambda: {"target": TARGET})
    free: frozenset[str] = frozenset()
    """Parameters that may be anything: it helps all the same."""


Way = tuple[Act, ...]
"""Acts in the order in which they are done."""


@dataclass(frozen=True)
class Harm:
    """An act that does damage here: with this chance another fault follows so much later."""

    use: str
    chance: float
    family: str
    after: Seconds


@dataclass(frozen=True)
class Cause:
    """What one fault of a family is really about."""

    name: str
    weight: float = 1.0
    cures: tuple[Way, ...] = ()
    """Ways that are right. Empty: nothing has to be done, or nothing that is known helps."""
    tolerated: tuple[Way, ...] = ()
    """Ways that are not needed and do no damage."""
    placebos: Mapping[str, float] = field(default_factory=dict)
    """By name of an action: how often the symptom goes away after it for whatever reason."""
    shows: Callable[[random.Random], Findings] = lambda _chance: {}
    ends: Seconds | None = None
    """It is over by itself after so long; None: it is not."""
    clears: Seconds = lambda chance: chance.uniform(5, 45)
    """So long after what helped it is over."""
    works: float = 0.97
    """Share of right acts that help."""
    returns: float = 0.01
    """Share of cured ones that come back within minutes."""
    harms: tuple[Harm, ...] = ()


Habits = tuple[tuple[float, tuple[Way, ...]], ...]
"""How often people try which ways, one after the other. No way: they wait and see."""


@dataclass(frozen=True)
class Family:
    id: str
    sort: Sort
    alert: str
    every_days: float
    products: tuple[str, ...]
    causes: tuple[Cause, ...]
    habits: Mapping[str, Habits]
    """By name of the cause; `*` for all others."""
    roles: tuple[str, ...] = ("api", "web", "worker", "importer", "mailer")
    """Parts of the product it happens on."""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Labels of the alert that differ from fault to fault."""
    expression: str = ""
    """PromQL of the alert; empty: it comes without."""
    looks_back: float = 0.0
    """Seconds the expression stays true after the fault is over."""
    told: float = 0.0
    """Share of people's acts that are done outside and told afterwards."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """By name of a parameter: what somebody who knows would answer."""
    breaks_on_day: float | None = None
    """From this day on only the last of the causes happens."""
    severity: str = "critical"

    def right(self, cause: str) -> tuple[Way, ...]:
        found = self.cause(cause)
        return (*found.cures, *found.tolerated)

    def cause(self, name: str) -> Cause:
        return next(c for c in self.causes if c.name == name)
