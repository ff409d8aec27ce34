"""The runbook that like resolutions come to, as data in the order of the language's sections.

It claims no more than was seen: it matches the alerts these incidents began with, its guards are
tighter than the policy, it is in shadow, and its tests are the incidents themselves, those it must
leave to people among them. Text of people and alerts stands in it only where text is read by
people, or is compared; every expression was made by `core/origins.py` or `core/separating.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from agent.core.chance import last_began
from agent.core.cleaning import clean_text
from agent.core.origins import NO_CHARACTER
from agent.core.proposed_parts import Row, Way, proof_id, span
from agent.core.proposed_tests import tests_of
from agent.model.learning import Resolution
from agent.model.policy import Policy
from agent.model.runbook import Lifecycle

PLAN = "as-resolved"
DAY = 86_400.0
USUAL_COOLDOWN = 900.0
"""The policy's, where nobody wrote one. Runbooks are checked under that: a cooldown that is no
tighter proves nothing there, and one that is would take away what a site with a shorter one chose.
So there is none of its own in that case, and the site's holds."""
MOST_RUNS, RUNS_WITHIN = 3, DAY
FLOOR = "80%"
SHORTEST_PROOF = 300.0
MOST_NAMED = 20
LONGEST = 300


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say besides the ways."""

    name: str
    owner: str
    layer: str
    tier: str
    product: str | None
    at: float


def document_of(what: Written, ways: Sequence[Way], policy: Policy) -> dict[str, Any] | None:
    """The complete runbook; None where its ways cannot be told apart, or not by tests."""
    rows = _rows(ways)
    calls = _diagnose(ways)
    if rows is None or calls is None:
        return None
    likes = [r for way in ways for r in way.likes]
    names = sorted({r.alertname for r in likes})
    match: dict[str, Any] = {"alert": names}
    if what.product is not None:
        match["product"] = what.product
    # The kind comes from the registry: a label, which whoever sends the alert writes, says nothing.
    match["when"] = f'entity.kind == "{likes[-1].kind}"'
    document: dict[str, Any] = {
        "apiVersion": "homeostat/v1",
        "kind": "Runbook",
        "metadata": {
            "name": what.name,
            "owner": what.owner,
            "layer": what.layer,
            "tier": what.tier,
        },
        "about": _about(names, ways),
        "match": match,
        "guard": _guard(ways, policy),
    }
    if calls:
        document["diagnose"] = [{"id": i, "use": u, "with": dict(p)} for i, (u, p) in calls.items()]
    if rows:
        document["decide"] = [row.written for row in rows]
    document["plans"] = {way.plan: _plan(way, calls, policy) for way in ways}
    if calls:
        document["escalate"] = {"evidence": list(calls)}
    document["lifecycle"] = {
        "state": (Lifecycle.DRAFT if any(w.asks for w in ways) else Lifecycle.SHADOW).value,
        "review_by": review_by(what.at, policy),
        "promoted_from": [r.incident_id for r in likes][-MOST_NAMED:],
    }
    document["tests"] = tests_of(ways, rows, shares(ways), document["guard"], calls)
    return document


def review_by(at: float, policy: Policy) -> str:
    """ISO date on which somebody has to have read it again."""
    return datetime.fromtimestamp(at + policy.learning.review_days * DAY, UTC).date().isoformat()


def plain(text: str, *, longest: int = LONGEST) -> str:
    """Text of people or alerts, as it may stand where people read it: nothing is filled in."""
    return NO_CHARACTER.sub("\ufffd", clean_text(text, longest=longest)[0]).replace("${", "$ {")


def shares(ways: Sequence[Way]) -> tuple[Resolution, ...]:
    """Incidents that none of the ways is for, and that each of them is known to leave alone."""
    counts: dict[str, list[Resolution]] = {}
    for way in ways:
        for r in way.contrast:
            counts.setdefault(r.incident_id, []).append(r)
    return tuple(found[0] for found in counts.values() if len(found) == len(ways))


def _rows(ways: Sequence[Way]) -> list[Row] | None:
    """No row where there is nothing to decide; None where nothing tells several ways apart."""
    if len(ways) == 1 and not ways[0].condition:
        return []
    if not all(way.condition for way in ways):
        return None
    why = "what was found is as in the incidents it was learned from"
    rows = [Row({"when": w.condition, "plan": w.plan, "why": why}) for w in ways]
    other = "what was found is not as in the incidents it was learned from"
    last: dict[str, Any] = {"default": "escalate", "why": other}
    if shares(ways):
        return [*rows, Row(last)]
    if _are_opposites(ways):
        default = {"default": ways[-1].plan, "why": why}
        return [*rows[:-1], Row(default)]
    made_up = _in_between(ways)
    return None if made_up is None else [*rows, Row(last, made_up)]


def _are_opposites(ways: Sequence[Way]) -> bool:
    """Whether the second condition holds exactly where the first is false."""
    if len(ways) != 2:
        return False
    one, other = (way.condition for way in ways)
    return one == f"!{other}" or other == f"!{one}"


def _in_between(ways: Sequence[Way]) -> tuple[str, Any] | None:
    """A finding that all conditions are false for, where they all read the same field: the limit
    between two numbers, or a word that is none of theirs."""
    if len({way.field for way in ways}) != 1:
        return None
    field = ways[0].field
    if all('"' in way.condition for way in ways):
        return field, "something else"
    limits = {way.condition.rpartition(" ")[2] for way in ways}
    signs = {way.condition.split(" ")[1] for way in ways if " " in way.condition}
    if len(limits) != 1 or signs != {"<", ">"}:
        return None
    limit = float(limits.pop())
    return field, int(limit) if limit.is_integer() else limit


def _diagnose(ways: Sequence[Way]) -> dict[str, tuple[str, Mapping[str, Any]]] | None:
    """Only the diagnostics that something reads. None where two ways mean different ones by the
    same name."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for way in ways:
        roots = [e.partition(".")[0] for e in (way.field, *way.reads) if e]
        for name in dict.fromkeys(roots):
            if name not in way.calls:
                continue
            if found.setdefault(name, way.calls[name]) != way.calls[name]:
                return None
    return found


def _about(names: Sequence[str], ways: Sequence[Way]) -> dict[str, str]:
    likes = [r for way in ways for r in way.likes]
    shown = ", ".join(plain(name, longest=80) for name in names[:3])
    causes = dict.fromkeys(plain(r.cause, longest=100) for r in reversed(likes) if r.cause)
    about = {
        "meaning": f"Learned from {len(likes)} incidents of {shown} that people resolved alike.",
        "impact": ("As people said: " + "; ".join(list(causes)[:3])) if causes else "Nobody said.",
    }
    others = sum(len(way.contrast) for way in ways)
    if others:
        about["not_for"] = f"Incidents that look alike and ended otherwise; {others} are known."
    return about


def _guard(ways: Sequence[Way], policy: Policy) -> dict[str, Any]:
    guard: dict[str, Any] = {}
    if policy.cooldown_seconds >= USUAL_COOLDOWN:
        every = 2 * policy.cooldown_seconds
        guard["cooldown"] = {"per": "entity", "every": span(every)}
        # The last of so many runs, spread over the time, has to be longer ago than `every`.
        if policy.attempts_per_day > MOST_RUNS and every < RUNS_WITHIN / (MOST_RUNS + 1):
            guard["cooldown"] |= {"max": MOST_RUNS, "in": span(RUNS_WITHIN)}
    budget: dict[str, Any] = {"scope": "product", "concurrent": 1}
    if any(way.observed for way in ways):
        budget["min_healthy"] = FLOOR
    return {**guard, "budget": budget}


def _plan(
    way: Way, calls: Mapping[str, tuple[str, Mapping[str, Any]]], policy: Policy
) -> dict[str, Any]:
    verify: dict[str, Any] = {"within": span(_within(way, policy))}
    if way.observed is None:
        verify["success"] = "alert_cleared"
    else:
        use, params = way.calls[way.observed.call]
        name = proof_id(calls)
        verify["observe"] = [{"id": name, "use": use, "with": dict(params)}]
        sign = "!" if way.observed.was else ""
        seen = f"{sign}{name}.{way.observed.field}"
        verify["success"] = {"all": ["alert_cleared", seen], "consecutive": 2, "every": "10s"}
    plan: dict[str, Any] = {"steps": [dict(step) for step in way.steps], "verify": verify}
    if way.goes_back:
        plan["rollback"] = "snapshot"
    return plan


def _within(way: Way, policy: Policy) -> float:
    """Twice as long as it took at most, and not shorter than where a plan says nothing; what the
    alert looks back comes on top of that."""
    took = [
        r.cleared_at - began
        for r in way.likes
        if r.cleared_at is not None and (began := last_began(r)) is not None
    ]
    shortest = min(SHORTEST_PROOF, policy.verify_within_seconds)
    longest = max(shortest, policy.learning.proof_seconds)
    return min(longest, max(shortest, 2 * max(took, default=0.0)))
