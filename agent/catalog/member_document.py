"""What a sub-agent or proxy declares below `spec.homeostat`, besides its heartbeat: the version and
configuration it is pinned to, the work expected of it, how it is when it is well, and questions it
has to answer rightly.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from agent.catalog.addresses import HttpUrl
from agent.catalog.faults import shown, wrong
from agent.catalog.quantities import Duration, Percentage, PositiveDuration
from agent.catalog.runbook_words import DAY, LISTED, Date
from agent.catalog.validation import Written
from agent.core.bounded_regex import REGEX_REMEDY, bounded
from agent.model.signals import Aspect, Baseline, Member, ReferenceProbe, Work

SEASONS = {"1h": 3600.0, "1d": DAY, "7d": 7 * DAY, "none": None}
MOST_PROBES = 20
LONGEST_BODY = 16_384
SHORTEST_EVERY_SECONDS = 1.0


def _text(value: object) -> object:
    """YAML reads 1.10 as 1.1 and 12e4 as a number: what it was cannot be told from it any more."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        remedy = 'put it into quotes, as it is: "..."'
        raise wrong(f"text is expected here, and YAML reads the number {value}", remedy)
    return value


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        remedy = f"put a backslash before what is meant as it stands: {REGEX_REMEDY}"
        raise wrong(f"{shown(text)} is no regular expression: {error}", remedy) from None
    if bounded(text) is None:
        raise wrong(f"{shown(text)} cannot be tried in bounded time", REGEX_REMEDY)
    return text


def _body(value: object) -> object:
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            raise wrong("this text is not JSON", "write it as a mapping: {question: ...}") from None
        told = value
    else:
        told = json.dumps(value, ensure_ascii=False)
    if len(told) > LONGEST_BODY:
        raise wrong(f"the body is longer than {LONGEST_BODY} characters", "ask something shorter")
    return told


Pinned = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=200)]
Number = Annotated[float, Field(ge=0, le=1e12)]
SeasonName = Literal["1h", "1d", "7d", "none"]


class WorkKeys(Written):
    """`{within: 10m, least: 1}`: its counter moves by `least` within that time."""

    within: PositiveDuration
    least: Annotated[float, Field(gt=0, le=1e12)] = 1.0


class _BaselineKeys(Written):
    within: PositiveDuration = DAY
    """A change has to be found within so long."""
    season: SeasonName | None = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        mean, spread, shift = (getattr(self, name) for name in ("mean", "spread", "shift"))
        if mean == 0 and not spread and not shift:
            raise wrong(
                "around a mean of nothing nothing is usual",
                "add `spread` (how much it varies) or `shift` (the change that matters)",
            )
        season = SEASONS[self.season or "none"]
        if season is not None and self.within * 20 < season:
            raise wrong(
                "the season is too long for a change to be found within so short a time",
                "write a longer `within`",
            )
        return self


class ShareBaselineKeys(_BaselineKeys):
    """Of the share of tasks that fail."""

    mean: Percentage
    spread: Percentage | None = None
    shift: Percentage | None = None


class TimeBaselineKeys(_BaselineKeys):
    """Of the time that one task takes."""

    mean: Duration
    spread: PositiveDuration | None = None
    shift: PositiveDuration | None = None


class NumberBaselineKeys(_BaselineKeys):
    """Of tokens for each task, or of tasks in an hour."""

    mean: Number
    spread: Number | None = None
    shift: Number | None = None


class BaselineKeys(Written):
    """How it is when it is well. `mean` is the anchor; `spread` is how much windows vary, `shift`
    the change that matters: what is left out is learned."""

    errors: ShareBaselineKeys | None = None
    latency: TimeBaselineKeys | None = None
    tokens: NumberBaselineKeys | None = None
    work: NumberBaselineKeys | None = None


class ProbeKeys(Written):
    """A question with a known answer. With a `body` it is posted, else fetched."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    url: HttpUrl
    body: Annotated[JsonValue, BeforeValidator(_body)] = None
    expect: Annotated[str, Field(min_length=1), AfterValidator(_expression)]
    """A regular expression that is found in the answer."""
    path: Annotated[str, Field(max_length=200)] = ""
    """Where in a JSON answer, as `choices.0.text`."""
    every: PositiveDuration = 300.0
    timeout: PositiveDuration = 10.0

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.every < SHORTEST_EVERY_SECONDS:
            raise wrong("it is asked more often than once a second", "write it like every: 5m")
        if self.timeout > self.every:
            raise wrong("the next question comes before this one is given up", "raise `every`")
        return self


class MemberKeys(Written):
    heartbeat: PositiveDuration | None = None
    version: Pinned | None = None
    config_hash: Pinned | None = None
    work: WorkKeys | None = None
    baseline: BaselineKeys | None = None
    probes: Annotated[tuple[ProbeKeys, ...], LISTED, Field(max_length=MOST_PROBES)] = ()
    control_url: HttpUrl | None = None
    gen_ai: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    review_by: Date | None = None
    """Last day by which somebody looks at whether it is still what is wanted."""
    retire: Date | None = None

    @model_validator(mode="after")
    def _names_of_probes(self) -> Self:
        names = [probe.name for probe in self.probes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise wrong(f"two probes are called {shown(twice)}", "name each of them differently")
        return self


def compile_member(keys: MemberKeys) -> Member:
    return Member(
        version=keys.version or "",
        config_hash=keys.config_hash or "",
        work=Work(within_seconds=keys.work.within, least=keys.work.least) if keys.work else None,
        baselines=_baselines(keys.baseline) if keys.baseline else (),
        probes=tuple(map(_probe, keys.probes)),
        control_url=keys.control_url,
        gen_ai=keys.gen_ai or "",
        review_by=_end_of(keys.review_by),
        retire=_end_of(keys.retire),
    )


def _baselines(keys: BaselineKeys) -> tuple[Baseline, ...]:
    written: list[tuple[Aspect, Any]] = [(a, getattr(keys, a.value)) for a in Aspect]
    return tuple(
        Baseline(
            aspect=aspect,
            mean=one.mean,
            spread=one.spread or None,
            shift=one.shift or None,
            within_seconds=one.within,
            season_seconds=SEASONS[one.season or "none"],
        )
        for aspect, one in written
        if one is not None
    )


def _probe(keys: ProbeKeys) -> ReferenceProbe:
    return ReferenceProbe(
        name=keys.name,
        url=keys.url,
        body=keys.body if isinstance(keys.body, str) else None,
        expect=keys.expect,
        path=keys.path,
        every_seconds=keys.every,
        timeout_seconds=keys.timeout,
    )


def _end_of(day: str | None) -> float | None:
    """Of that day, UTC."""
    if day is None:
        return None
    return datetime.combine(date.fromisoformat(day), time(), UTC).timestamp() + DAY
