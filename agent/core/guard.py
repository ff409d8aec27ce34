"""May this step run, now? Guards are pure, say no when an input is missing or when they raise.

Each guard takes the same frozen question and answers with a reason or None. They stand in one
tuple; all are asked before the intent is written, and again at the moment of acting. A runbook may
tighten what they hold it to, never loosen it (DESIGN.md section 3, Guards).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from agent.core.approval import lacks_approval
from agent.core.blast_radius import assess
from agent.core.budget import health, under_way
from agent.core.facts import facts_about, resolve_params
from agent.core.inventory import belongs, find_one, named, object_of, owner_of
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.command import Command
from agent.model.effect import Effect, OutcomeStatus, Reversal, Verdict
from agent.model.incident import Incident, Radius
from agent.model.reason import Reason
from agent.model.records import Act
from agent.model.runbook import BudgetScope, Facts, Lifecycle, Runbook, Truth

DAY_SECONDS = 86400.0
SHOWN = 3


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a guard may look at. `runbook` is None where a person asked for the step."""

    at: float
    incident: Incident
    view: View
    runbook: Runbook | None
    use: str
    target: str | None
    key: str
    facts: Facts
    by: str = "agent"
    is_rollback: bool = False
    params: Mapping[str, Any] | None = None
    """Parameters of a step that was intended already; None where they are still to be worked out
    from the facts."""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    reason: Reason
    text: str = ""


Guard = Callable[[Question], Stop | None]


def halted(q: Question) -> Stop | None:
    if q.view.halt is not None:
        return Stop(reason=Reason.HALTED, text=q.view.halt.why)
    return None


def plugin_loaded(q: Question) -> Stop | None:
    facts = q.view.plugins.get(q.use)
    if facts is None or facts.kind != "action":
        return Stop(reason=Reason.PLUGIN_MISSING, text=q.use)
    return None


def effect_repeatable(q: Question) -> Stop | None:
    """An opaque action can never be repeated nor checked: only a person may ask for one."""
    if q.by == "agent" and q.view.plugins[q.use].effect == Effect.OPAQUE.value:
        return Stop(reason=Reason.EFFECT_OPAQUE, text=q.use)
    return None


def product_known(q: Question) -> Stop | None:
    if q.by != "agent":
        return None
    if q.incident.product is None and q.incident.entity is None:
        return Stop(reason=Reason.PRODUCT_UNKNOWN)
    return None


def connected(q: Question) -> Stop | None:
    """What the plugin needs (a cluster, say) is not there: nothing it does can be known."""
    facts = q.view.plugins[q.use]
    if not facts.is_connected:
        text = f"{q.use} needs {facts.needs}" if facts.needs else q.use
        return Stop(reason=Reason.NOT_CONNECTED, text=text)
    return None


def object_known(q: Question) -> Stop | None:
    """A runbook about an object of the inventory does nothing where it was not found."""
    query = q.runbook.match.entity if q.runbook is not None else None
    if query is None or object_of(q.incident, q.view) is not None:
        return None
    if q.incident.target is not None:
        text = f"{q.incident.target} is not there any more"
        return Stop(reason=Reason.OBJECT_UNKNOWN, text=text[:200])
    try:
        keys = resolve_params(query.of, q.facts)
    except LookupError as missing:
        return Stop(reason=Reason.OBJECT_UNKNOWN, text=f"{query.kind}: {missing}"[:200])
    why = find_one(query.kind, keys, q.incident, q.view).why
    return Stop(reason=Reason.OBJECT_UNKNOWN, text=why[:200])


def target_known(q: Question) -> Stop | None:
    """An empty target set is an error, and targets come from the registry: an object of the
    inventory counts where it belongs to a registered entity."""
    if not q.target:
        return Stop(reason=Reason.TARGET_MISSING)
    thing = named(q.target, q.view)
    entity = owner_of(thing, q.view.registry) if thing is not None else None
    if entity is None:
        return Stop(reason=Reason.TARGET_UNKNOWN, text=q.target[:80])
    if q.by == "agent" and not belongs(entity, q.incident):
        return Stop(reason=Reason.TARGET_OF_ANOTHER_PRODUCT, text=q.target)
    return None


def lifecycle_allows(q: Question) -> Stop | None:
    if q.runbook is None:
        return None
    state = q.runbook.lifecycle
    if state is Lifecycle.SHADOW:
        return Stop(reason=Reason.RUNBOOK_IN_SHADOW, text=q.runbook.name)
    if state is Lifecycle.ASSISTED:
        lack = lacks_approval(q.incident, q.runbook, q.facts, q.params)
        if lack is not None:
            return Stop(reason=Reason.RUNBOOK_NEEDS_APPROVAL, text=lack[:200])
    if state not in (Lifecycle.ACTIVE, Lifecycle.ASSISTED):
        return Stop(reason=Reason.RUNBOOK_NOT_RUNNABLE, text=state.value)
    return None


def layer_allows(q: Question) -> Stop | None:
    if q.by == "agent" and q.incident.layer is Layer.OUTCOME:
        return Stop(reason=Reason.OUTCOME_LAYER)
    return None


def radius_allows(q: Question) -> Stop | None:
    """What several products share is not healed from inside one of them."""
    if q.by != "agent" or q.is_rollback:
        return None
    found = assess(q.incident, q.view)
    if found.radius is Radius.SYSTEMIC:
        return Stop(reason=Reason.RADIUS_SYSTEMIC, text=found.suspect or "")
    return None


def target_free(q: Question) -> Stop | None:
    """One action per target at a time, whoever asked for it."""
    for act in q.view.acts.get(q.target or "", ()):
        # The incident's own steps follow each other, and the one before was closed in this turn.
        own = act.incident_id == q.incident.id and act.by == q.by == "agent"
        if act.status is None and act.key != q.key and not own:
            return Stop(reason=Reason.TARGET_BUSY, text=f"{act.use} for {act.incident_id}")
    return None


def _own_and_others(q: Question) -> tuple[list[Act], list[Act]]:
    acts = [a for a in q.view.acts.get(q.target or "", ()) if a.key != q.key]
    mine = [a for a in acts if a.incident_id == q.incident.id]
    return mine, [a for a in acts if a.incident_id != q.incident.id]


def cooled_down(q: Question) -> Stop | None:
    """Between two incidents on one target; the steps and ladder of one incident are attempts."""
    if q.by != "agent" or q.is_rollback:
        return None
    own = q.runbook.guard.cooldown if q.runbook else None
    every = max(q.view.policy.cooldown_seconds, (own.every_seconds or 0.0) if own else 0.0)
    others = [a for a in _own_and_others(q)[1] if a.status is not OutcomeStatus.REFUSED]
    last = max((a.at for a in others), default=None)
    if last is not None and q.at - last < every:
        left = every - (q.at - last)
        return Stop(reason=Reason.COOLDOWN, text=f"{left:.0f} s of {every:.0f} s left")
    if own and own.most is not None and own.within_seconds is not None:
        runs = {a.incident_id for a in others if q.at - a.at < own.within_seconds}
        if len(runs) >= own.most:
            return Stop(reason=Reason.COOLDOWN, text=f"{len(runs)} runs, at most {own.most}")
    return None


def attempts_left(q: Question) -> Stop | None:
    """Plans tried in this incident, and everything that was not a success on this target today."""
    if q.by != "agent" or q.is_rollback:
        return None
    policy = q.view.policy
    if len(q.incident.plans) >= policy.attempts_per_incident:
        return Stop(reason=Reason.ATTEMPTS_EXHAUSTED, text=f"{len(q.incident.plans)} plans tried")
    mine, others = _own_and_others(q)
    today = [
        a
        for a in (*mine, *others)
        if q.at - a.at < DAY_SECONDS and a.by == "agent" and a.status is not OutcomeStatus.REFUSED
    ]
    # Where the same runbook is asked for again, the success before has come back.
    failed = {
        (a.incident_id, a.plan)
        for a in today
        if a.verdict is not Verdict.HELD or a.runbook == q.incident.runbook
    }
    failed.discard((q.incident.id, q.incident.plan or ""))
    if len(failed) >= policy.attempts_per_day:
        text = f"{len(failed)} runs without success today"
        return Stop(reason=Reason.DAILY_ATTEMPTS_EXHAUSTED, text=text)
    return None


def enough_healthy(q: Question) -> Stop | None:
    """What else of the scope is unhealthy already must leave enough of it standing."""
    budget = q.runbook.guard.budget if q.runbook is not None else None
    if budget is None or budget.min_healthy is None:
        return None
    found = health(budget.scope, q.incident, q.view)
    if not found.members:
        return _nothing_to_count(q, budget.scope)
    if found.share >= budget.min_healthy:
        return None
    names = ", ".join(found.unhealthy[:SHOWN])
    text = f"{found.share:.0%} of {budget.scope.value}, at least {budget.min_healthy:.0%}: {names}"
    return Stop(reason=Reason.BUDGET_MIN_HEALTHY, text=text[:200])


def _nothing_to_count(q: Question, scope: BudgetScope) -> Stop | None:
    """A floor over nobody says nothing. That is no permission to destroy something, nor to touch
    what belongs to no product."""
    is_final = q.view.plugins[q.use].reversal == Reversal.NONE.value
    if not is_final and q.incident.product is not None:
        return None
    text = f"besides {q.incident.entity} there is nothing else of the {scope.value} to count"
    return Stop(reason=Reason.BUDGET_MIN_HEALTHY, text=text[:200])


def few_under_way(q: Question) -> Stop | None:
    """No more targets of the scope are acted on at a time than the runbook allows."""
    budget = q.runbook.guard.budget if q.runbook is not None else None
    if budget is None or budget.concurrent is None:
        return None
    busy = under_way(budget.scope, q.incident, q.view, target=q.target or "")
    if len(busy) < budget.concurrent:
        return None
    text = f"{', '.join(busy[:SHOWN])}; at most {budget.concurrent} at a time"
    return Stop(reason=Reason.BUDGET_CONCURRENT, text=text[:200])


def window_open(q: Question) -> Stop | None:
    """A window that nobody declared is closed: a misspelt name must not open it."""
    name = q.runbook.guard.window if q.runbook is not None else None
    if name is None:
        return None
    window = q.view.policy.windows.get(name)
    if window is None:
        return Stop(reason=Reason.WINDOW_UNKNOWN, text=name)
    if not window.is_open(q.at):
        return Stop(reason=Reason.WINDOW_CLOSED, text=f"{name}: {window.text}"[:200])
    return None


def requirements_hold(q: Question) -> Stop | None:
    if q.runbook is None or q.is_rollback:
        return None
    for require in q.runbook.guard.require:
        truth = require(q.facts)
        if truth is Truth.FALSE:
            return Stop(reason=Reason.REQUIREMENT_FALSE, text=require.text)
        if truth is Truth.UNKNOWN:
            return Stop(reason=Reason.REQUIREMENT_UNKNOWN, text=require.text)
    return None


GUARDS: tuple[Guard, ...] = (
    halted,
    plugin_loaded,
    connected,
    effect_repeatable,
    layer_allows,
    product_known,
    object_known,
    target_known,
    target_free,
    radius_allows,
    window_open,
    cooled_down,
    attempts_left,
    enough_healthy,
    few_under_way,
    requirements_hold,
    lifecycle_allows,
)
"""Asked in this order; the first no is the answer. The lifecycle comes last, so that what a
person is asked to approve is something all other guards have agreed to."""


def ask(q: Question) -> Stop | None:
    """The first guard that says no, or None. A guard that raises has said no."""
    for guard in GUARDS:
        try:
            stop = guard(q)
        except Exception as error:  # noqa: BLE001 - whatever a guard raises counts as no
            return Stop(reason=Reason.GUARD_FAILED, text=f"{guard.__name__}: {error}"[:200])
        if stop is not None:
            return stop
    return None


def recheck(command: Command, incident: Incident | None, view: View, *, at: float) -> Stop | None:
    """The guards again, at the moment of acting. No incident, or an old plan, is a no.

    A person's word ends what was only intended: an incident that somebody resolved in the meantime
    is not acted on any more.
    """
    if incident is None or not incident.is_open:
        return Stop(reason=Reason.MOVE_REFUSED, text="the incident is closed")
    age = at - max(command.created_at, command.not_before)
    if command.by == "agent" and age > view.policy.plan_age_seconds:
        return Stop(reason=Reason.TIMED_OUT, text="the decision is too old to act on")
    is_rollback = incident.rollback_step is not None
    is_person = command.by != "agent"
    runbook = view.runbooks.by_digest(incident.digest) if incident.digest else None
    if incident.digest and runbook is None and not is_rollback and not is_person:
        # Without it there would be no limits, no window and no approval to be held to.
        text = "its text is not known any more"
        return Stop(reason=Reason.RUNBOOK_NOT_RUNNABLE, text=text)
    if not is_person and command.plan != (incident.plan or ""):
        return Stop(reason=Reason.MOVE_REFUSED, text=f"{command.plan} is not the plan any more")
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
        )
    )
