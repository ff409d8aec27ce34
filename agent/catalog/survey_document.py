"""How often, and how far back, it is looked for blind spots: `survey:` of the settings.

survey: {every: 24h, lookback: 1d, incidents: 5, past: 90d}
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import ConfigDict, Field

from agent.catalog.quantities import PositiveDuration
from agent.catalog.validation import Written


class SurveyDocument(Written):
    """Keys of `survey` of the settings."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    every: Annotated[PositiveDuration, Field(ge=60.0)] = 86_400.0
    """How often it is looked."""
    first: PositiveDuration = 300.0
    """How long after the first start."""
    lookback: Annotated[PositiveDuration, Field(le=30 * 86_400.0)] = 86_400.0
    """A metric that was reported within so long is there."""
    incidents: Annotated[int, Field(ge=2, le=1_000)] = 5
    """So many incidents of an alert that nobody acted on, and it is a blind spot."""
    past: Annotated[PositiveDuration, Field(ge=86_400.0, le=2 * 366 * 86_400.0)] = 90 * 86_400.0
    """How far back incidents are looked through."""


class SurveySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The same in seconds (model of what `SurveyDocument` says of each)."""

    every: float = 86_400.0
    first: float = 300.0
    lookback: float = 86_400.0
    incidents: int = 5
    past: float = 90 * 86_400.0


def compile_survey(document: SurveyDocument) -> SurveySettings:
    return SurveySettings(**document.model_dump())
