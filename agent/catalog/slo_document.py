"""Service level objectives as the registry states them: `spec.homeostat.slos` of a product."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from agent.catalog.faults import shown, wrong
from agent.catalog.quantities import Percentage, PositiveDuration, format_duration
from agent.catalog.validation import Written
from agent.core.burn import LONGEST_SECONDS, SHORTEST_SECONDS
from agent.core.sli import WINDOW, as_written_here, problem_of, share_beyond
from agent.model.product import Sli, Slo

EXPRESSION = "HS320"
"""What an objective counts cannot be read, or does not say enough."""
NO_BUDGET = "HS321"
"""An objective that leaves no error budget, or none that could be kept."""

_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*")
FORMS = (
    "write {bad, total}, {good, total}, {share}, or {query, above} or {query, below}: PromQL with"
    f" {WINDOW} where the range goes"
)


def check_name(text: str) -> str:
    """It becomes a label of alerts and a part of addresses. Raises PydanticCustomError."""
    if len(text) > 63 or not _NAME.fullmatch(text):
        remedy = "use letters and digits, single - _ . between them, at most 63"
        raise wrong(f"{shown(text)} cannot be a name", remedy)
    return text


def check_expression(text: str, *, is_windowed: bool = True) -> str:
    """PromQL with our word for the window. Raises PydanticCustomError."""
    text = as_written_here(text)
    problem = problem_of(text, is_windowed=is_windowed)
    if problem:
        remedy = f"write it like sum(rate(http_requests_total[{WINDOW}]))"
        if not is_windowed:
            remedy = "write it as it would stand in an alert, without the comparison"
        raise wrong(f"this cannot be used: {problem}", remedy, code=EXPRESSION)
    return text


def check_objective(share: float) -> float:
    """Raises PydanticCustomError."""
    if not 0.0 < share < 1.0:
        what = "everything may fail" if share <= 0.0 else "nothing may ever fail"
        remedy = "write a share that was kept in good months, as in 99.9%"
        raise wrong(f"{what}, so there is no error budget to keep", remedy, code=NO_BUDGET)
    return share


def check_window(seconds: float) -> float:
    """Raises PydanticCustomError."""
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS or seconds != int(seconds):
        message = f"an error budget is not kept over {format_duration(seconds)}"
        raise wrong(message, "write whole seconds from 1h to 366d, as in 30d", code=NO_BUDGET)
    return seconds


def _query(text: str) -> str:
    return check_expression(text, is_windowed=False)


Windowed = Annotated[str, AfterValidator(check_expression)]


class SliKeys(Written):
    """What is counted. `query` with `above` or `below` is bad for as long as it is beyond that."""

    bad: Windowed | None = None
    good: Windowed | None = None
    total: Windowed | None = None
    share: Windowed | None = None
    query: Annotated[str, AfterValidator(_query)] | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = frozenset(n for n, v in self if v is not None)
        if given not in _FORMS:
            said = ", ".join(sorted(given)) or "nothing"
            message = f"this does not say what is counted: it has {said}"
            raise wrong(message, FORMS, code=EXPRESSION)
        return self


_FORMS = {
    frozenset(words.split())
    for words in ("bad total", "good total", "share", "query above", "query below")
}


class SloKeys(Written):
    name: Annotated[str, AfterValidator(check_name)]
    journey: str = ""
    objective: Annotated[Percentage, AfterValidator(check_objective)]
    window: Annotated[PositiveDuration, AfterValidator(check_window)] = 30 * 86_400.0
    sli: SliKeys | None = None
    least_events: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """So many bad events at least have to be there before anybody is told; two where left out."""


def compile_slo(keys: SloKeys, *, path: str) -> Slo:
    return Slo(
        name=keys.name,
        journey=keys.journey,
        objective=keys.objective,
        window_seconds=keys.window,
        sli=_sli(keys.sli) if keys.sli is not None else None,
        least_events=float(keys.least_events or 0),
        path=path,
    )


def _sli(keys: SliKeys) -> Sli:
    if keys.query is not None:
        limit, op = (keys.above, ">") if keys.above is not None else (keys.below, "<")
        return Sli(share=share_beyond(keys.query, op, limit or 0.0))
    return Sli(
        bad=keys.bad or "", good=keys.good or "", total=keys.total or "", share=keys.share or ""
    )
