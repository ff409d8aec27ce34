"""The pages of the three layers: all products at one look, and one product at length.

They show what the API tells of objectives, members, outcomes and changes, gravest first. What is
not known stands before what is well, and is never counted as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from agent.core import drift, members, telemetry
from agent.core.leadership_verdict import metric_of
from agent.core.objectives import key_of
from agent.core.own_alert import identity_of
from agent.core.view import View
from agent.interface.console.frame import live
from agent.interface.console.outcome_chart import MOST_MARKS, Chart, outcome_chart
from agent.interface.console.signals_pictures import bar, drift_picture
from agent.interface.console.usual_bins import UsualBins, stood_from
from agent.interface.http.changes_api import change_json, changes_for
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.members_api import member_json, spots_of
from agent.interface.http.outcomes_api import outcome_json
from agent.interface.http.own_api import own_json
from agent.interface.http.replies import Refused
from agent.interface.http.slos_api import slo_json
from agent.interface.http.slos_api import state_of as slo_state
from agent.interface.times import from_rfc3339
from agent.model.principal import Principal
from agent.model.product import LeadershipMetric, Product, Slo
from agent.model.records import ChangeRecord
from agent.model.series import DriftState
from agent.model.signals import Aspect, Baseline, Trouble

MOST_ROWS = 100
"""Of each layer on the page of all; the commands list the rest."""
MOST_CARDS = 24
MOST_NAMES = 20
BINS_AT_A_LOOK, BINS_AT_LENGTH = 192, 700
CHANGES_SECONDS = 14 * 86_400.0
"""So far back changes are listed where no chart says how far."""
CALM_SECONDS = 5
"""Beats and readings come all the time: the page is drawn again no more often."""

COLOURS: Mapping[str, str] = {
    "spent": "bad",
    "kept": "good",
    "in trouble": "bad",
    "well": "good",
    "stalled": "bad",
    "moving": "good",
}
"""Everything else that is said of a signal is unknown."""
ORDER = ("bad", "unknown", "good")


def colour(state: str) -> str:
    return COLOURS.get(state, "unknown")


class Stated(NamedTuple):
    """An objective before it is told at length: that takes longer, and few of many are shown."""

    product: Product
    slo: Slo
    state: str
    incident: str


class SignalsPage:
    def __init__(self) -> None:
        self._usual = UsualBins()

    async def show(self, desk: Desk, request: Request, who: Principal) -> Response:
        registry = desk.facade.view.registry
        self._usual.forget_but(frozenset(registry.products))
        products = [p for name, p in sorted(registry.products.items()) if belongs(who, name)]
        objectives = states_of(desk, who)
        machinery = members_of(desk, who)
        outcomes = [self._outcome(desk, who, p) for p in products if p.leadership_metric]
        outcomes.sort(key=lambda one: _rank(one["state"]))
        return live(
            desk,
            request,
            who,
            fragment="_signals.html",
            here="signals",
            title="Signals",
            calm_seconds=CALM_SECONDS,
            own=own_of(desk, who),
            sums=_sums(objectives, machinery, outcomes),
            objectives=[with_bar(desk, one) for one in objectives[:MOST_ROWS]],
            more_objectives=max(0, len(objectives) - MOST_ROWS),
            members=[with_pictures(one, desk.facade.view) for one in machinery[:MOST_ROWS]],
            more_members=max(0, len(machinery) - MOST_ROWS),
            outcomes=[self._drawn(desk, who, one) for one in outcomes[:MOST_CARDS]],
            more_outcomes=outcomes[MOST_CARDS:],
            without=_without(products, objectives, machinery),
            has_products=bool(products),
            colour=colour,
        )

    async def show_one(self, desk: Desk, request: Request, who: Principal) -> Response:
        name, view = request.path_params["product"], desk.facade.view
        product = view.registry.products.get(name)
        if product is None or not belongs(who, name):
            raise Refused(404, f"no product {name[:80]}", remedy="see /signals")
        objectives = states_of(desk, who, product=name)
        machinery = members_of(desk, who, product=name)
        outcome = self._outcome(desk, who, product)
        changes = _marked(desk, who, product, view)
        chart = self._chart(product, product.leadership_metric, view, changes, BINS_AT_LENGTH)
        return live(
            desk,
            request,
            who,
            fragment="_product_signals.html",
            here="signals",
            title=f"Signals of {name}",
            calm_seconds=CALM_SECONDS,
            own=own_of(desk, who),
            product=product,
            sums=_sums(objectives, machinery, [outcome] if outcome["metric"] else []),
            objectives=[with_bar(desk, one) for one in objectives[:MOST_ROWS]],
            more_objectives=max(0, len(objectives) - MOST_ROWS),
            members=[with_pictures(one, view) for one in machinery[:MOST_ROWS]],
            more_members=max(0, len(machinery) - MOST_ROWS),
            outcome=outcome,
            picture=outcome_chart(chart, is_large=True) if chart is not None else "",
            chart=chart,
            changes=[{**change_json(change), "mark": mark} for mark, change in reversed(changes)],
            colour=colour,
        )

    def _outcome(self, desk: Desk, who: Principal, product: Product) -> dict[str, Any]:
        told = outcome_json(product, desk.facade.view, who, is_whole=False)
        return {**told, "state": state_of(told)}

    def _drawn(self, desk: Desk, who: Principal, outcome: dict[str, Any]) -> dict[str, Any]:
        view = desk.facade.view
        product = view.registry.products[outcome["product"]]
        changes = _marked(desk, who, product, view)
        chart = self._chart(product, product.leadership_metric, view, changes, BINS_AT_A_LOOK)
        picture = outcome_chart(chart, is_large=False) if chart is not None else ""
        return {**outcome, "chart": chart, "picture": picture}

    def _chart(
        self,
        product: Product,
        metric: LeadershipMetric | None,
        view: View,
        changes: Sequence[tuple[str, ChangeRecord]],
        most: int,
    ) -> Chart | None:
        """None where no series of this metric is kept, as without a cadence."""
        series = view.motions.get(product.name)
        if metric is None or metric.motion is None or series is None:
            return None
        if series.metric != metric.name or not series.values:
            return None
        first, stood = max(0, len(series.values) - most), stood_from(series)
        return Chart(
            metric=metric.name,
            began_at=series.began_at + first * series.bin_seconds,
            bin_seconds=series.bin_seconds,
            values=series.values[first:],
            usual=self._usual.of(product.name, series, metric, most=most),
            is_count=metric.motion.is_count,
            stood_from=None if stood is None else max(0, stood - first),
            changes=changes,
        )


def state_of(outcome: Mapping[str, Any]) -> str:
    """The verdict, as long as it is of now: of what is not read any more nothing is known."""
    if outcome["metric"] is None:
        return ""
    is_of_now = outcome["gap"] is None or outcome["alert_since"] is not None
    return str(outcome["verdict"]) if is_of_now else "unknown"


def _rank(state: str) -> int:
    return ORDER.index(colour(state))


def _sums(
    objectives: Iterable[Stated],
    machinery: Iterable[Mapping[str, Any]],
    outcomes: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, int]]:
    """Of each layer how many are well, bad or unknown."""
    layers = {
        "objectives": [one.state for one in objectives],
        "members": [one["state"] for one in machinery],
        "outcomes": [one["state"] for one in outcomes],
    }
    return {layer: dict(Counter(map(colour, states))) for layer, states in layers.items()}


def own_of(desk: Desk, who: Principal) -> Mapping[str, Any] | None:
    """None in the moment before it measured itself first."""
    try:
        return own_json(desk.facade, who)
    except Refused as refused:
        if refused.status != 503:
            raise
        return None


def states_of(desk: Desk, who: Principal, *, product: str = "") -> list[Stated]:
    """Every objective with its state and the incident that says that it burns, gravest first."""
    view, at = desk.facade.view, desk.facade.now()
    burning = _burning(view)
    found = [
        Stated(one, slo, slo_state(slo, view.objectives.get(key_of(name, slo.name)), at=at).value,
               burning.get((name, slo.name), ""))
        for name, one in sorted(view.registry.products.items())
        if belongs(who, name) and product in ("", name)
        for slo in sorted(one.slos, key=lambda slo: slo.name)
    ]  # fmt: skip
    return sorted(found, key=lambda one: (_rank(one.state), not one.incident))


def with_bar(desk: Desk, one: Stated) -> dict[str, Any]:
    told = slo_json(one.product, one.slo, desk.facade.view, at=desk.facade.now())
    left = told["budget_left"]
    label = "what is left is not known" if left is None else f"{left:.0%} of the budget left"
    return {**told, "bar": bar(left, label=label), "incident": one.incident}


def _burning(view: View) -> dict[tuple[str, str], str]:
    """Open incidents that are about an objective, by product and objective."""
    return {
        (incident.product, slo): incident.id
        for incident in view.incidents.values()
        if incident.product is not None
        for alert in incident.alerts.values()
        if (slo := alert.labels.get("slo"))
    }


def members_of(desk: Desk, who: Principal, *, product: str = "") -> list[dict[str, Any]]:
    """Gravest first."""
    view, at = desk.facade.view, desk.facade.now()
    spots, entities = spots_of(view), view.registry.entities
    rows = [
        member_json(entities[name], view, at=at, spots=spots.get(name, ()))
        for name in members.names(view)
        if belongs(who, entities[name].product) and product in ("", entities[name].product)
    ]
    for one in rows:
        worked = one["worked_at"]
        one["worked_seconds_ago"] = at - from_rfc3339(worked) if worked else None
        one["incidents"] = _incidents_of(one, view)
    return sorted(rows, key=lambda one: _rank(one["state"]))


def _incidents_of(member: Mapping[str, Any], view: View) -> list[str]:
    """Open incidents of what it is in, in the order of its troubles."""
    found = []
    for one in member["troubles"]:
        labels = members.labels_of(Trouble(one["kind"]), member["name"], view, about=one["about"])
        incident = view.live.get(identity_of(labels))
        if incident is not None and incident not in found:
            found.append(incident)
    return found


def with_pictures(member: dict[str, Any], view: View) -> dict[str, Any]:
    """The member with each declared aspect of its work drawn against the baseline."""
    aspects = [_aspect(b, state) for b, state in telemetry.readings(member["name"], view)]
    return {**member, "aspects": aspects}


def _aspect(baseline: Baseline, state: DriftState | None) -> dict[str, Any]:
    value = in_unit(baseline.aspect, state.value) if state is not None and state.at else ""
    usual = in_unit(baseline.aspect, baseline.mean)
    if state is None or not state.at:
        word, kind = "not reported", "unknown"
    elif state.firing_since is not None:
        word, kind = "drifts", "bad"
    elif not state.limit:
        word, kind = "is being learned", "unknown"
    else:
        word, kind = "as it should be", "good"
    told = f"{baseline.aspect.value}: {value or 'nothing'}, {usual} by its baseline: {word}"
    return {
        "name": baseline.aspect.value,
        "value": value,
        "usual": usual,
        "word": word,
        "colour": kind,
        "text": drift.judge(state, baseline).text if kind == "bad" else "",
        "picture": drift_picture(baseline, state, told=told),
    }


def in_unit(aspect: Aspect, value: float) -> str:
    """As people say it: a share in percent, seconds, tokens a task, tasks an hour."""
    if aspect is Aspect.ERRORS:
        return f"{100 * value:.3g} %"
    if aspect is Aspect.LATENCY:
        return f"{value:.3g} s"
    number = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{number} tokens" if aspect is Aspect.TOKENS else f"{number}/h"


def _marked(
    desk: Desk, who: Principal, product: Product, view: View
) -> list[tuple[str, ChangeRecord]]:
    """Changes of the product, oldest first, each with its number."""
    series = view.motions.get(product.name)
    metric = metric_of(product.name, view)
    since = desk.facade.now() - CHANGES_SECONDS
    if series is not None and metric is not None and series.metric == metric.name:
        since = min(since, series.began_at)
    found = changes_for(view, who, since=since, product=product.name)[:MOST_MARKS]
    return [(str(number), change) for number, change in enumerate(reversed(found), start=1)]


def _without(
    products: Sequence[Product],
    objectives: Sequence[Stated],
    machinery: Sequence[Mapping[str, Any]],
) -> dict[str, list[str]]:
    """Products that say nothing of a layer, by layer."""
    stated = {one.product.name for one in objectives}
    beating = {one["product"] for one in machinery}
    return {
        "product": [p.name for p in products if p.name not in stated],
        "machinery": [p.name for p in products if p.name not in beating],
        "outcome": [p.name for p in products if p.leadership_metric is None],
    }
