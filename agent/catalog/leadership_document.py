"""`leadership_metric` of a product: the number that says that it does its job, and how it is
expected to move."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agent.catalog.faults import wrong
from agent.catalog.quantities import Percentage, PositiveDuration, format_duration
from agent.catalog.validation import Written
from agent.core.promql import skim
from agent.core.promql_tokens import PromqlError
from agent.model.product import LeadershipMetric
from agent.model.signals import Direction, Motion

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
SEASONS = {"1d": DAY, "7d": WEEK, "none": None}
SHORTEST_SECONDS = 1.0
LONGEST_CADENCE_SECONDS = 31 * DAY
"""Whoever is told after a month that nothing moves knows it already."""
OF_CADENCE = ("direction", "kind", "season", "least")


def _promql(text: str) -> str:
    try:
        skim(text)
    except PromqlError as error:
        raise wrong(
            f"this is not PromQL: {error}", "write it as it works in Prometheus, as in sum(x)"
        ) from None
    return text


class LeadershipMetricKeys(Written):
    """`flat_for`: any other value is motion. `cadence`: it moves as it usually does."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    flat_for: PositiveDuration | None = None
    cadence: PositiveDuration | None = None
    direction: Literal["up", "down", "any"] | None = None
    kind: Literal["count", "level"] | None = None
    season: Literal["1d", "7d", "none"] | None = None
    least: Percentage | None = None
    query: Annotated[str, Field(min_length=1, max_length=8192), AfterValidator(_promql)] | None = (
        None
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.flat_for is None and self.cadence is None:
            raise wrong(
                "nothing says how it is expected to move",
                "add `cadence: 1d` (it moves as usual within a day), or `flat_for: 30m` (any change"
                " within half an hour)",
            )
        for name in OF_CADENCE:
            if self.cadence is None and getattr(self, name) is not None:
                raise wrong(f"`{name}` means nothing without `cadence`", "add `cadence: 1d`")
        if self.cadence is not None:
            self._check_motion(self.cadence)
        return self

    def _check_motion(self, cadence: float) -> None:
        if cadence > LONGEST_CADENCE_SECONDS:
            raise wrong("`cadence` is longer than a month", "write how soon a stall should be seen")
        if cadence < SHORTEST_SECONDS:
            raise wrong("`cadence` is shorter than a second", "write how soon it has to move")
        if self.kind in (None, "count") and self.direction == "down":
            raise wrong(
                "a count only goes up, so `direction: down` cannot be seen",
                "leave `direction` out, or write `kind: level` for what goes both ways",
            )
        season = SEASONS[self.season] if self.season is not None else None
        if season is not None and cadence > season:
            raise wrong(
                f"a cadence of {format_duration(cadence)} is longer than the season of"
                f" {self.season}",
                "leave `season` out, or write the longer one",
            )
        if self.least == 0:
            raise wrong("`least: 0%` is never fallen short of", "write 50%, or leave it out")


def leadership_metric(keys: LeadershipMetricKeys | None) -> LeadershipMetric | None:
    """What the registry keeps of it."""
    if keys is None:
        return None
    return LeadershipMetric(
        name=keys.name,
        flat_for_seconds=keys.flat_for,
        motion=_motion(keys, keys.cadence) if keys.cadence is not None else None,
        query=keys.query or "",
    )


def _motion(keys: LeadershipMetricKeys, cadence: float) -> Motion:
    """Without a word a metric is a count, which goes up. It has a season of a day where its cadence
    is from an hour to a day: what people do is otherwise at night."""
    season = SEASONS[keys.season] if keys.season is not None else _usual_season(cadence)
    return Motion(
        cadence_seconds=cadence,
        direction=Direction(keys.direction or Direction.UP.value),
        is_count=keys.kind != "level",
        season_seconds=season,
        least=keys.least,
    )


def _usual_season(cadence: float) -> float | None:
    return DAY if HOUR <= cadence <= DAY else None
