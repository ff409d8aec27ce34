"""OpenSLO v1, as far as it is read here: SLO, SLI and Service (docs/slos.md).

What is read is strict like every other file. What OpenSLO allows and is not read (policies of
alerts, targets of notifications) is told as a warning and never dropped in silence; what would
change what an objective means (calendar windows, time slices, another source than Prometheus) is an
error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from agent.catalog.document import Document, Path, fault_in
from agent.catalog.faults import FaultsError, shown, suggest
from agent.catalog.openslo_document import (
    UNSUPPORTED,
    DataSourceDocument,
    IndicatorSpec,
    ObjectiveKeys,
    OpenSloDocument,
    ServiceDocument,
    SliDocument,
    SloDocument,
)
from agent.catalog.slo_document import EXPRESSION, check_expression
from agent.catalog.strict_yaml import validate
from agent.core.sli import STEP, WINDOW, bracketed, over_time, share_beyond
from agent.model.fault import Fault, FaultSeverity
from agent.model.product import Sli, Slo

SHAPE = "HS301"
UNKNOWN = "HS303"
DUPLICATE = "HS302"
NOT_READ = "HS325"
"""OpenSLO allows it, and nothing is done with it."""

VERSION = "openslo/v1"
READ, IGNORED = ("SLO", "SLI", "Service", "DataSource"), (
    "AlertPolicy", "AlertCondition", "AlertNotificationTarget",
)  # fmt: skip
_BAD_WHERE = {"lte": ">", "lt": ">=", "gte": "<", "gt": "<="}
"""OpenSLO says how the value compares where it is good."""


def is_openslo(data: object) -> bool:
    """Whether the document says that it is one, of whatever version."""
    version = data.get("apiVersion") if isinstance(data, dict) else None
    return isinstance(version, str) and version.startswith("openslo/")


_MODELS: dict[str, type[OpenSloDocument]] = {
    "SLO": SloDocument,
    "SLI": SliDocument,
    "Service": ServiceDocument,
    "DataSource": DataSourceDocument,
}


@dataclass(frozen=True)
class Stated:
    """An objective, whose it is said to be, and where that stands."""

    slo: Slo
    service: str
    document: Document
    at: Path


@dataclass
class _Read:
    slos: list[tuple[Document, SloDocument]] = field(default_factory=list)
    indicators: dict[str, tuple[Document, SliDocument]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Names of indicators that have faults of their own: they exist all the same."""


def read_objectives(documents: Iterable[Document]) -> tuple[tuple[Stated, ...], tuple[Fault, ...]]:
    """Every objective of these documents, and what is wrong or was not read."""
    found = _Read()
    for document in documents:
        _take(document, found)
    stated: list[Stated] = []
    for document, slo in found.slos:
        stated += _objectives(document, slo, found)
    return tuple(stated), tuple(found.faults)


def _take(document: Document, found: _Read) -> None:
    kind, version = document.data.get("kind"), document.data["apiVersion"]
    if version != VERSION:
        message = f"{shown(version)} is not read"
        found.faults.append(
            fault_in(document, ("apiVersion",), UNSUPPORTED, message, f"write {VERSION}")
        )
        return
    if kind in IGNORED:
        message = f"{kind} is not read: alerts are made of the objectives themselves"
        found.faults.append(_not_read(document, ("kind",), message))
        return
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        message = f"kind {shown(str(kind))} is none of OpenSLO"
        remedy = suggest(str(kind), (*READ, *IGNORED), what="kinds")
        found.faults.append(fault_in(document, ("kind",), SHAPE, message, remedy))
        return
    try:
        parsed = validate(document, model, code=SHAPE)
    except FaultsError as error:
        found.faults.extend(error.faults)
        metadata = document.data.get("metadata")
        if kind == "SLI" and isinstance(metadata, dict):
            found.broken.add(str(metadata.get("name")))
        return
    if isinstance(parsed, SloDocument):
        found.slos.append((document, parsed))
    elif isinstance(parsed, SliDocument):
        found.indicators[parsed.metadata.name] = (document, parsed)


def _objectives(document: Document, parsed: SloDocument, found: _Read) -> Iterator[Stated]:
    spec = parsed.spec
    if spec.alertPolicies:
        message = "alertPolicies are not read: alerts are made of the objectives themselves"
        found.faults.append(_not_read(document, ("spec", "alertPolicies"), message))
    measured = _indicator(document, parsed, found)
    if measured is None:
        return
    where, path, indicator = measured
    window = spec.timeWindow[0].duration if spec.timeWindow else Slo(name="").window_seconds
    for number, objective in enumerate(spec.objectives):
        at: Path = ("spec", "objectives", number)
        try:
            sli = _sli(indicator, objective)
        except _WrongPart as error:
            place = (*path, *error.path)
            found.faults.append(fault_in(where, place, EXPRESSION, str(error), error.remedy))
            continue
        several = len(spec.objectives) > 1
        slo = Slo(
            name=f"{parsed.metadata.name}-{objective.share * 100:.6g}"
            if several
            else parsed.metadata.name,
            journey=spec.description or parsed.metadata.displayName,
            objective=objective.share,
            window_seconds=window,
            sli=sli,
            path=document.file,
        )
        yield Stated(slo, spec.service, document, at)


def _indicator(
    document: Document, parsed: SloDocument, found: _Read
) -> tuple[Document, Path, IndicatorSpec] | None:
    """Where it stands, and what it is. None where it cannot be found, which is told."""
    spec = parsed.spec
    if spec.indicator is not None:
        return document, ("spec", "indicator", "spec"), spec.indicator.spec
    name = spec.indicatorRef or ""
    known = found.indicators.get(name)
    if known is not None:
        return known[0], ("spec",), known[1].spec
    if name not in found.broken:
        message = f"there is no SLI {shown(name)} in any file"
        remedy = suggest(name, {*found.indicators, *found.broken}, what="declared")
        remedy = remedy or "add it, or write the indicator here"
        at = ("spec", "indicatorRef")
        found.faults.append(fault_in(document, at, UNKNOWN, message, remedy))
    return None


def _sli(indicator: IndicatorSpec, objective: ObjectiveKeys) -> Sli:
    if indicator.thresholdMetric is not None:
        if objective.op is None or objective.value is None:
            message = "an objective over it does not say which values are good"
            raise _WrongPart("thresholdMetric", message, "add op and value to the objective")
        text = _placed("thresholdMetric", indicator.thresholdMetric.query, is_windowed=False)
        return Sli(share=share_beyond(text, _BAD_WHERE[objective.op], objective.value))
    ratio = indicator.ratioMetric
    assert ratio is not None  # one of the two, as its validator says
    if ratio.raw is not None:
        return Sli(share=_raw(ratio.raw.query, is_success=ratio.rawType == "success"))
    found = {
        name: _counted(name, metric.query, counter=ratio.counter)
        for name in ("good", "bad", "total")
        if (metric := getattr(ratio, name)) is not None
    }
    return Sli(**found)


def _counted(name: str, query: str, *, counter: bool | None) -> str:
    part = f"ratioMetric.{name}"
    if WINDOW not in query:
        if counter is None:
            message = "it does not say whether it is a counter, nor over which time it is counted"
            raise _WrongPart(part, message, "add counter: true to the ratioMetric")
        query = over_time(query, counter=counter) or query
    return _placed(part, query)


def _raw(query: str, *, is_success: bool) -> str:
    if WINDOW in query:
        text = _placed("ratioMetric.raw", query)
    else:
        inner = _placed("ratioMetric.raw", query, is_windowed=False)
        text = f"avg_over_time({bracketed(inner)}[{WINDOW}:{STEP}])"
    return f"1 - {bracketed(text)}" if is_success else text


class _WrongPart(ValueError):
    """What is wrong with one part of an indicator."""

    def __init__(self, part: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.path: Path = (*part.split("."), "metricSource", "spec", "query")


def _placed(part: str, text: str, *, is_windowed: bool = True) -> str:
    try:
        return check_expression(text, is_windowed=is_windowed)
    except PydanticCustomError as error:
        context = error.context or {}
        raise _WrongPart(part, context["message"], context["remedy"]) from None


def _not_read(document: Document, at: Path, message: str) -> Fault:
    remedy = "leave it for your other tools; `homeostat slo rules` shows who is told when"
    return fault_in(document, at, NOT_READ, message, remedy, FaultSeverity.WARNING)
