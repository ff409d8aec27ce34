"""What a runbook would do with an alert: each row of its decide table, each guard, and each plan
with its steps, its proof and its way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.catalog.quantities import format_duration
from agent.core import guard as guards
from agent.core.alert_expression import expression_of
from agent.core.decay import firing_for
from agent.core.facts import facts_of, first_alert, resolve_params
from agent.core.rails import ground
from agent.core.turn import Turn
from agent.interface.cli import explained_rails, explained_route
from agent.interface.cli.explained_diagnosis import calls, reads_findings, shown
from agent.interface.remedies import remedy_of
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Branch, Call, Guard, Plan, Runbook, Verify

NOT_BEFORE_DIAGNOSIS = "known after diagnosis"


def decide(turn: Turn, runbook: Runbook) -> list[dict[str, Any]]:
    """Every row with what it is before anything was diagnosed."""
    facts = facts_of(turn)
    rows = []
    for branch in runbook.decide:
        text = branch.when.text if branch.when is not None else None
        truth = branch.when(facts).value if branch.when is not None else "true"
        waits = text is not None and truth == "unknown" and reads_findings(text, runbook.diagnose)
        rows.append(
            {
                "when": text,
                "truth": NOT_BEFORE_DIAGNOSIS if waits else truth,
                "then": _ending(branch),
                "why": branch.why,
            }
        )
    return rows


def _ending(branch: Branch) -> str:
    if branch.plan is not None:
        return f"plan {branch.plan}"
    if not branch.settle:
        return "tell people"
    within = branch.settle_within_seconds
    return "settle" + (f" within {format_duration(within)}" if within is not None else "")


def guard(turn: Turn, runbook: Runbook) -> list[str]:
    """What the runbook demands beyond the policy, in words."""
    return list(_guard(turn, runbook.guard))


def _guard(turn: Turn, own: Guard) -> Iterator[str]:
    if own.cooldown is not None:
        every, most = own.cooldown.every_seconds, own.cooldown.most
        if every is not None:
            yield f"cooldown: {format_duration(every)} between runs on one target"
        if most is not None and own.cooldown.within_seconds is not None:
            yield f"cooldown: at most {most} runs in {format_duration(own.cooldown.within_seconds)}"
    if own.budget is not None:
        if own.budget.min_healthy is not None:
            share = f"{own.budget.min_healthy:.0%}"
            yield f"budget: at least {share} of the {own.budget.scope.value} healthy"
        if own.budget.concurrent is not None:
            at_a_time = f"{own.budget.concurrent} at a time"
            yield f"budget: at most {at_a_time} in the {own.budget.scope.value}"
    if own.window is not None:
        window = turn.view.policy.windows.get(own.window)
        state = "not declared"
        if window is not None:
            state = "open now" if window.is_open(turn.at) else "closed now"
        yield f"window: {own.window} ({state})"
    if own.dwell_seconds is not None:
        yield f"dwell: it has fired for at least {format_duration(own.dwell_seconds)}"
    for require in own.require:
        yield f"require: {require.text}"


def plan(turn: Turn, runbook: Runbook, one: Plan) -> dict[str, Any]:
    return {
        "plan": one.name,
        "settles": one.settles,
        "risk": explained_route.risk(turn.case, runbook, one, turn.view, turn.at),
        "steps": [_step(turn, runbook, one, call) for call in one.steps],
        "proof": proof(turn, one.verify),
        "rollback": _rollback(turn, one),
        "on_inconclusive": one.on_inconclusive.value,
    }


def _step(turn: Turn, runbook: Runbook, one: Plan, call: Call) -> dict[str, Any]:
    """The step, what every rail says to it, and which of them would stop it."""
    turn = turn.change(plan=one.name, state=State.DIAGNOSING)
    facts = facts_of(turn)
    said: dict[str, Any] = {"id": call.id, "use": call.use, "target": None, "rails": []}
    said |= explained_rails.verdict(())
    said["with"] = {n: shown(v, facts) for n, v in call.params.items() if n != "target"}
    try:
        resolved = resolve_params({"target": call.params.get("target")}, facts)
    except LookupError as error:
        return {**said, **_no_target(turn, runbook, call, str(error))}
    target = resolved["target"]
    question = _question(turn, runbook, call, target if isinstance(target, str) else None)
    rails = explained_rails.rows(question, runbook)
    return {**said, "target": target, "rails": rails, **explained_rails.verdict(rails)}


def _question(turn: Turn, runbook: Runbook, call: Call, target: str | None) -> guards.Question:
    facts = facts_of(turn)
    try:
        params = resolve_params(call.params, facts)
    except LookupError:
        params = None
    return guards.Question(
        at=turn.at,
        incident=turn.case,
        view=turn.view,
        runbook=runbook,
        use=call.use,
        target=target,
        key="explain",
        facts=facts,
        params=params,
    )


def _no_target(turn: Turn, runbook: Runbook, call: Call, why: str) -> dict[str, Any]:
    """The expression of the target reads what is not there. Where that is the object the runbook is
    about, the guard says so."""
    text = getattr(call.params.get("target"), "text", "")
    if reads_findings(text, runbook.diagnose):
        return {"text": f"its target is {NOT_BEFORE_DIAGNOSIS}"}
    stop = ground.object_known(_question(turn, runbook, call, None))
    # What follows is the expression library's own way to say the same.
    told = why.partition(": UNKNOWN")[0]
    stop = stop or guards.Stop(reason=Reason.PARAMETER_UNKNOWN, text=told)
    told = f"{stop.reason.sentence}: {stop.text}" if stop.text else stop.reason.sentence
    return {"stopped_by": stop.reason.value, "text": told, "remedy": remedy_of(stop.reason)}


def proof(turn: Turn, verify: Verify) -> dict[str, Any]:
    success = ["the alert has cleared"] if verify.alert_cleared else []
    success += [predicate.text for predicate in verify.success]
    return {
        "observe": calls(turn, verify.observe),
        "success": success,
        "of": "any" if verify.success_any else "all",
        "fail": [predicate.text for predicate in verify.fail],
        "must_not_worsen": [predicate.text for predicate in verify.must_not_worsen],
        "consecutive": verify.consecutive,
        "every": format_duration(verify.every_seconds),
        "settle": format_duration(verify.settle_seconds),
        "within": format_duration(verify.within_seconds),
        **_decay(turn, verify),
    }


def _decay(turn: Turn, verify: Verify) -> dict[str, Any]:
    """How long the alert may go on firing after a good fix, and where that comes from."""
    url = first_alert(turn).generator_url
    policy = turn.view.policy
    longest = max(policy.longest_decay_seconds, verify.within_seconds)
    seconds = firing_for(verify.decay, expression_of(url), policy, longest=longest)
    if verify.decay.seconds is not None:
        source = "the runbook says so"
    elif verify.decay.expression is not None:
        source = "from the expression in the runbook"
    elif expression_of(url) is not None:
        source = "from the expression of the alert"
    else:
        source = "the alert says no expression"
    return {"decay_seconds": seconds, "decay_from": source}


def _rollback(turn: Turn, one: Plan) -> dict[str, Any]:
    back = one.rollback_verify
    return {
        "by": "snapshot" if one.rollback_snapshot else "steps" if one.rollback else None,
        "steps": calls(turn, one.rollback),
        "proof": proof(turn, back) if back is not None else None,
    }
