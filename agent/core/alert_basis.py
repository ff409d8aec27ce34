"""What an alert is made of, looked at whenever a runbook is chosen for it."""

from __future__ import annotations

from agent.core.relying import key_of, metrics_behind, up_to_date, with_metrics
from agent.core.suspending import KIND, apply, suspend
from agent.core.trust import RUNS, standing_of, state_of
from agent.core.turn import Turn
from agent.model.decision import Decision, Record
from agent.model.incident import AlertState
from agent.model.reason import Reason
from agent.model.runbook import Runbook


def look_at_alert(turn: Turn, runbook: Runbook, alert: AlertState) -> Turn:
    """At the match: what the alert is made of is remembered the first time. Where it is made of
    other metrics now, the runbook is taken out, this time already."""
    metrics = metrics_behind(alert.generator_url) if alert.generator_url else ()
    if not metrics or state_of(runbook, turn.view) not in RUNS:
        return turn
    before, key = standing_of(runbook.name, turn.view), key_of(alert, turn.case.product)
    now = up_to_date(before, runbook, turn.view)
    known = now.metrics.get(key, metrics)
    if set(known) != set(metrics):
        why = f"{alert.name} looked at {', '.join(known)}; now at {', '.join(metrics)}"
        reason = Reason.METRIC_CHANGED
        return apply(turn, suspend(now, runbook, turn.view, at=turn.at, reason=reason, why=why))
    now = with_metrics(now, key, metrics)
    return (
        turn
        if now is before
        else apply(turn, Decision(records=(Record(kind=KIND, key=now.runbook, body=now),)))
    )
