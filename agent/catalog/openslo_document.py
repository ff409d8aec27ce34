"""Documents of OpenSLO v1, as far as they are read: see openslo.py.

Keys are those of OpenSLO, and every one of them that may stand there is named here: another one is
a mistake.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.catalog.faults import shown, wrong
from agent.catalog.slo_document import (
    EXPRESSION,
    NO_BUDGET,
    check_name,
    check_objective,
    check_window,
)
from agent.catalog.validation import Written
from agent.core.sli import as_written_here

UNSUPPORTED = "HS326"
"""OpenSLO allows it, and it means something that cannot be kept here."""

_UNITS = {
    "m": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
    "w": 7 * 86_400.0,
    "M": 30 * 86_400.0,
    "Q": 90 * 86_400.0,
    "Y": 365 * 86_400.0,
}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdwMQY])")


def _duration(text: object) -> float:
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise wrong("a duration of OpenSLO is expected here", "write it like 4w, 30d or 1M")
    return float(found[1]) * _UNITS[found[2]]


def _occurrences(method: str) -> str:
    if method != "Occurrences":
        message = f"budgetingMethod {shown(method)} is not kept here"
        raise wrong(message, "write Occurrences: every event counts", code=UNSUPPORTED)
    return method


def _of_prometheus(kind: str) -> str:
    if kind.lower() != "prometheus":
        message = f"a metric source of type {shown(kind)} cannot be asked"
        raise wrong(message, "only Prometheus can: leave this objective to its tool, or move it",
                    code=UNSUPPORTED)  # fmt: skip
    return kind


class MetadataKeys(Written):
    name: Annotated[str, AfterValidator(check_name)]
    displayName: str = ""
    labels: dict[str, Any] = {}
    annotations: dict[str, str] = {}


class QueryKeys(Written):
    query: Annotated[str, Field(min_length=1)]


class MetricSourceKeys(Written):
    metricSourceRef: str | None = None
    type: Annotated[str, AfterValidator(_of_prometheus)] | None = None
    spec: QueryKeys


class MetricKeys(Written):
    metricSource: MetricSourceKeys

    @property
    def query(self) -> str:
        return as_written_here(self.metricSource.spec.query)


class RatioKeys(Written):
    counter: bool | None = None
    good: MetricKeys | None = None
    bad: MetricKeys | None = None
    total: MetricKeys | None = None
    rawType: Literal["success", "failure"] | None = None
    raw: MetricKeys | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = {n for n in ("good", "bad", "total", "raw") if getattr(self, n) is not None}
        if given not in ({"good", "total"}, {"bad", "total"}, {"raw"}):
            message = f"this does not say a ratio: it has {', '.join(sorted(given)) or 'nothing'}"
            raise wrong(message, "write good and total, bad and total, or raw", code=EXPRESSION)
        if self.raw is not None and self.rawType is None:
            raise wrong("raw does not say what it is a ratio of", "add rawType: success or failure",
                        code=EXPRESSION)  # fmt: skip
        return self


class IndicatorSpec(Written):
    description: str = ""
    ratioMetric: RatioKeys | None = None
    thresholdMetric: MetricKeys | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.ratioMetric is None) == (self.thresholdMetric is None):
            remedy = "write either ratioMetric or thresholdMetric"
            raise wrong("this does not say how it is measured", remedy, code=EXPRESSION)
        return self


class Indicator(Written):
    """An indicator within an objective."""

    metadata: MetadataKeys | None = None
    spec: IndicatorSpec


class TimeWindow(Written):
    duration: Annotated[float, BeforeValidator(_duration), AfterValidator(check_window)]
    isRolling: bool | None = None
    calendar: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _rolling(self) -> Self:
        if self.calendar is not None or self.isRolling is False:
            remedy = "write isRolling: true, and no calendar"
            raise wrong("a budget is kept over the latest days, not over a calendar's", remedy,
                        code=UNSUPPORTED)  # fmt: skip
        return self


def _target(share: float) -> float:
    """OpenSLO has two keys, and a percentage under the wrong one is the likeliest mistake."""
    if 1.0 < share < 100.0:
        message = f"{share:g} is no share: target goes from 0 to 1"
        raise wrong(message, f"write targetPercent: {share:g}", code=NO_BUDGET)
    return check_objective(share)


class ObjectiveKeys(Written):
    displayName: str = ""
    op: Literal["lte", "gte", "lt", "gt"] | None = None
    value: float | None = None
    target: Annotated[float, AfterValidator(_target)] | None = None
    targetPercent: float | None = None
    timeSliceTarget: float | None = None
    timeSliceWindow: Any = None

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.target is None) == (self.targetPercent is None):
            message, remedy = "this does not say its target", "write either target or targetPercent"
            raise wrong(message, remedy, code=NO_BUDGET)
        if self.target is None:
            check_objective(self.share)
        return self

    @property
    def share(self) -> float:
        """Of good events, from 0 to 1."""
        if self.target is not None:
            return self.target
        return round((self.targetPercent or 0.0) / 100.0, 12)


class SloSpec(Written):
    description: str = ""
    service: Annotated[str, Field(min_length=1)]
    indicator: Indicator | None = None
    indicatorRef: str | None = None
    timeWindow: Annotated[tuple[TimeWindow, ...], Field(max_length=1)] = ()
    budgetingMethod: Annotated[str, AfterValidator(_occurrences)]
    objectives: Annotated[tuple[ObjectiveKeys, ...], Field(min_length=1, max_length=20)]
    alertPolicies: Any = None

    @model_validator(mode="after")
    def _one_indicator(self) -> Self:
        if (self.indicator is None) == (self.indicatorRef is None):
            remedy = "write either indicator or indicatorRef"
            raise wrong("this does not say what it measures", remedy, code=EXPRESSION)
        return self


class OpenSloDocument(Written):
    apiVersion: str
    kind: str
    metadata: MetadataKeys


class SloDocument(OpenSloDocument):
    spec: SloSpec


class SliDocument(OpenSloDocument):
    spec: IndicatorSpec


class ServiceSpec(Written):
    description: str = ""


class ServiceDocument(OpenSloDocument):
    spec: ServiceSpec = ServiceSpec()


class DataSourceSpec(Written):
    description: str = ""
    type: Annotated[str, AfterValidator(_of_prometheus)]
    connectionDetails: Any = None


class DataSourceDocument(OpenSloDocument):
    spec: DataSourceSpec
