"""Leadership metrics for people's tools: what they are expected to do, and whether they do it.

Whether one moves is computed of what was read; only a stall while all is green below is an alert
and has an incident. Nothing of it is ever healed by machine, so there is nothing to ask for here.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.leadership import is_waiting, labels_of
from agent.core.leadership_verdict import verdict_of
from agent.core.own_alert import identity_of
from agent.core.suspects import Suspect, suspects_now
from agent.core.view import View
from agent.interface.health import gap_of
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.principal import Principal
from agent.model.product import LeadershipMetric, Product
from agent.model.records import MeasureSigns
from agent.model.series import Moving


async def outcomes(desk: Desk, request: Request, who: Principal) -> Response:
    """Of all products one may see; of `?product=` alone with its series."""
    view, asked = desk.facade.view, request.query_params.get("product")
    products = view.registry.products
    if asked is not None and (asked not in products or not belongs(who, asked)):
        raise Refused(404, f"no product {asked[:80]}", remedy="see GET /api/v1/outcomes")
    return json_reply(
        [
            outcome_json(product, view, who, is_whole=asked is not None)
            for product in sorted(products.values(), key=lambda p: p.name)
            if belongs(who, product.name) and asked in (None, product.name)
        ]
    )


def outcome_json(product: Product, view: View, who: Principal, *, is_whole: bool) -> dict[str, Any]:
    metric = product.leadership_metric
    told: dict[str, Any] = {
        "product": product.name,
        "builder": product.builder,
        "metric": metric.name if metric is not None else None,
        "expected_motion": _expectation(metric) if metric is not None else None,
        "query": (metric.query or None) if metric is not None else None,
    }
    if metric is None:
        return told
    signs = view.measures.get(product.name)
    if signs is not None and signs.metric != metric.name:
        signs = None
    told |= _read(signs) | _judged(product.name, metric, signs, view, who)
    if is_whole:
        told["series"] = _series(product.name, metric, view)
    return told


def _expectation(metric: LeadershipMetric) -> dict[str, Any]:
    motion = metric.motion
    told: dict[str, Any] = {"flat_for_seconds": metric.flat_for_seconds}
    if motion is not None:
        told |= {
            "cadence_seconds": motion.cadence_seconds,
            "direction": motion.direction.value,
            "kind": "count" if motion.is_count else "level",
            "season_seconds": motion.season_seconds,
            "least": motion.least,
        }
    return told


def _read(signs: MeasureSigns | None) -> dict[str, Any]:
    if signs is None:
        return {"last": None}
    return {
        "last": {
            "value": signs.value,
            "at": rfc3339(signs.last_at),
            "moved_at": rfc3339(signs.moved_at),
        }
    }


def _judged(
    product: str, metric: LeadershipMetric, signs: MeasureSigns | None, view: View, who: Principal
) -> dict[str, Any]:
    moved = verdict_of(product, view)
    is_stalled = moved.verdict is Moving.STALLED
    firing = signs.firing_since if signs is not None else None
    waits = (
        is_stalled
        and firing is None
        and signs is not None
        and is_waiting(signs, metric, at=signs.last_at)
    )
    known = suspects_now(product, view) if is_stalled else ()
    alert = identity_of(labels_of(product, metric.name))
    return {
        "verdict": moved.verdict.value,
        "text": moved.text,
        "effect": moved.effect,
        "expected": moved.expected,
        "chance": moved.chance,
        "since": rfc3339_or_none(moved.since),
        "gap": gap_of(product, view),
        "waits_for_what_burns_below": waits,
        "alert_since": rfc3339_or_none(firing),
        "incident": view.live.get(alert) if firing is not None else None,
        "suspects": [_suspect(one) for one in known if _may_see(one, view, who)],
    }


def _may_see(suspect: Suspect, view: View, who: Principal) -> bool:
    """What a product stands on may be another's, whose changes are not for everybody."""
    entity = view.registry.entities.get(suspect.entity)
    if entity is not None:
        return belongs(who, entity.product)
    return suspect.entity not in view.registry.products or belongs(who, suspect.entity)


def _suspect(one: Suspect) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    return {**told, "at": rfc3339_or_none(one.at)}


def _series(product: str, metric: LeadershipMetric, view: View) -> dict[str, Any] | None:
    """By bins: of a count what was done in each, of a level where it stood; null: not known."""
    series = view.motions.get(product)
    if series is None or series.metric != metric.name:
        return None
    return {
        "bin_seconds": series.bin_seconds,
        "began_at": rfc3339(series.began_at),
        "values": list(series.values),
    }
