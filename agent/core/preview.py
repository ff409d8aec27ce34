"""What a person's action would do, before it is done: the same questions, and nothing changed.

What is shown here is what would run: both are made by `asked_of`. The answer is that of now; the
rails are asked once more at the moment of acting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core import guard as guards
from agent.core.alert_expression import expression_of
from agent.core.approval import fingerprint_of
from agent.core.decay import firing_for
from agent.core.facts import facts_about
from agent.core.lifecycle import Move, after
from agent.core.rails.question import Question, Stop
from agent.core.risk import Risk
from agent.core.told import why_not_plain
from agent.core.view import View
from agent.model.effect import Availability, Effect, Reversal
from agent.model.incident import Incident
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.model.runbook import Decay

MOST_STEPS_BY_PEOPLE = 50


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """One action as it would run now, for a person to decide on."""

    incident: str
    use: str
    params: Mapping[str, Any]
    target: str | None
    is_known: bool
    """Whether such an action is loaded; where it is not, what follows is the worst case."""
    effect: str
    reversal: str
    availability: str
    risk: str
    key: str
    """Of the step it would be."""
    fingerprint: str
    """Of the action with just these parameters (core/approval.py)."""
    stops: Reason | None
    """What would stop it now; None: it would run."""
    stops_why: str
    after_seconds: float | None
    """It lets go by itself: ask again after so long."""
    verified_by: str
    verified_until: float
    """About: it counts from the end of the action."""
    not_undone: str
    """What of it cannot be taken back; empty where all of it can."""


def preview(
    case: Incident, view: View, *, use: str, params: Mapping[str, Any], who: str, at: float
) -> Preview:
    """What would run, what stops it, how it is verified, and what cannot be taken back."""
    question = asked_of(case, view, use=use, params=params, who=who, at=at)
    stop = why_not_now(case, params)
    if stop is None:
        stop = guards.ask(question)
    plugin = view.plugins.get(use)
    known = plugin if plugin is not None and plugin.kind == "action" else None
    within = proof_seconds_of(case, view)
    return Preview(
        incident=case.id,
        use=use,
        params=question.params or {},
        target=question.target,
        is_known=known is not None,
        effect=known.effect if known is not None else Effect.OPAQUE.value,
        reversal=known.reversal if known is not None else Reversal.NONE.value,
        availability=known.availability if known is not None else Availability.REMOVES.value,
        risk=_risk(case, view, known).word,
        key=question.key,
        fingerprint=fingerprint_of(use, dict(question.params or {})) if _is_sound(params) else "",
        stops=stop.reason if stop is not None else None,
        stops_why=_why(stop),
        after_seconds=stop.after_seconds if stop is not None else None,
        verified_by=f"every alert of the incident is over within {within / 60:.0f} minutes of it",
        verified_until=at + within,
        not_undone=_not_undone(known),
    )


def asked_of(
    case: Incident, view: View, *, use: str, params: Mapping[str, Any], who: str, at: float
) -> Question:
    """What the rails are asked about one action by a person. Where it names no target, it is about
    what the incident is about."""
    told = dict(params)
    aim = case.target or case.entity
    if "target" not in told and aim is not None:
        told["target"] = aim
    target = told.get("target")
    return Question(
        at=at,
        incident=case,
        view=view,
        runbook=None,
        use=use,
        target=target if isinstance(target, str) else None,
        key=f"{case.id}/person/{_number(case)}",
        facts=facts_about(case, view),
        by=who,
        params=told,
    )


def _number(case: Incident) -> int:
    return sum(1 for step in case.steps if step.by != "agent") + 1


def why_not_now(case: Incident, params: Mapping[str, Any]) -> Stop | None:
    """What no rail is asked about: the incident's state, how much was done, and what was typed."""
    if after(case.state, Move.PERSON_ACTS) is None:
        text = f"run is not possible while the incident is {case.state.value}"
        return Stop(reason=Reason.MOVE_REFUSED, text=text)
    if _number(case) > MOST_STEPS_BY_PEOPLE:
        text = f"{MOST_STEPS_BY_PEOPLE} actions are enough"
        return Stop(reason=Reason.ATTEMPTS_EXHAUSTED, text=text)
    why = why_not_plain(params)
    return Stop(reason=Reason.PARAMETER_UNKNOWN, text=why) if why is not None else None


def proof_seconds_of(case: Incident, view: View) -> float:
    """So long after a person's act the alerts may still fire: the time of verification, and what
    their expressions look back."""
    policy = view.policy
    expressions = {expression_of(a.generator_url) for a in case.alerts.values()}
    decays = (
        firing_for(Decay(), e, policy, longest=policy.longest_decay_seconds) for e in expressions
    )
    return policy.learning.proof_seconds + max(decays, default=0.0)


def _is_sound(params: Mapping[str, Any]) -> bool:
    return why_not_plain(params) is None


def _why(stop: Stop | None) -> str:
    if stop is None:
        return ""
    if stop.reason in (Reason.MOVE_REFUSED, Reason.ATTEMPTS_EXHAUSTED):
        return stop.text
    return f"{stop.reason.sentence} {stop.text}".strip()


def _risk(case: Incident, view: View, plugin: PluginFacts | None) -> Risk:
    """As a runbook of low tier with this one step would have it (core/risk.py)."""
    is_lost = plugin is None or plugin.reversal == Reversal.NONE.value
    risk = Risk.MAJOR if is_lost else Risk.ROUTINE
    product = view.registry.products.get(case.product or "")
    if product is None:
        return risk
    if product.tier == "high":
        risk = Risk(min(risk + 1, Risk.CRITICAL))
    return Risk.CRITICAL if product.regulated and risk >= Risk.NORMAL else risk


def _not_undone(plugin: PluginFacts | None) -> str:
    if plugin is None:
        return "nothing is known of it: take it for final"
    if plugin.effect == Effect.OPAQUE.value:
        return "nobody can tell afterwards what it did: take it for final"
    if plugin.reversal == Reversal.NONE.value:
        return "it destroys something that no later step brings back"
    if plugin.availability == Availability.INTERRUPTS.value:
        return "what is under way in the target is interrupted"
    if plugin.availability == Availability.REMOVES.value and not plugin.undone_by:
        return "the target stays away until somebody brings it back"
    return ""
