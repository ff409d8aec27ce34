"""Reading autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.cluster_selectors import matches
from agent.ports.cluster_walking import (
    amount,
    condition_of,
    holds,
    items,
    mapping,
    moment,
    name_of,
    text,
    walk,
    whole,
)

Json = Mapping[str, Any]
_TARGETS = {
    "Utilization": "averageUtilization",
    "AverageValue": "averageValue",
    "Value": "value",
}


class ScalerSeen(msgspec.Struct, frozen=True, kw_only=True):
    minimum: int | None
    maximum: int | None
    current: int | None
    wanted: int | None
    use: float | None
    reads_metric: bool | None
    able: bool | None
    scaled_at: float | None


def scalers_of(scalers: Iterable[Json], ref: Ref) -> tuple[Json, ...]:
    """Autoscalers of this workload, in order of their names."""
    kind = KINDS[ref.kind]
    found = []
    for scaler in scalers:
        scaled = mapping(scaler, "spec", "scaleTargetRef")
        group = text(scaled, "apiVersion").rpartition("/")[0]
        named = (text(scaled, "kind"), text(scaled, "name", most=253))
        if named == (kind.title, ref.name) and group == kind.group:
            found.append(scaler)
    return tuple(sorted(found, key=name_of))


def scaler_seen(scaler: Json) -> ScalerSeen:
    least = whole(scaler, "spec", "minReplicas")
    reads = holds(scaler, "ScalingActive")
    is_looked_at = bool(items(scaler, "status", "conditions"))
    if reads is False and text(condition_of(scaler, "ScalingActive"), "reason") == (
        "ScalingDisabled"
    ):
        reads = None  # of no replicas there is no metric, and it does not look
    return ScalerSeen(
        minimum=1 if least is None else least,
        maximum=whole(scaler, "spec", "maxReplicas"),
        # None is left out by the API server, also before the first look.
        current=(whole(scaler, "status", "currentReplicas") or 0) if is_looked_at else None,
        wanted=whole(scaler, "status", "desiredReplicas") if is_looked_at else None,
        use=_use(scaler),
        reads_metric=reads,
        able=holds(scaler, "AbleToScale"),
        scaled_at=moment(scaler, "status", "lastScaleTime"),
    )


def _use(scaler: Json) -> float | None:
    """Of several metrics the one furthest above its target decides, as it does for the autoscaler.
    With one of them missing the highest is not known."""
    asked, told = items(scaler, "spec", "metrics"), items(scaler, "status", "currentMetrics")
    if not asked or len(asked) != len(told):
        return None
    shares = [_share(*pair) for pair in zip(asked, told, strict=True)]
    known = [share for share in shares if share is not None]
    return max(known) if len(known) == len(shares) else None


def _share(asked: Json, told: Json) -> float | None:
    kind = text(asked, "type")
    if not kind or text(told, "type") != kind:
        return None  # a metric that could not be read stands there without a type
    word = kind[0].lower() + kind[1:]
    field = _TARGETS.get(text(asked, word, "target", "type"), "")
    target, current = amount(asked, word, "target", field), amount(told, word, "current", field)
    # Quantities are decimal fractions, and a share that is on target must not be above it.
    return None if not target or current is None else round(current / target, 6)


class BudgetSeen(msgspec.Struct, frozen=True, kw_only=True):
    allowed: int | None
    healthy: int | None
    wanted: int | None


def budgets_of(budgets: Iterable[Json], labels: Json) -> tuple[Json, ...]:
    """Budgets that count pods of these labels. One that is written in a way nobody knows counts
    them: it may say no."""
    return tuple(b for b in budgets if matches(walk(b, "spec", "selector"), labels) is not False)


def budget_seen(budgets: Iterable[Json]) -> BudgetSeen | None:
    """None: there is none. The API server evicts nothing of what two budgets count; their tightest
    figures are told then."""
    seen = [_budget(budget) for budget in budgets]
    if len(seen) < 2:
        return seen[0] if seen else None
    known = [b for b in seen if b.healthy is not None and b.wanted is not None]
    if len(known) < len(seen):
        return BudgetSeen(allowed=0, healthy=None, wanted=None)
    tight = min(known, key=lambda b: (b.healthy or 0) - (b.wanted or 0))
    return BudgetSeen(allowed=0, healthy=tight.healthy, wanted=tight.wanted)


def _budget(budget: Json) -> BudgetSeen:
    observed = whole(budget, "status", "observedGeneration")
    if observed is None or observed < (whole(budget, "metadata", "generation") or 0):
        return BudgetSeen(allowed=None, healthy=None, wanted=None)  # not counted anew yet
    return BudgetSeen(
        allowed=whole(budget, "status", "disruptionsAllowed"),
        healthy=whole(budget, "status", "currentHealthy"),
        wanted=whole(budget, "status", "desiredHealthy"),
    )
