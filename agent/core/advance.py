"""The one door into the decision: `advance(incident, event, view) -> Decision`.

Reading `STAGES` is reading the design. An event enters at the top; each stage looks at what the
turn still has to do and either does its part or hands the turn on; one pass, forwards. No I/O, no
clock (the event carries `at`), no randomness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from agent.core import (
    breaker,
    credit,
    follow_ups,
    heartbeat,
    near_misses,
    objectives,
    own_health,
    reference_probes,
    standing,
    strangers,
    telemetry,
)
from agent.core.announcing import announce, is_ours, take_echo
from agent.core.baseline import baseline, take_baseline
from agent.core.blindness import absorb_watchdog, go_blind, is_watchdog, take_check
from agent.core.cause import find_cause, take_relapse
from agent.core.changes import take_change
from agent.core.delivery import second_way, take_receipt
from agent.core.diagnosis import diagnose, take_finding
from agent.core.ending import tell_of_end
from agent.core.escalation import climb, rise
from agent.core.flapping import calm_down, count_expired, count_turns, leave_alone
from agent.core.foreign_silences import take_silences
from agent.core.halting import lift_halt, set_halt
from agent.core.heartbeat import fall_silent, take_heartbeat
from agent.core.holding import outgrow, release, take_hold
from agent.core.inhibition import inhibit, inhibition_over, pass_on
from agent.core.leadership import go_unread, take_measure
from agent.core.matching import match
from agent.core.people import take_word
from agent.core.persons_proof import prove_acts, time_is_up
from agent.core.promotion import decide_promotion
from agent.core.proposed_asks import take_answer
from agent.core.quiet import keep_quiet
from agent.core.receiving import expire, receive
from agent.core.remediation import act, decide, guard, take_outcome
from agent.core.resolving import learn
from agent.core.rollback import next_plan, roll_back
from agent.core.routing import page_hold_over, route
from agent.core.silence import silence, unsilence
from agent.core.storm import pass_over, weather
from agent.core.survey import take_survey
from agent.core.suspects import name_suspects
from agent.core.telemetry import take_telemetry
from agent.core.trials import count_runs
from agent.core.tried_out import take_delivery, take_trial
from agent.core.turn import Todo, Turn
from agent.core.verification import deadline, judge, look, prove, prove_back, take_look
from agent.core.view import View
from agent.core.waiting import wait_over
from agent.model.decision import Decision
from agent.model.event import (
    AlertReceived,
    Announced,
    BreakerReset,
    ChangeReceived,
    CommandFinished,
    Event,
    FollowUpPut,
    HaltAsked,
    HaltLifted,
    HeartbeatReceived,
    MeasureReceived,
    OwnRead,
    OwnReviewed,
    PromotionAnswered,
    PromotionDecided,
    PromotionDelivered,
    PromotionTried,
    ReferenceAnswered,
    RunbooksRead,
    SilencesRead,
    SloRead,
    SourceChecked,
    StandingAsked,
    SurveyTaken,
    TelemetryReceived,
    TimerFired,
)
from agent.model.incident import Incident
from agent.model.reason import Reason

Stage = Callable[[Turn], Turn]

TIMERS: dict[str, Stage] = {
    "expiry": expire,
    "look": look,
    "deadline": deadline,
    "page_hold": page_hold_over,
    "release": release,
    "silence_end": unsilence,
    "wait": wait_over,
    "climb": climb,
    "second_way": second_way,
    "calm": calm_down,
    "inhibition": inhibition_over,
    "person_proof": time_is_up,
}


def take_timer(turn: Turn) -> Turn:
    """The stage: a timer of the incident ran out."""
    if turn.todo is not Todo.RECEIVE or not isinstance(turn.event, TimerFired):
        return turn
    stage = TIMERS.get(turn.event.name)
    if stage is None or not turn.case.is_open:
        return turn.then(Todo.REST)
    return stage(turn)


STAGES: tuple[Stage, ...] = (
    # what happened
    receive,
    find_cause,
    count_turns,
    weather,
    take_finding,
    take_outcome,
    take_baseline,
    take_look,
    take_receipt,
    take_hold,
    take_word,
    take_timer,
    count_expired,
    # did it help
    judge,
    roll_back,
    prove_back,
    next_plan,
    # what is known, and what to do
    inhibit,
    silence,
    leave_alone,
    match,
    take_relapse,
    diagnose,
    decide,
    guard,
    baseline,
    act,
    breaker.begin_try,
    prove,
    # who is told, and what is learned
    keep_quiet,
    name_suspects,
    route,
    prove_acts,
    near_misses.keep_stops,
    learn,
    near_misses.keep_with_end,
    rise,
    outgrow,
    tell_of_end,
    pass_on,
    count_runs,
)


ASIDE: Mapping[type[Any], Callable[[Any, View], Decision]] = {
    HeartbeatReceived: take_heartbeat,
    MeasureReceived: take_measure,
    TelemetryReceived: take_telemetry,
    ReferenceAnswered: reference_probes.take_answer,
    SloRead: objectives.take_reading,
    SurveyTaken: take_survey,
    OwnRead: own_health.take_reading,
    OwnReviewed: own_health.take_review,
    ChangeReceived: take_change,
    PromotionDecided: decide_promotion,
    PromotionTried: take_trial,
    PromotionAnswered: take_answer,
    PromotionDelivered: take_delivery,
    RunbooksRead: standing.take_read,
    StandingAsked: standing.ask,
    FollowUpPut: follow_ups.put,
    Announced: announce,
    SourceChecked: take_check,
    SilencesRead: take_silences,
    BreakerReset: breaker.reset,
    HaltAsked: set_halt,
    HaltLifted: lift_halt,
}
"""Events that are about no incident."""


def advance(incident: Incident | None, event: Event, view: View) -> Decision:
    """Everything this event changes. `incident` is None for an alert that opens one, and for
    events that are not about an incident."""
    about_none = ASIDE.get(type(event))
    if about_none is not None:
        return about_none(event, view)
    match event:
        case TimerFired() if incident is None:
            return _other_timer(event, view)
        case CommandFinished() if incident is None and is_ours(event.command):
            return take_echo(event, view)
        case AlertReceived() if incident is None and is_watchdog(event.alert, view):
            return absorb_watchdog(event)
        case AlertReceived():
            pass
        case _ if incident is None:
            return Decision(refused=Reason.MOVE_REFUSED, refused_text="no such incident")
    turn = Turn(at=event.at, event=event, view=view, incident=incident)
    for stage in STAGES:
        turn = stage(turn)
    return _decision(turn, incident)


def _decision(turn: Turn, before: Incident | None) -> Decision:
    if turn.incident is None or turn.decision.refused is not None:
        return turn.decision
    if turn.incident == before:
        return turn.decision
    changed = msgspec.structs.replace(turn.incident, version=turn.incident.version + 1)
    return msgspec.structs.replace(turn.decision, incident=changed)


MEMBER_TIMERS: Mapping[str, Callable[..., Decision]] = {
    heartbeat.TIMER: fall_silent,
    telemetry.TIMER: telemetry.fall_silent,
    strangers.TIMER: strangers.look_again,
}


def _other_timer(event: TimerFired, view: View) -> Decision:
    kind, _, name = event.subject.partition(":")
    if kind == "agent" and event.name in MEMBER_TIMERS:
        return MEMBER_TIMERS[event.name](name, view, at=event.at)
    if kind == "product" and event.name == "unread":
        return go_unread(name, view, at=event.at)
    if kind == "source" and event.name == "blind":
        return go_blind(name, view, at=event.at)
    if kind == credit.SUBJECT:
        return credit.judge(name, view, at=event.at)
    if kind == standing.SUBJECT:
        return standing.review(name, view, at=event.at)
    if kind == follow_ups.SUBJECT:
        return follow_ups.remind(name, view, at=event.at)
    if kind == "storm":
        return pass_over(name, event.name, view, at=event.at)
    return Decision()
