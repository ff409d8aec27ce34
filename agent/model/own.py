"""The agent itself as a member of the machinery: its terms, and what it did wrong lately.

Its objective is kept in minutes. A minute in which any decision came too late is a bad one, however
many came late in it: a storm of a minute costs a minute. A wrong verdict and a lost alert count as
several of them (core/own_health.py).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agent.model.reason import Reason


class Slip(StrEnum):
    """What spends the agent's own budget."""

    LATE = "late"
    """A decision came later than the latency of the objective."""
    WRONG = "wrong"
    """A verdict said that it held, and the same came back soon after."""
    LOST = "lost"
    """An alert was taken, and could not be decided about or is in no line of the ledger."""


class OwnTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of the agent: `agent:` of the settings, and the process that runs."""

    name: str = "homeostat"
    owner: str = "platform"
    version: str = ""
    digest: str = ""
    """Of its configuration: the settings it runs with."""
    started_at: float = 0.0
    review_by: float | None = None
    """From this moment on it is overdue: the end of the day that is written."""
    retire: float | None = None
    """From this moment on it should be gone."""
    objective: float = 0.999
    """Share of minutes that have to be good ones."""
    window_seconds: float = 30 * 86_400.0
    latency_seconds: float = 1.0
    """A decision has to be on disk within so long of its arrival."""


class OwnExample(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong."""

    slip: Slip
    at: float
    subject: str
    """An incident, or the alert it was about."""
    text: str
    product: str | None = None


class OwnDay(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted in one day."""

    day: int
    """Days since the epoch, UTC."""
    decisions: int = 0
    late: int = 0
    late_minutes: int = 0
    verdicts: int = 0
    wrong: int = 0
    lost: int = 0


class OwnState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the agent as a member of the machinery. Key: `own`."""

    at: float
    terms: OwnTerms = OwnTerms()
    days: tuple[OwnDay, ...] = ()
    """Oldest first; none is older than the window."""
    examples: tuple[OwnExample, ...] = ()
    """The latest of each slip, oldest first."""
    unbalanced: int = 0
    """By how many alerts the ledger was out of balance when it was last looked at."""
    advising_since: float | None = None
    """Since when it only advises."""
    why: Reason | None = None
    """What made it so; it also says what ends it."""
    said_as: str = ""
    """The name it had in the alert that says so, while that is firing."""
    reviewed_at: float | None = None
    reviewed_by: str = ""
    reviewed_why: str = ""
