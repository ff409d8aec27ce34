"""The three layers of a product at one look: green, or red with what makes it so.

Product: any open incident of that layer, or an error budget that is spent; an objective that
nothing reports is unknown. Machinery: an open incident, or a sub-agent in trouble: silent, hung,
drifting, wrong in its answers, or not what is declared. Outcome: an open incident; a leadership
metric of which nothing is read, or of which too little is known yet, is unknown. What
was never heard of is `unknown`, never green: no data is not health.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.core import objectives, unusable_readings
from agent.core.blind_spots import key_of
from agent.core.leadership_verdict import metric_of, verdict_of
from agent.core.members import troubles
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.product import EntityKind
from agent.model.series import Moving
from agent.model.signals import BlindSpotKind


@dataclass(frozen=True)
class LayerHealth:
    """`colour` is green, red or unknown; `why` says what makes it so."""

    layer: Layer
    colour: str
    why: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"colour": self.colour, "why": list(self.why), "incidents": list(self.incidents)}


def product_layers(view: View, product: str) -> tuple[LayerHealth, ...]:
    return tuple(_layer(view, product, layer) for layer in Layer)


def _layer(view: View, product: str, layer: Layer) -> LayerHealth:
    burning = [i for i in view.incidents.values() if i.product == product and i.layer is layer]
    red = [i.title for i in burning]
    unknown: list[str] = []
    good: list[str] = []
    if layer is Layer.PRODUCT:
        _objectives(view, product, red=red, unknown=unknown, good=good)
    elif layer is Layer.MACHINERY:
        _machinery(view, product, red=red, unknown=unknown, good=good)
    elif layer is Layer.OUTCOME:
        _outcome(view, product, unknown=unknown, good=good)
    colour = "red" if red else "unknown" if unknown else "green"
    why = tuple(red or unknown or good)
    return LayerHealth(layer, colour, why, tuple(i.id for i in burning))


def _objectives(
    view: View, product: str, *, red: list[str], unknown: list[str], good: list[str]
) -> None:
    """Only those that something watches: one that is merely stated says nothing of how it is."""
    for slo in view.registry.products[product].slos:
        signs = view.objectives.get(objectives.key_of(product, slo.name))
        if slo.sli is None:
            continue
        if signs is None or signs.bad is None or signs.unknown_since is not None:
            unknown.append(f"nothing reports the objective {slo.name}")
        elif signs.spent_since is not None:
            red.append(f"the error budget of {slo.name} is spent")
        else:
            good.append(f"{slo.name} keeps its objective")


def _machinery(
    view: View, product: str, *, red: list[str], unknown: list[str], good: list[str]
) -> None:
    for entity in view.registry.entities_of(product):
        if entity.kind is not EntityKind.AGENT:
            continue
        signs = view.agents.get(entity.name)
        if signs is None:
            unknown.append(f"{entity.name} was never heard")
        elif found := troubles(view, entity.name):
            # Its incident, where there is one, says it better.
            red += [] if red else [f"{entity.name}: {found[0].text}"]
        else:
            good.append(f"{entity.name} beats")


def _outcome(view: View, product: str, *, unknown: list[str], good: list[str]) -> None:
    declared = view.registry.products[product].leadership_metric
    if declared is None:
        return
    signs = view.measures.get(product)
    if signs is None or signs.metric != declared.name:
        unknown.append(f"no reading of {declared.name} yet")
    elif (gap := gap_of(product, view)) is not None:
        unknown.append(gap)
    elif (moved := verdict_of(product, view)).verdict is not Moving.MOVING:
        unknown.append(moved.text)
    else:
        good.append(f"{declared.name} = {signs.value:g}")


def gap_of(product: str, view: View) -> str | None:
    """Why nothing is known of its leadership metric now; None: it is read."""
    metric = metric_of(product, view)
    subject = unusable_readings.subject_of(product, metric.name if metric else "")
    for kind in (BlindSpotKind.SIGNAL_FAULTY, BlindSpotKind.METRIC_VANISHED):
        spot = view.blind_spots.get(key_of(kind, subject))
        if spot is not None and spot.gone_at is None:
            return spot.text
    return None
