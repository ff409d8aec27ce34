"""May this step run, now? Every rail is asked; they are pure, and say no when an input is missing
or when they raise.

They are asked before the intent is written, and again at the moment of acting. A runbook may
tighten what they hold it to, never loosen it (DESIGN.md section 3, Guards).
"""

from __future__ import annotations

import msgspec

from agent.core.facts import facts_about
from agent.core.plans import may_begin
from agent.core.rails import (
    calendar,
    cluster,
    floor,
    ground,
    load,
    memory,
    own,
    ownership,
    pace,
    risk,
    sight,
    signal,
)
from agent.core.rails.question import Question as Question
from agent.core.rails.question import Stop as Stop
from agent.core.rails.rail import Rail
from agent.core.view import View
from agent.model.command import Command
from agent.model.incident import Incident
from agent.model.reason import Reason

RAILS: tuple[Rail, ...] = (
    # may anything be done at all, and is it the right thing
    sight.halted,
    sight.silenced,
    sight.blind,
    ground.plugin_loaded,
    ground.connected,
    ground.effect_repeatable,
    ground.layer_allows,
    ground.product_known,
    ground.object_known,
    floor.few_targets,
    ground.target_known,
    cluster.not_ignored,
    cluster.not_kept_elsewhere,
    ownership.runbook_of_its_team,
    signal.plan_age,
    # what is seen
    signal.storm_fleet,
    signal.storm_product,
    ground.radius_allows,
    signal.dwell,
    signal.fresh_signal,
    cluster.cluster_seen,
    signal.human_change,
    # what came of it before
    pace.attempts_left,
    memory.breaker_locked,
    memory.breaker_open,
    memory.flapping,
    memory.cause_chain,
    memory.reversal,
    # is it the time
    calendar.window_open,
    calendar.freeze,
    calendar.maintenance,
    # is it too much, or too often
    load.target_free,
    load.few_under_way,
    load.domain_free,
    load.product_concurrency,
    load.fleet_concurrency,
    load.wip_product,
    load.wip_fleet,
    pace.cooled_down,
    pace.share_per_hour,
    pace.rate,
    # what stays up
    load.enough_healthy,
    floor.floor,
    # what its author and its people say
    ground.requirements_hold,
    own.advise_only,
    ground.lifecycle_allows,
    risk.risk_window,
    risk.risk_approval,
    risk.approval_age,
)
"""Asked in this order. What a person may allow comes last: they are asked to approve only what
everything else has agreed to."""

ASKS = frozenset(
    {
        Reason.ADVISE_ONLY,
        Reason.RUNBOOK_NEEDS_APPROVAL,
        Reason.RISK_NEEDS_APPROVAL,
        Reason.SECOND_APPROVAL_NEEDED,
        Reason.APPROVAL_EXPIRED,
        Reason.RISK_WINDOW,
    }
)
"""Reasons that a person can settle by approving."""

RAIL_REASONS = frozenset(
    {Reason.GUARD_FAILED, *(reason for one in RAILS for reason in one.reasons)}
)
"""Everything a rail may say."""


def ask(q: Question) -> Stop | None:
    """The answer of all rails: None, or the first no that waiting does not help; otherwise the
    first that lets go by itself. A person is not asked to approve what still waits."""
    waits: Stop | None = None
    for one in RAILS:
        stop = answer(one, q)
        if stop is None:
            continue
        if _passes_in_time(stop, q):
            waits = waits or stop
        elif waits is None or stop.reason not in ASKS:
            return msgspec.structs.replace(stop, after_seconds=None)
    return waits


def _passes_in_time(stop: Stop, q: Question) -> bool:
    """Whether it lets go before a person would be told. A dwell is no reason to tell anybody."""
    if stop.after_seconds is None:
        return False
    return stop.reason is Reason.DWELL or stop.after_seconds <= q.view.policy.rails.wait_seconds


def answer(one: Rail, q: Question) -> Stop | None:
    """What one rail says. One that raises has said no."""
    try:
        return one(q)
    except Exception as error:  # noqa: BLE001 - whatever a rail raises counts as no
        return Stop(reason=Reason.GUARD_FAILED, text=f"{one.id}: {error}"[:200])


def recheck(command: Command, incident: Incident | None, view: View, *, at: float) -> Stop | None:
    """The rails again, at the moment of acting. No incident, or an old plan, is a no.

    A person's word ends what was only intended: an incident that somebody resolved in the meantime
    is not acted on any more.
    """
    if incident is None or not incident.is_open:
        return Stop(reason=Reason.MOVE_REFUSED, text="the incident is closed")
    is_rollback = incident.rollback_step is not None
    is_person = command.by != "agent"
    runbook = view.runbooks.by_digest(incident.digest) if incident.digest else None
    if incident.digest and runbook is None and not is_rollback and not is_person:
        # Without it there would be no limits, no window and no approval to be held to.
        text = "its text is not known any more"
        return Stop(reason=Reason.RUNBOOK_NOT_RUNNABLE, text=text)
    if not is_person and command.plan != (incident.plan or ""):
        return Stop(reason=Reason.MOVE_REFUSED, text=f"{command.plan} is not the plan any more")
    if not is_person and not is_rollback and not may_begin(incident):
        return Stop(reason=Reason.MOVE_REFUSED, text="it went away before the first step began")
    return ask(
        Question(
            at=at,
            incident=incident,
            view=view,
            runbook=None if is_rollback or is_person else runbook,
            use=command.use,
            target=command.target,
            key=command.key,
            facts=facts_about(incident, view),
            by=command.by,
            is_rollback=is_rollback,
            params=command.params,
            decided_at=max(command.created_at, command.not_before),
        )
    )
