"""What is said afterwards: that somebody has it, that it is over, and that something was changed.

It wakes nobody. Only channels whose notifier can say such a thing hear of it, and of an end only
those that were told of the beginning, each once. So whoever was called and was too late to
acknowledge learns who did.
"""

from __future__ import annotations

from agent.core.delivery import SECOND_WAY
from agent.core.escalation import stop
from agent.core.paging import title_of
from agent.core.reaching import calls_of, channel_of, is_waiting, latest_wave, send
from agent.core.turn import Turn
from agent.core.view import Channel, View
from agent.model.incident import Incident, PlanRun, State
from agent.model.on_call import Telling
from agent.model.reason import Reason


def tell_of_end(turn: Turn) -> Turn:
    """The stage: the last one, whatever was decided before it."""
    case = turn.incident
    if case is None or turn.decision.refused is not None:
        return turn
    turn = _tell_changes(turn)
    if not turn.case.pages or is_waiting(turn.case):
        return turn
    turn = stop(turn)
    before = turn.view.incidents.get(turn.case.id)
    if before is not None and is_waiting(before):
        turn = turn.timer(SECOND_WAY, None)
    if turn.case.state is State.RESOLVED:
        return _tell(turn, Telling.RESOLVED, turn.case.resolved_by or "")
    if turn.case.state is State.ACKNOWLEDGED:
        return _tell(turn, Telling.ACKNOWLEDGED, turn.case.acknowledged_by or "")
    return turn


def _tell(turn: Turn, telling: Telling, who: str) -> Turn:
    case = turn.case
    told = {channel_of(p): p for p in calls_of(case) if p.delivered is not False}
    if all(_has_heard(case, name, telling) for name in told):
        return turn
    known = {c.id: c for channels in turn.view.channels.values() for c in channels}
    by = f" by {who}" if who else ""
    title = f"{telling.value}{by}: {title_of(case)}"[:150]
    lines = [f"{telling.value.upper()}{by}: {case.title}"]
    if case.cause:
        lines.append(f"CAUSE: {case.cause}")
    if turn.view.link:
        lines.append(f"{turn.view.link}/incidents/{case.id}")
    text, wave, team = "\n".join(lines)[:1023], latest_wave(case), _team(case, turn.view)
    count = 0
    for name, page in told.items():
        channel = known.get(name)
        if channel is None or not tells(turn.view, channel, telling):
            continue
        if _has_heard(case, name, telling):
            continue
        turn = send(
            turn,
            channel,
            to=page.to,
            team=team,
            text=text,
            title=title,
            wave=wave,
            telling=telling,
            who=who,
        )
        count += 1
    return turn.note("told", Reason.TOLD_OF_END, f"{telling.value}{by}") if count else turn


def _has_heard(case: Incident, channel: str, telling: Telling) -> bool:
    """Whether it was told so after it was last told that somebody is needed."""
    last = max(p.wave for p in calls_of(case) if channel_of(p) == channel)
    return any(
        p.telling is telling and channel_of(p) == channel and p.wave >= last for p in case.pages
    )


def tells(view: View, channel: Channel, telling: Telling) -> bool:
    facts = view.plugins.get(channel.use)
    return facts is not None and telling.value in facts.tells


def _team(case: Incident, view: View) -> str:
    return case.climb.team if case.climb is not None else case.routed_to or view.policy.platform


def _tell_changes(turn: Turn) -> Turn:
    """A plan came to its end: whoever keeps a record of changes hears of it."""
    case = turn.case
    before = turn.view.incidents.get(case.id)
    if before is None or before.plans is case.plans:
        return turn  # a new one has no plans, and those of a closed one were told of
    for at, run in enumerate(case.plans):
        was = before.plans[at].verdict if at < len(before.plans) else None
        if run.verdict is not None and was is None:
            turn = _tell_change(turn, run, at + 1)
    return turn


def _tell_change(turn: Turn, run: PlanRun, number: int) -> Turn:
    case, view = turn.case, turn.view
    steps = [s for s in case.steps if s.plan == run.plan and s.by == "agent" and not s.is_rollback]
    product = view.registry.products.get(case.product or "")
    if not steps or product is None or run.verdict is None:
        return turn
    what = "; ".join(f"{s.use} on {s.target}" for s in steps[-3:])
    text = f"{case.runbook}: {what}; proof {run.verdict.value}"[:1023]
    for channel in view.channels.get(product.builder, ()):
        if tells(view, channel, Telling.CHANGE):
            turn = send(
                turn,
                channel,
                to=product.builder,
                team=product.builder,
                text=text,
                title=f"homeostat changed {case.product}: {what}"[:150],
                wave=number,
                telling=Telling.CHANGE,
            )
    return turn
