"""How far it would reach, how much review a change would need, what would keep it quiet, and who
would be told, rung by rung."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.core.escalation import ladder_of, receiver_of
from agent.core.graph import graph_of
from agent.core.inhibition import speaker_for
from agent.core.reaching import PERSON, levels
from agent.core.risk import BY_TIER, Risk, is_in_window, risk_of
from agent.core.silence import agrees, quiet_of
from agent.core.view import Channel, View
from agent.interface.freezes import freeze_json
from agent.interface.radius_path import hops_of, would_widen
from agent.interface.rungs import ahead
from agent.interface.times import rfc3339_or_none
from agent.interface.why import radius_reason
from agent.model.effect import Reversal
from agent.model.incident import Incident
from agent.model.policy import InhibitRule
from agent.model.records import SilenceMatcher
from agent.model.runbook import Lifecycle, Plan, Runbook

MOST_TIMES = 10


def radius(case: Incident, view: View, at: float) -> dict[str, Any]:
    """The class, the path that makes it, and what else would make it wider. `case` is the incident
    as it would be routed."""
    graph = graph_of(view.registry)
    about = case.entity or case.product
    return {
        "class": case.radius.value if case.radius is not None else None,
        "suspect": case.suspect,
        "why": radius_reason(case, view).sentence,
        "is_known": about is not None and about in graph.number,
        "path": [
            {
                "from": hop.start,
                "to": hop.end,
                "kind": hop.kind,
                "confidence": hop.confidence,
                "seen_at": rfc3339_or_none(hop.seen_at),
                "doubt": hop.doubt or None,
            }
            for hop in hops_of(case, view, at)
        ],
        "doubt": list(case.radius_doubt),
        "wider_if": would_widen(case, view),
        "stands_on": _edges_below(case, view, at),
    }


def _edges_below(case: Incident, view: View, at: float) -> list[dict[str, Any]]:
    """What it depends on directly, with what is in doubt about it."""
    graph = graph_of(view.registry)
    number = graph.number.get(case.entity or case.product or "")
    if number is None:
        return []
    return [
        {"name": graph.names[to], "doubt": graph.doubt(number, to, view.policy, at) or None}
        for to in graph.all.down[number][:MOST_TIMES]
        if graph.names[to] != graph.names[number]
    ]


# risk


def risk(case: Incident, runbook: Runbook, plan: Plan, view: View, at: float) -> dict[str, Any]:
    """The tier of running this plan, what it asks, and what makes it that."""
    product = view.registry.products.get(case.product or "")
    found = risk_of(runbook, plan, product, view.plugins)
    return {
        "tier": found.word,
        "asks": _asks(found, runbook, view, at),
        "because": list(_raised(case, runbook, plan, view)),
    }


def _asks(found: Risk, runbook: Runbook, view: View, at: float) -> str:
    if runbook.lifecycle not in (Lifecycle.ACTIVE, Lifecycle.ASSISTED):
        return f"nobody: a runbook that is {runbook.lifecycle.value} does nothing"
    if found.approvals:
        return "one person" if found.approvals == 1 else "two different people"
    if runbook.lifecycle is Lifecycle.ASSISTED:
        return "one person: the runbook is assisted"
    name = view.policy.rails.normal_window
    if found is not Risk.NORMAL or not name:
        return "nobody, at any time"
    state = "open now" if is_in_window(view.policy, at) else "closed now, and so one person"
    return f"nobody within the window {name} ({state})"


def _raised(case: Incident, runbook: Runbook, plan: Plan, view: View) -> Iterator[str]:
    start = BY_TIER.get(runbook.tier, Risk.MAJOR)
    yield f"a runbook of tier {runbook.tier} starts at {start.word}"
    for call in plan.steps:
        plugin = view.plugins.get(call.use)
        if plugin is None:
            yield f"nobody knows what {call.use} does"
        elif plugin.reversal == Reversal.NONE.value:
            yield f"{call.use} cannot be taken back"
    product = view.registry.products.get(case.product or "")
    if product is not None and product.tier == "high":
        yield f"{product.name} is of tier high"
    if product is not None and product.regulated:
        yield f"{product.name} is regulated"


# quiet


def quiet(case: Incident, view: View, at: float) -> dict[str, Any]:
    """What would keep it quiet or hold acts back now, and which alerts could speak for it."""
    found = quiet_of(case, view, at)
    by = speaker_for(case, view)
    return {
        "now": None
        if found is None and by is None
        else {
            "by": found.id if found is not None else f"the alert {by}",
            "reason": found.reason.value if found is not None else "inhibited",
            "text": found.text if found is not None else "",
            "until": rfc3339_or_none(found.ends_at) if found is not None else None,
        },
        "spoken_for_by": list(_speakers(case, view)),
        "freezes": list(_freezes(case, view, at)),
    }


def _speakers(case: Incident, view: View) -> Iterator[str]:
    """Of each inhibition rule that means it: which alert has to fire."""
    alert = next(iter(case.alerts.values()))
    for rule in view.policy.inhibit_rules:
        if all(agrees(matcher, alert.labels) for matcher in rule.target):
            yield _source(rule, alert.labels.get)


def _source(rule: InhibitRule, value: Any) -> str:
    told = [_matcher(matcher) for matcher in rule.source]
    told += [f'{name}="{value(name, "")}"' for name in rule.equal]
    return ", ".join(told)


def _matcher(matcher: SilenceMatcher) -> str:
    sign = ("=~" if matcher.is_equal else "!~") if matcher.is_regex else None
    sign = sign or ("=" if matcher.is_equal else "!=")
    return f'{matcher.name}{sign}"{matcher.value}"'


def _freezes(case: Incident, view: View, at: float) -> Iterator[dict[str, Any]]:
    """Those for its product, in force now or to come."""
    for freeze in view.policy.freezes[:MOST_TIMES]:
        if freeze.products and case.product is not None and case.product not in freeze.products:
            continue
        yield freeze_json(freeze, at)


# who is told


def route(case: Incident, view: View, at: float) -> dict[str, Any]:
    """Who would be told, and the ladder that would be climbed from then on."""
    team = case.routed_to or view.policy.platform
    rungs = ladder_of(view, team, case.severity, at)
    first = next((key for rung in rungs if (key := receiver_of(view, rung, at)[0])), team)
    channels: tuple[Channel, ...] = next(levels(view, first, team), ())
    return {
        "to": case.routed_to,
        "radius": case.radius.value if case.radius is not None else None,
        "path": list(case.radius_path),
        "first": first.removeprefix(PERSON),
        "ladder": [row.as_json() for row in ahead(view, team, case.severity, at)],
        "climbs": bool(view.on_call.ladders),
        "channels": [channel.use for channel in channels],
        "why": _why_them(case, view),
    }


def _why_them(case: Incident, view: View) -> str:
    if case.suspect is not None:
        return f"the cause lies in {case.suspect}, which several products share"
    if case.product is not None:
        return f"builder of {case.product}"
    if case.entity is not None:
        return f"owner of {case.entity}"
    return "nobody owns it"
