"""What an approval is for: one plan, with the parameters its steps had when it was shown.

A person approves what they were shown. The next plan of the ladder, another version of the runbook,
and a step whose parameters came out differently since then are something else: they are asked for
again. So is what was approved too long ago, and what ran once already.

What somebody was shown has a fingerprint, which comes back with their yes. Where it is not that of
what would run now, nothing is approved and the yes is refused: whoever reads an old page learns it.

Nobody approves what they wrote, asked for or did themselves; machines approve nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.facts import Unresolved, facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.risk import Risk, is_in_window, risk_about
from agent.core.silence import DOUBTFUL
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.event import AskedAnew
from agent.model.incident import Approval, Asked, AskedStep, Incident, State
from agent.model.reason import Reason
from agent.model.runbook import Call, Facts, Lifecycle, Plan, Runbook

NOBODY = ("agent", "local", "")
"""Names that prove no person."""
SHOWN_VALUE = 80
FINGERPRINT_CHARACTERS = 16
NOTHING_SHOWN = "nothing"
"""In place of a fingerprint, of whoever says yes without having been shown anything."""


def approval_of(
    runbook: Runbook, plan: Plan, facts: Facts, *, by: str = "", at: float = 0.0
) -> Approval:
    """What is approved by whoever approves this plan now."""
    steps = {s.id: fingerprint_of(s.use, s.params) for s in _steps(plan, facts) if not s.unknown}
    return Approval(digest=runbook.digest, plan=plan.name, by=by, at=at, steps=steps)


def _steps(plan: Plan, facts: Facts) -> tuple[AskedStep, ...]:
    return tuple(_step(call, facts) for call in plan.steps)


def _step(call: Call, facts: Facts) -> AskedStep:
    try:
        params = resolve_params(call.params, facts)
    except Unresolved as missing:
        return AskedStep(id=call.id, use=call.use, unknown=str(missing)[:200])
    target = params.get("target")
    aim = target if isinstance(target, str) else None
    return AskedStep(id=call.id, use=call.use, params=params, target=aim)


def fingerprint_of(use: str, params: Mapping[str, Any]) -> str:
    """Of one step; equal before and after its command was stored."""
    stored = msgspec.json.decode(msgspec.json.encode([use, params], enc_hook=str))
    text = msgspec.json.encode(stored, order="sorted")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def fingerprint_of_asked(asked: Asked) -> str:
    """Of all a person is shown: the version of the runbook, the plan, and of every step the plugin,
    target and parameters. 16 hex digits."""
    steps = [[s.id, s.use, s.target, s.params, bool(s.unknown)] for s in asked.steps]
    told = fingerprint_of(asked.plan, {"digest": asked.digest, "steps": steps})
    return told[:FINGERPRINT_CHARACTERS]


def shown_by(incident: Incident, text: str) -> str:
    """The fingerprint of what is asked for, if this text shows all of it; else empty. Nobody can
    approve by a message what it had no room for."""
    asked = incident.asked
    if asked is None or incident.state is not State.AWAITING_APPROVAL:
        return ""
    is_whole = _one_line(in_words(asked, most=None)) in _one_line(text)
    return fingerprint_of_asked(asked) if is_whole else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def params_of(
    incident: Incident, runbook: Runbook | None, facts: Facts, params: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Parameters of the next step of the plan in hand: as given, or worked out from the facts.
    Raises LookupError where that is not possible."""
    if params is not None:
        return params
    if runbook is None:
        raise LookupError("the step's parameters are not known")
    call = runbook.plan(incident.plan or "").steps[incident.step]
    return resolve_params(call.params, facts)


# what it lacks


def lacks_approval(
    incident: Incident, runbook: Runbook, facts: Facts, params: Mapping[str, Any] | None
) -> str | None:
    """Why a person has to be asked about the next step of the plan in hand, or None where they have
    agreed to it. `params` are those it will run with, or None where they have to be worked out."""
    approval = incident.approval
    if incident.approved_by is None or approval is None:
        return runbook.name
    return _not_covered(approval, incident, runbook, facts, params)


def lacks_second(
    incident: Incident, runbook: Runbook, facts: Facts, params: Mapping[str, Any] | None
) -> str | None:
    """The same of the second person's, who is not the first one."""
    first, second = incident.approval, incident.second_approval
    if first is None or second is None or first.by == second.by:
        return f"{runbook.name}: approved by {incident.approved_by}"
    return _not_covered(second, incident, runbook, facts, params)


def _not_covered(
    approval: Approval,
    incident: Incident,
    runbook: Runbook,
    facts: Facts,
    params: Mapping[str, Any] | None,
) -> str | None:
    if (approval.digest, approval.plan) != (incident.digest, incident.plan):
        return f"{runbook.name}: the approval is for plan {approval.plan}, not {incident.plan}"
    call = runbook.plan(approval.plan).steps[incident.step]
    asked_for = params_of(incident, runbook, facts, params)
    if approval.steps.get(call.id) != fingerprint_of(call.use, asked_for):
        return f"{runbook.name}: step {call.id} is not as it was approved"
    return None


def is_expired(approval: Approval, view: View, at: float) -> bool:
    return at - approval.at > view.policy.rails.approval_seconds


def approvals_needed(incident: Incident, runbook: Runbook, view: View, at: float) -> int:
    """How many people have to approve the plan in hand at this time."""
    risk = risk_about(incident, runbook, view)
    is_asked = runbook.lifecycle is Lifecycle.ASSISTED
    is_late = risk is Risk.NORMAL and not _is_surely_in_window(view, at)
    return max(risk.approvals, 1 if is_asked or is_late else 0)


def _is_surely_in_window(view: View, at: float) -> bool:
    """A window that cannot say is the rail's to refuse; here it must not keep anybody from being
    asked."""
    try:
        return is_in_window(view.policy, at)
    except DOUBTFUL:
        return False


# asking and answering


def ask(turn: Turn, runbook: Runbook, plan: Plan, reason: Reason, text: str) -> Turn:
    """Everything is prepared: people are shown exactly what would run, and asked. Whatever was
    approved before is not what they are asked about."""
    asked = _asked(turn, runbook, plan)
    turn = turn.move(
        Move.ASK, reason=reason, reason_text=text, asked=asked, risk=asked.risk, updated_at=turn.at
    )
    return turn.note("guard", reason, text).then(Todo.ROUTE)


def _asked(turn: Turn, runbook: Runbook, plan: Plan) -> Asked:
    case, view = turn.case, turn.view
    facts = facts_of(turn)
    return Asked(
        digest=runbook.digest,
        plan=plan.name,
        at=turn.at,
        risk=risk_about(case, runbook, view).word,
        steps=_steps(plan, facts),
        fingerprints=approval_of(runbook, plan, facts).steps,
        approvals=max(approvals_needed(case, runbook, view, turn.at), 1),
        good_seconds=view.policy.rails.approval_seconds,
    )


def approve(turn: Turn, runbook: Runbook, plan: Plan, who: str, shown: str = "") -> Turn:
    """One person's yes to what they were shown: `shown` is its fingerprint, empty for what is asked
    for now."""
    case = turn.case
    refusal = why_not(turn, runbook, who)
    if refusal:
        return turn.refuse(Reason.NOT_ALLOWED, f"{who} may not approve {runbook.name}: {refusal}")
    now = _asked(turn, runbook, plan)
    if not _is_as_asked(case.asked, now):
        # The refusal changes nothing; that people are asked anew is an event of its own.
        text = f"{runbook.name} would run otherwise now; look again at what is asked for"
        again = AskedAnew(at=turn.at, subject=case.id, who=who)
        return turn.refuse(Reason.APPROVAL_OUTDATED, text).emit(again)
    if shown and shown != fingerprint_of_asked(now):
        text = f"plan {now.plan} is asked for now, and not as it was shown; look again"
        return turn.refuse(Reason.APPROVAL_OUTDATED, text)
    given = approval_of(runbook, plan, facts_of(turn), by=who, at=turn.at)
    first = case.approval if case.approved_by is not None else None
    if first is not None and is_expired(first, turn.view, turn.at):
        turn = turn.note("guard", Reason.APPROVAL_EXPIRED, f"{first.by} approved it too long ago")
        first = None
    if now.approvals > 1 and first is not None:
        if first.by == who:
            text = f"{who} has approved it already; a second person has to"
            return turn.refuse(Reason.NOT_ALLOWED, text)
        turn = turn.change(second_approval=given, updated_at=turn.at)
        return turn.note("approved", Reason.APPROVED, "the second", who=who).then(Todo.GUARD)
    turn = turn.change(
        approved_by=who, approval=given, second_approval=None, updated_at=turn.at, asked=now
    )
    if now.approvals > 1:
        turn = turn.change(reason=Reason.SECOND_APPROVAL_NEEDED, reason_text=runbook.name)
        turn = turn.note("approved", Reason.APPROVED, "a second person has to as well", who=who)
        return turn.note("guard", Reason.SECOND_APPROVAL_NEEDED, runbook.name).then(Todo.REST)
    return turn.note("approved", Reason.APPROVED, who=who).then(Todo.GUARD)


def ask_anew(turn: Turn, runbook: Runbook, plan: Plan, who: str) -> Turn:
    """What would run is not what people were shown: they are shown that, and called."""
    if _is_as_asked(turn.case.asked, _asked(turn, runbook, plan)):
        return turn.then(Todo.REST)
    text = f"{runbook.name}: what would run is not what was shown; {who} is asked again"
    return ask(turn, runbook, plan, Reason.RUNBOOK_NEEDS_APPROVAL, text)


def _is_as_asked(asked: Asked | None, now: Asked) -> bool:
    return asked is not None and (asked.digest, asked.plan, asked.fingerprints) == (
        now.digest,
        now.plan,
        now.fingerprints,
    )


def why_not(turn: Turn, runbook: Runbook, who: str) -> str:
    """Why this name may not approve the plan in hand; empty where it may. Roles are the
    interface's to check."""
    case, view = turn.case, turn.view
    if who in NOBODY or who in view.registry.entities:
        return "that proves no person"
    if who == runbook.author:
        return "its author"
    if any(step.by == who for step in case.steps):
        return f"{who} asked for an action in this incident"
    product = view.registry.products.get(case.product or "")
    if product is None or not product.regulated:
        return ""
    promotion = view.promotions.get(runbook.name)
    if promotion is not None and who in promotion.resolvers:
        return f"{case.product} is regulated, and it was learned from what {who} did"
    if who == case.resolved_by:
        return f"{case.product} is regulated, and {who} resolved this incident"
    return ""


# in words


def in_words(asked: Asked, *, most: int | None = SHOWN_VALUE) -> str:
    """What exactly is approved, on one line: every step with its target and parameters, of which no
    value is longer than `most` characters."""
    people = "" if asked.approvals == 1 else f", {asked.approvals} people"
    steps = "; ".join(_step_in_words(step, most) for step in asked.steps)
    good = f"good for {asked.good_seconds / 60:.0f} min"
    return f"plan {asked.plan}, risk {asked.risk}{people}, {good}: {steps}"


def _step_in_words(step: AskedStep, most: int | None) -> str:
    if step.unknown:
        return f"{step.use} ({step.unknown}; not approved by this)"
    more = {k: v for k, v in step.params.items() if k != "target"}
    told = ", ".join(f"{name} {_value(value, most)}" for name, value in more.items())
    return f"{step.use} on {step.target}" + (f" with {told}" if told else "")


def _value(value: Any, most: int | None) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    text = _one_line(text)
    return text if most is None or len(text) <= most else text[: most - 3] + "..."
