"""The dial: the more a change may break, the more people have to have agreed to it."""

from __future__ import annotations

from agent.core.approval import is_expired, lacks_approval, lacks_second
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.risk import Risk, is_in_window, risk_about
from agent.model.reason import Reason

LONGEST = 200


@rail(
    id="risk_window",
    reads=("policy", "registry", "plugins"),
    reasons=(Reason.RISK_WINDOW,),
    default="normal changes at any time",
)
def risk_window(q: Question) -> Stop | None:
    """A change of normal risk runs by itself in its window; outside of it a person has to agree."""
    if q.runbook is None or risk_about(q.incident, q.runbook, q.view) is not Risk.NORMAL:
        return None
    if is_in_window(q.view.policy, q.at):
        return None
    if lacks_approval(q.incident, q.runbook, q.facts, q.params) is None:
        return None
    name = q.view.policy.rails.normal_window
    window = q.view.policy.windows.get(name)
    text = f"{name}: {window.text}" if window is not None else f"{name} is not declared"
    return Stop(reason=Reason.RISK_WINDOW, text=text[:LONGEST])


@rail(
    id="risk_approval",
    reads=("registry", "plugins"),
    reasons=(Reason.RISK_NEEDS_APPROVAL, Reason.SECOND_APPROVAL_NEEDED),
    default="major 1 person, critical 2",
)
def risk_approval(q: Question) -> Stop | None:
    """What destroys, or what a tier or a regulator holds dear, is never done by machine alone."""
    if q.runbook is None:
        return None
    risk = risk_about(q.incident, q.runbook, q.view)
    if risk.approvals == 0:
        return None
    lack = lacks_approval(q.incident, q.runbook, q.facts, q.params)
    if lack is not None:
        text = f"{risk.word} risk: {lack}"
        return Stop(reason=Reason.RISK_NEEDS_APPROVAL, text=text[:LONGEST])
    if risk.approvals == 1:
        return None
    lack = lacks_second(q.incident, q.runbook, q.facts, q.params)
    if lack is None:
        return None
    text = f"{risk.word} risk: {lack}"
    return Stop(reason=Reason.SECOND_APPROVAL_NEEDED, text=text[:LONGEST])


@rail(
    id="approval_age",
    reads=("policy",),
    reasons=(Reason.APPROVAL_EXPIRED,),
    default="15 min",
)
def approval_age(q: Question) -> Stop | None:
    """An approval is for now. A plan that began in time goes on: half done is worse than late."""
    if q.runbook is None or q.incident.step > 0:
        return None
    for approval in (q.incident.approval, q.incident.second_approval):
        if approval is not None and is_expired(approval, q.view, q.at):
            text = f"{approval.by} approved it {(q.at - approval.at) / 60:.0f} min ago"
            return Stop(reason=Reason.APPROVAL_EXPIRED, text=text[:LONGEST])
    return None
