"""Rules for Prometheus that watch an objective: what is recorded, and when somebody is told.

Recorded for each window W of core/burn.py, with the labels layer, product and slo:

    slo:events:rateW        events a second
    slo:bad:rateW           bad ones of them a second
    slo:bad:ratio_rateW     share of bad ones; nothing where there was no event

and over the window of the objective itself, whatever its length:

    slo:bad:ratio_window    share of bad ones
    slo:events:count_window number of events, where that is known

What cannot be told is not recorded, and never recorded as zero: an empty selector and what is no
number lead to `SloNoData`. No traffic is another thing: there the events are recorded as 0, nothing
burns, and nobody is told.

Windows of up to six hours (of thirty days) are computed from the metrics as they are. The longer
ones are summed up from the recorded rates of the shortest window: thirty days of every series of a
large service are more than one query of Prometheus may load. An event counts there by how often it
was in the shortest window, which is equally often for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.burn import (
    Burn,
    Pair,
    budget,
    duration,
    least_bad,
    pairs,
    scaled,
    shortest,
    windows,
)
from agent.core.sli import Unit, filled, matcher, presence_of, unit_of
from agent.model.product import Product, Sli, Slo

NO_DATA = "SloNoData"
EVENTS, BAD, RATIO = "slo:events:rate", "slo:bad:rate", "slo:bad:ratio_rate"
WINDOW_RATIO, WINDOW_COUNT = "slo:bad:ratio_window", "slo:events:count_window"
SEVERITY = {Burn.FAST: "critical", Burn.SLOW: "warning"}
LONGEST_INTERVAL_SECONDS = 30
SLOW_PART = 4
"""The long windows move slowly: they are computed so many times less often."""
NOT_QUITE = 0.5
"""Prometheus extrapolates what it counts, so two events may be 1.9 of them."""

Rule = dict[str, Any]
Group = dict[str, Any]


def groups(products: Iterable[Product], *, link: str = "") -> list[Group]:
    """Two groups for each objective that says what it counts, in order of names. `link`: base
    address of the console."""
    return [
        group
        for product in sorted(products, key=lambda p: p.name)
        for slo in sorted(product.slos, key=lambda s: s.name)
        if slo.sli is not None
        for group in groups_of(product, slo, slo.sli, link=link)
    ]


def groups_of(product: Product, slo: Slo, sli: Sli, *, link: str = "") -> tuple[Group, Group]:
    made = _Rules(product, slo, sli, link)
    name = f"slo:{product.name}:{slo.name}"
    fast, slow = made.interval, SLOW_PART * made.interval
    return (
        {"name": f"{name}:fast", "interval": duration(fast), "rules": made.fast()},
        {"name": f"{name}:slow", "interval": duration(slow), "rules": made.slow()},
    )


def is_guarded(sli: Sli) -> bool:
    """Whether it is known how many bad events there were, so that one alone wakes nobody."""
    return unit_of(sli) is not Unit.UNKNOWN


def interval_of(slo: Slo) -> int:
    """How often the short windows are computed, in seconds: at least twice in the shortest."""
    return max(1, min(LONGEST_INTERVAL_SECONDS, shortest(slo) // 2))


class _Rules:
    """Those of one objective."""

    def __init__(self, product: Product, slo: Slo, sli: Sli, link: str) -> None:
        self._product, self._slo, self._sli, self._link = product, slo, sli, link
        self._unit = unit_of(sli)
        self._has_events = bool(sli.total)
        self._short = duration(shortest(slo))
        self.interval = interval_of(slo)
        named = f"{matcher('product', '=', product.name)},{matcher('slo', '=', slo.name)}"
        self._of = f"{{{named}}}"
        self._labels = {"layer": "product", "product": product.name, "slo": slo.name}

    def fast(self) -> list[Rule]:
        longest = scaled(21_600, self._slo)
        rules = [r for w in windows(self._slo) if w <= longest for r in self._measured(w)]
        return [*rules, self._burning(Burn.FAST), self._no_data()]

    def slow(self) -> list[Rule]:
        longest = scaled(21_600, self._slo)
        rules = [r for w in windows(self._slo) if w > longest for r in self._summed(w)]
        return [*rules, *self._over_the_window(), self._burning(Burn.SLOW)]

    # --- what is recorded

    def _recorded(self, name: str, expression: str) -> Rule:
        return {"record": name, "expr": expression, "labels": self._labels}

    def _measured(self, seconds: int) -> list[Rule]:
        window = duration(seconds)
        if not self._has_events:
            # What is no number, and what is no share, is left out.
            share = f"(max({filled(self._sli.share, seconds)}) >= 0) <= 1"
            return [self._recorded(RATIO + window, share)]
        events = f"sum({self._per_second(self._sli.total, seconds)}) >= 0"
        return [
            self._recorded(EVENTS + window, events),
            self._recorded(BAD + window, self._bad(seconds)),
            self._ratio(window),
        ]

    def _bad(self, seconds: int) -> str:
        sli, events = self._sli, f"sum({EVENTS}{duration(seconds)}{self._of})"
        part = sli.bad or sli.good
        present = " and ".join(presence_of(part, sli.total))
        counted = f"sum({self._per_second(part, seconds)}) or ({events} * 0 and {present})"
        return f"({counted}) >= 0" if sli.bad else f"clamp_min({events} - ({counted}), 0) >= 0"

    def _per_second(self, text: str, seconds: int) -> str:
        inner = filled(text, seconds)
        return f"({inner}) / {seconds}" if self._unit is Unit.COUNT else inner

    def _ratio(self, window: str) -> Rule:
        bad, events = f"{BAD}{window}{self._of}", f"{EVENTS}{window}{self._of}"
        return self._recorded(RATIO + window, f"clamp_max({bad} / ({events} > 0), 1)")

    def _summed(self, seconds: int) -> list[Rule]:
        window = duration(seconds)
        if not self._has_events:
            return [self._recorded(RATIO + window, self._mean(window))]
        return [
            *(
                self._recorded(
                    name + window, f"{self._sum(name, window)} * {self.interval} / {seconds}"
                )
                for name in (EVENTS, BAD)
            ),
            self._ratio(window),
        ]

    def _over_the_window(self) -> list[Rule]:
        window = duration(round(self._slo.window_seconds))
        if not self._has_events:
            return [self._recorded(WINDOW_RATIO, self._mean(window))]
        bad, events = self._sum(BAD, window), self._sum(EVENTS, window)
        rules = [self._recorded(WINDOW_RATIO, f"clamp_max({bad} / ({events} > 0), 1)")]
        if self._unit is not Unit.UNKNOWN:
            rules.append(self._recorded(WINDOW_COUNT, f"{events} * {self.interval}"))
        return rules

    def _sum(self, name: str, window: str) -> str:
        return f"sum_over_time({name}{self._short}{self._of}[{window}])"

    def _mean(self, window: str) -> str:
        return f"avg_over_time({RATIO}{self._short}{self._of}[{window}])"

    # --- who is told

    def _burning(self, alert: Burn) -> Rule:
        conditions = [self._burns(pair) for pair in pairs(self._slo) if pair.alert is alert]
        said = "soon" if alert is Burn.FAST else "slowly"
        told = "{{ $value | humanizePercentage }} of it was bad lately"
        return self._alert(
            alert.value,
            " or ".join(f"({condition})" for condition in conditions),
            severity=SEVERITY[alert],
            summary=f"{self._what} fails too often, and its error budget runs out {said}",
            description=f"{told}; {self._allowed}.",
        )

    def _burns(self, pair: Pair) -> str:
        """The short window ends an alert by what went well, not by silence: where nobody comes any
        more, nothing is known to be well."""
        long, short = duration(pair.long), duration(pair.short)
        limit = f"{pair.threshold:.10g}"
        lately = f"{RATIO}{short}{self._of} > {limit}"
        if not self._has_events:
            return f"{RATIO}{long}{self._of} > {limit} and {lately}"
        quiet = f"{EVENTS}{short}{self._of} == 0"
        parts = [f"{RATIO}{long}{self._of} > {limit}", f"({lately} or {quiet})"]
        if self._unit is not Unit.UNKNOWN:
            least = least_bad(self._slo) - NOT_QUITE
            parts.append(f"{BAD}{long}{self._of} * {pair.long} > {least:.10g}")
        return " and ".join(parts)

    def _no_data(self) -> Rule:
        names = (EVENTS, BAD) if self._has_events else (RATIO,)
        return self._alert(
            NO_DATA,
            " or ".join(f"absent({name}{self._short}{self._of})" for name in names),
            severity="warning",
            summary=f"Nothing tells whether {self._what} is well",
            description="Its expressions find no series, or what they give is no number; or a "
            "metric or label that counts what fails is not there. Nobody would be told of a "
            "failure.",
            hold=2 * shortest(self._slo),
        )

    @property
    def _what(self) -> str:
        journey = self._slo.journey.strip().rstrip(".")
        name = f"{self._product.name}/{self._slo.name}"
        return f"{name} ({plain(journey)})" if journey else name

    @property
    def _allowed(self) -> str:
        window = duration(round(self._slo.window_seconds))
        return f"{budget(self._slo) * 100:.6g}% of {window} may be"

    def _alert(
        self,
        name: str,
        expression: str,
        *,
        severity: str,
        summary: str,
        description: str,
        hold: int = 0,
    ) -> Rule:
        annotations = {"summary": summary, "description": description}
        if self._link:
            annotations["runbook_url"] = f"{plain(self._link)}/products#{self._product.name}"
        rule: Rule = {"alert": name, "expr": expression}
        if hold:
            rule["for"] = duration(hold)
        return {
            **rule,
            "labels": {**self._labels, "severity": severity},
            "annotations": annotations,
        }


def plain(text: str) -> str:
    """Text of people in a template of Prometheus: shown as it is, and nothing of it is run."""
    return " ".join(text.split()).replace("{{", '{{"{{"}}')


def as_resource(made: list[Group], *, name: str = "homeostat-slos") -> Mapping[str, Any]:
    """The same groups as the operator of Prometheus takes them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "homeostat"}},
        "spec": {"groups": made},
    }
