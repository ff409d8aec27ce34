"""An alert message meets what is already known: new, part of something, or too late.

The state of an alert is a fold over its messages that does not depend on their order: the newest
episode (by `startsAt`) wins, and within one episode resolved beats firing. So a lost, doubled or
delayed message can change when something is known, never what.
"""

from __future__ import annotations

import msgspec

from agent.core.fingerprint import incident_id
from agent.core.grouping import key_of
from agent.core.identify import SEVERITIES, severity_of
from agent.core.inhibition import speaker_of, stand_alone
from agent.core.lifecycle import Move
from agent.core.rollback import doubtful, is_in_doubt, unknown_of_people
from agent.core.silence import MAINTENANCE, is_quiet, unsilence
from agent.core.turn import Todo, Turn
from agent.model.alert import Alert, AlertStatus
from agent.model.command import CommandKind
from agent.model.decision import Decision, LedgerEntry, LedgerMove, LedgerState
from agent.model.event import AlertReceived
from agent.model.incident import AlertState, Ending, Incident, State
from agent.model.reason import Reason

REOPEN_AFTER_SECONDS = 600.0
"""An alert that goes on firing so long after its incident was closed opens a new one."""
HANDS_ON = (State.ACTING, State.VERIFYING)
UNTOLD_STATES = (State.OPEN, State.DIAGNOSING, *HANDS_ON)
CALM_PART = 3.0
"""What flaps is over once it stood still for this part of the time in which turns count."""


def reopens(closed: Incident | None, event: AlertReceived) -> bool:
    """Whether a firing message already in the ledger opens an incident anew.

    Its incident is closed, and the source still says firing. Where the end was only inferred, the
    inference was wrong: at once. Where a person or a verification closed it, the source gets time
    to notice first, and an expression that looks back gets the time it looks back for.
    """
    if event.alert.status is not AlertStatus.FIRING or closed is None or closed.is_open:
        return False
    state = closed.alerts.get(event.alert.identity)
    if state is not None and state.inferred and state.status is AlertStatus.RESOLVED:
        return True
    quiet_until = (closed.resolved_at or event.at) + REOPEN_AFTER_SECONDS
    return event.at > max(quiet_until, closed.decays_until or 0.0)


def late(event: AlertReceived, *, known_starts_at: float, known_status: str) -> bool:
    """Whether a message is older than what is known of an alert that is not live any more."""
    alert = event.alert
    if alert.starts_at != known_starts_at:
        return alert.starts_at < known_starts_at
    return known_status == AlertStatus.RESOLVED.value or alert.status is AlertStatus.RESOLVED


def only_counted(event: AlertReceived, *, reason: Reason) -> Decision:
    """A message that changes no incident: it gets its line in the ledger and that is all."""
    state = LedgerState.DUPLICATE
    if reason in (Reason.RESOLVED_BEFORE_SEEN, Reason.OLDER_THAN_KNOWN):
        state = LedgerState.CLEARED
    if event.alert.inferred:
        return Decision()
    entry = _entry(event, state=state, reason=reason, incident=None, product=None)
    return Decision(entries=(entry,))


def _entry(
    event: AlertReceived,
    *,
    state: LedgerState,
    reason: Reason,
    incident: Incident | None,
    product: str | None,
) -> LedgerEntry:
    alert = event.alert
    return LedgerEntry(
        key=event.key,
        identity=alert.identity,
        status=alert.status.value,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        incident_id=incident.id if incident else None,
        state=state,
        reason=reason,
        at=event.at,
        name=alert.name,
        product=incident.product if incident else product,
    )


def receive(turn: Turn) -> Turn:
    """The stage: folds an alert message into its incident, or opens one."""
    if turn.todo is not Todo.RECEIVE or not isinstance(turn.event, AlertReceived):
        return turn
    if turn.incident is None:
        return _open(turn, turn.event)
    return _fold(turn, turn.event)


def _open(turn: Turn, event: AlertReceived) -> Turn:
    alert = event.alert
    key, identity = key_of(alert, turn.view)
    incident = Incident(
        id=incident_id(key, event.at, event.key),
        key=key,
        title=_title(alert),
        state=State.OPEN,
        layer=identity.layer,
        product=identity.product,
        entity=identity.entity,
        severity=identity.severity,
        opened_at=event.at,
        updated_at=event.at,
        alerts={alert.identity: _alert_state(event)},
    )
    turn = msgspec.structs.replace(turn, incident=incident)
    turn = turn.entry(
        _entry(
            event, state=LedgerState.OPEN, reason=Reason.NEW_ALERT, incident=incident, product=None
        )
    )
    turn = turn.note("opened", Reason.NEW_ALERT, incident.title, data={"labels": alert.labels})
    return _expiry(turn).then(Todo.MATCH)


def is_just_opened(turn: Turn) -> bool:
    """Whether this event opened the incident: nothing of it was ever kept."""
    return turn.case.version == 0 and turn.case.opened_at == turn.at


def _title(alert: Alert) -> str:
    summary = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    name = alert.name or "alert without a name"
    return f"{name}: {summary}"[:200] if summary else name[:200]


def _alert_state(event: AlertReceived, before: AlertState | None = None) -> AlertState:
    alert = event.alert
    return AlertState(
        identity=alert.identity,
        name=alert.name,
        status=alert.status,
        labels=alert.labels,
        annotations=alert.annotations or (before.annotations if before else {}),
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        expires_at=alert.expires_at,
        generator_url=alert.generator_url,
        inferred=alert.inferred,
        messages=(before.messages if before else 0) + 1,
        seen_at=event.at,
    )


def _fold(turn: Turn, event: AlertReceived) -> Turn:
    case, alert = turn.case, event.alert
    before = case.alerts.get(alert.identity)
    news = before is None or not _is_older(alert, before)
    if not alert.inferred:
        turn = _count(turn, event, before)
    if not news:
        return turn.then(Todo.REST)
    was_burning = case.is_firing or case.is_gone_silent
    alerts = {**case.alerts, alert.identity: _alert_state(event, before)}
    turn = _raised(_expiry(turn.change(alerts=alerts, updated_at=event.at)), alert)
    if before is None or before.status is not alert.status:
        reason = Reason.TOLD_BY_SOURCE if not alert.inferred else _inferred_reason(before, event)
        turn = turn.note(f"alert_{alert.status.value}", reason, alert.name)
    if was_burning and not turn.case.is_firing and not turn.case.is_gone_silent:
        return all_clear(turn)
    if _speaks_up(turn, alert):
        return unsilence(turn)
    if _is_not_spoken_for(turn, alert):
        return stand_alone(turn)
    return turn.then(Todo.REST)


def _raised(turn: Turn, alert: Alert) -> Turn:
    """An incident is as severe as the worst that fired in it: who was told of little must hear of
    more (core/escalation.py)."""
    known, told = turn.case.severity, severity_of(alert.labels)
    is_worse = SEVERITIES.index(told) < SEVERITIES.index(known)
    if alert.status is not AlertStatus.FIRING or not is_worse:
        return turn
    turn = turn.change(severity=told)
    return turn.note("severity", Reason.TOLD_BY_SOURCE, f"{known}, now {told}")


def _speaks_up(turn: Turn, alert: Alert) -> bool:
    """Whether an alert fires in a silenced incident that no silence covers: it must not drown."""
    return (
        turn.case.silenced_by is not None
        and turn.case.state in (State.OPEN, State.DIAGNOSING)
        and alert.status is AlertStatus.FIRING
        and not is_quiet(alert.labels, turn.case.product, turn.view, turn.at)
    )


def _is_not_spoken_for(turn: Turn, alert: Alert) -> bool:
    """The same in one that is quiet because another alert speaks for it."""
    return (
        turn.case.inhibited_by is not None
        and alert.status is AlertStatus.FIRING
        and speaker_of(alert.labels, turn.case, turn.view) is None
    )


def _inferred_reason(before: AlertState | None, event: AlertReceived) -> Reason:
    if before and before.expires_at is not None and before.expires_at <= event.at:
        return Reason.EXPIRED
    return Reason.GONE_FROM_SOURCE


def _is_older(alert: Alert, known: AlertState) -> bool:
    if alert.starts_at != known.starts_at:
        return alert.starts_at < known.starts_at
    # Within one episode resolved beats firing, unless the end was only inferred; of two ends that
    # were told the later one counts, and a told one beats an inferred one.
    if known.status is not AlertStatus.RESOLVED or known.inferred:
        return False
    if alert.status is AlertStatus.FIRING or alert.inferred:
        return True
    return (alert.ends_at or 0.0) < (known.ends_at or 0.0)


def _count(turn: Turn, event: AlertReceived, before: AlertState | None) -> Turn:
    case = turn.case
    if event.alert.status is AlertStatus.RESOLVED:
        state, reason = LedgerState.DUPLICATE, Reason.RESOLUTION_OF_KNOWN
    elif before is not None and _is_older(event.alert, before):
        state, reason = LedgerState.CLEARED, Reason.OLDER_THAN_KNOWN
    else:
        state, reason = _ledger_of(case)
    return turn.entry(_entry(event, state=state, reason=reason, incident=case, product=None))


def _ledger_of(case: Incident) -> tuple[LedgerState, Reason]:
    """Where a further alert of this incident stands: where the others do."""
    if case.silenced_by:
        is_planned = case.silenced_by.startswith(MAINTENANCE)
        return LedgerState.SUPPRESSED, Reason.MAINTENANCE if is_planned else Reason.SILENCED
    if case.inhibited_by:
        return LedgerState.SUPPRESSED, Reason.INHIBITED
    if case.held_by:
        return LedgerState.SUPPRESSED, case.reason or Reason.HELD_UNDER_ROOT
    if case.routed_to and case.state in (State.ESCALATED, State.ACKNOWLEDGED):
        return LedgerState.ROUTED, case.reason or Reason.NO_RUNBOOK
    return LedgerState.OPEN, Reason.NEW_ALERT


def _expiry(turn: Turn) -> Turn:
    """One timer for the alert whose promise to be repeated runs out first."""
    due = [
        a.expires_at
        for a in turn.case.alerts.values()
        if a.status is AlertStatus.FIRING and a.expires_at is not None
    ]
    if due:
        return turn.timer("expiry", min(due))
    return turn


def expire(turn: Turn) -> Turn:
    """The expiry timer: what was not repeated in time is over."""
    case = turn.case
    alerts = {
        identity: msgspec.structs.replace(
            state,
            status=AlertStatus.RESOLVED,
            ends_at=state.expires_at,
            inferred=True,
            expired=True,
        )
        if state.status is AlertStatus.FIRING
        and state.expires_at is not None
        and state.expires_at <= turn.at
        else state
        for identity, state in case.alerts.items()
    }
    turn = turn.change(alerts=alerts, updated_at=turn.at)
    if alerts != case.alerts:
        turn = turn.note("alert_resolved", Reason.EXPIRED)
    turn = _expiry(turn)
    if case.is_firing and not turn.case.is_firing:
        return all_clear(turn)
    return turn.then(Todo.REST)


def has_step_under_way(case: Incident) -> bool:
    """Whether some act, the agent's or a person's, has no outcome yet."""
    return any(step.status is None for step in case.steps)


def is_under_way(case: Incident) -> bool:
    """Whether something comes back by itself that the agent goes on with: an act of its own, what
    it asked for, or a proof. The name of its state does not say so."""
    acts = any(step.status is None and step.by == "agent" for step in case.steps)
    return acts or bool(case.waiting) or case.verify_started_at is not None


def all_clear(turn: Turn) -> Turn:
    """Every alert of the incident is resolved."""
    case = turn.case
    if has_step_under_way(case):
        return turn.then(Todo.REST)  # the step ends first, then the proof is looked at
    if case.state is State.VERIFYING and case.verify_started_at is not None:
        return turn.then(Todo.VERIFY)
    if case.state in UNTOLD_STATES and is_in_doubt(case):
        return told_anyway(turn)
    return close_cleared(turn)


def told_anyway(turn: Turn) -> Turn:
    """What was changed is in doubt, however quiet it is: a person is told, and nothing more is
    decided. Diagnostics under way are still for the page; how it was before a step is for nobody.
    """
    case = turn.case
    run, asked = doubtful(case), unknown_of_people(case)
    if case.reason is None and run is not None:
        turn = turn.change(reason=run.reason, reason_text=run.plan)
    elif run is None and asked is not None:
        turn = turn.change(reason=Reason.STEP_UNKNOWN, reason_text=f"{asked.by}: {asked.use}")
    turn = turn.change(silenced_by=None, inhibited_by=None).timer("silence_end", None)
    reading = f"{case.id}/{CommandKind.DIAGNOSE.value}/"
    if any(command.startswith(reading) for command in case.waiting):
        return turn.change(after_diagnosis="route").then(Todo.REST)
    return turn.change(waiting=()).then(Todo.ROUTE)


def close_cleared(turn: Turn, *, is_calm: bool = False) -> Turn:
    """Ends an incident whose alerts are gone and which the agent is not working on. One that flaps
    stays open until it stood still (core/flapping.py): its next turn is no new incident."""
    case = turn.case
    if has_step_under_way(case):
        return _out_of_hand(turn).then(Todo.REST)  # taken up again when that act has ended
    if case.is_flapping and not is_calm:
        return await_calm(_out_of_hand(turn))
    if case.held_by is not None and not case.pages and is_in_doubt(case):
        return turn.then(Todo.ROUTE)  # the page it was held under said nothing of this
    told = case.routed_to is not None or bool(case.pages)
    outcome = Ending.ROUTED if told else None
    state = LedgerState.ROUTED if told else LedgerState.CLEARED
    reason = Reason.ENDED_AFTER_TOLD if told else Reason.CLEARED_BY_ITSELF
    turn = turn.ledger(LedgerMove(incident_id=case.id, state=state, reason=reason, at=turn.at))
    return resolve(turn, outcome=outcome, reason=reason)


def _out_of_hand(turn: Turn) -> Turn:
    """It stays open, and the plan that was tried does not."""
    if turn.case.state in HANDS_ON and not is_under_way(turn.case):
        return turn.move(Move.DIAGNOSE, waiting=())
    return turn


def await_calm(turn: Turn) -> Turn:
    """It is over if it still stands still by then."""
    calm = turn.view.policy.rails.flapping_seconds / CALM_PART
    return turn.timer("calm", turn.at + calm).then(Todo.REST)


def resolve(turn: Turn, *, outcome: Ending | None, reason: Reason, who: str = "agent") -> Turn:
    """The one way an incident ends: state, timers, and those held back under it. What nobody was
    told of, and a person's act left in doubt, is told instead."""
    if turn.case.state in HANDS_ON and unknown_of_people(turn.case) is not None:
        return told_anyway(turn)
    turn = turn.move(
        Move.RESOLVE,
        outcome=outcome,
        reason=reason,
        reason_text="",
        resolved_at=turn.at,
        updated_at=turn.at,
        waiting=(),
    )
    for name in TIMERS:
        turn = turn.timer(name, None)
    turn = turn.note("resolved", reason, who=who, data={"outcome": outcome})
    return turn.then(Todo.LEARN)


TIMERS = (
    "expiry", "look", "deadline", "page_hold", "release", "silence_end", "wait", "climb", "calm",
    "second_way", "inhibition", "person_proof",
)  # fmt: skip
"""Every timer an incident may have; all go when it ends."""
