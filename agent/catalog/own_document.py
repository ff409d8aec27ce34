"""What is declared of the agent itself: `agent:` of the settings.

agent: {name: homeostat, owner: platform, review_by: 2027-01-31, retire: 2029-12-31,
        objective: 99.9%, window: 30d, latency: 1s}

The ranges keep an objective that can be missed and can be kept: a share that leaves less than one
bad minute in its window would stop the agent for a single late decision.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from agent.catalog.faults import wrong
from agent.catalog.quantities import Percentage, PositiveDuration
from agent.catalog.runbook_words import DAY, Date
from agent.catalog.validation import Written
from agent.model.own import OwnTerms


def _from_to(least: float, most: float, remedy: str) -> AfterValidator:
    def check(value: float) -> float:
        if not least <= value <= most:
            raise wrong("that is out of range", remedy)
        return value

    return AfterValidator(check)


SHARE = _from_to(0.5, 0.999_999, "write a share that can be missed and kept, like 99.9%")
WINDOW = _from_to(DAY, 90 * DAY, "write one day to ninety, like 30d")
LATENCY = _from_to(0.01, 3600.0, "write 10ms to 1h, like 1s")


class OwnDocument(Written):
    """Keys of `agent` of the settings."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")] = (
        "homeostat"
    )
    """Its name as a member of the machinery."""
    owner: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Team that answers for it; the platform where it is left out."""
    review_by: Date | None = None
    """Last day by which somebody reviews it; later than that it only advises."""
    retire: Date | None = None
    """Last day it is to run; later than that it only advises."""
    objective: Annotated[Percentage, SHARE] = 0.999
    """Share of minutes that are to be good: no decision late, no verdict wrong, no alert lost."""
    window: Annotated[PositiveDuration, WINDOW] = 30 * DAY
    """Over how long."""
    latency: Annotated[PositiveDuration, LATENCY] = 1.0
    """A decision that is on disk later than this after its arrival is late."""

    @model_validator(mode="after")
    def _can_be_kept(self) -> OwnDocument:
        if (1.0 - self.objective) * self.window < 60.0:
            raise wrong(
                "the objective leaves less than one bad minute in its window",
                "ask for less, or over a longer time: 99.9% of 30d leaves 43 minutes",
            )
        return self


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The same for the runtime, which adds the version and the process."""

    name: str = "homeostat"
    owner: str | None = None
    """None: the platform team of the policy."""
    review_by: float | None = None
    """End of that day, UTC, in seconds since the epoch."""
    retire: float | None = None
    objective: float = 0.999
    window_seconds: float = 30 * DAY
    latency_seconds: float = 1.0

    def terms(self, *, platform: str, version: str, digest: str, started_at: float) -> OwnTerms:
        return OwnTerms(
            name=self.name,
            owner=self.owner or platform,
            version=version,
            digest=digest,
            started_at=started_at,
            review_by=self.review_by,
            retire=self.retire,
            objective=self.objective,
            window_seconds=self.window_seconds,
            latency_seconds=self.latency_seconds,
        )


def compile_own(document: OwnDocument) -> OwnSettings:
    return OwnSettings(
        name=document.name,
        owner=document.owner,
        review_by=_end_of(document.review_by),
        retire=_end_of(document.retire),
        objective=document.objective,
        window_seconds=document.window,
        latency_seconds=document.latency,
    )


def _end_of(day: str | None) -> float | None:
    if day is None:
        return None
    read = date.fromisoformat(day)
    return datetime(read.year, read.month, read.day, tzinfo=UTC).timestamp() + DAY
