"""Inhibition: while one alert fires, another one needs nobody.

The rules are Alertmanager's (`model.policy.InhibitRule`). An incident all of whose firing alerts
are spoken for is kept open with `inhibited_by`, as a silenced one is, and looked at anew once
nothing speaks for it any more and it still burns after a moment. Which of the two came first makes
no difference, as long as nobody was told: what people know already is not taken back.

One thing differs from Alertmanager, on purpose: alerts never hush each other in a circle. There
everybody in the circle would be quiet; here the one that came last is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.core.lifecycle import Move
from agent.core.release import let_go_of_all
from agent.core.rollback import is_in_doubt
from agent.core.silence import agrees
from agent.core.turn import Todo, Turn
from agent.core.view import SpeakerKey, View
from agent.model.alert import AlertStatus
from agent.model.decision import LedgerMove, LedgerState, Timer
from agent.model.incident import AlertState, Incident, State
from agent.model.policy import InhibitRule
from agent.model.reason import Reason
from agent.model.records import SilenceMatcher

TIMER = "inhibition"
LOOK_AGAIN_SECONDS = 300.0
"""Ends of alerts that speak for others are noticed at once; a change of the policy is so late."""
MOST_TRIED = 20
"""Alerts that speak for the same others; more than that are not looked through for a circle."""
NOT_TOLD_STATES = (State.OPEN, State.DIAGNOSING)


def speaks_for(labels: Mapping[str, str], rules: tuple[InhibitRule, ...]) -> Iterator[SpeakerKey]:
    """Under which keys an alert with these labels is looked for while it fires."""
    for number, rule in enumerate(rules):
        if _agree(rule.source, labels):
            yield _key(number, rule, labels, is_both=_agree(rule.target, labels))


def speaker_of(labels: Mapping[str, str], case: Incident, view: View) -> str | None:
    """Identity of a firing alert that speaks for one with these labels, in this incident."""
    for key in listens_to(labels, view.policy.inhibit_rules):
        for identity in list(view.speaking.get(key, ()))[:MOST_TRIED]:
            if not _is_circle(identity, case, view):
                return identity
    return None


def listens_to(labels: Mapping[str, str], rules: tuple[InhibitRule, ...]) -> Iterator[SpeakerKey]:
    """Under which keys is found what speaks for an alert with these labels."""
    for number, rule in enumerate(rules):
        if _agree(rule.target, labels):
            yield _key(number, rule, labels, is_both=False)
            # What both sides agree with is inhibited by none that both sides agree with.
            if not _agree(rule.source, labels):
                yield _key(number, rule, labels, is_both=True)


def _key(number: int, rule: InhibitRule, labels: Mapping[str, str], *, is_both: bool) -> SpeakerKey:
    return number, is_both, tuple(labels.get(name, "") for name in rule.equal)


def _agree(matchers: tuple[SilenceMatcher, ...], labels: Mapping[str, str]) -> bool:
    return all(agrees(matcher, labels) for matcher in matchers)


def _is_circle(identity: str, case: Incident, view: View) -> bool:
    """Whether what speaks is quiet itself because of this incident."""
    for _ in range(MOST_TRIED):
        speaker = view.incidents.get(view.live.get(identity, ""))
        if speaker is None or speaker.inhibited_by is None:
            return speaker is not None and speaker.id == case.id
        if speaker.id == case.id or speaker.inhibited_by in case.alerts:
            return True
        identity = speaker.inhibited_by
    return True


def speaker_for(case: Incident, view: View) -> str | None:
    """Who speaks for the incident: None where one of its firing alerts stands alone."""
    if not view.policy.inhibit_rules or not view.speaking:
        return None
    found = [speaker_of(a.labels, case, view) for a in _firing(case).values()]
    spoken = [identity for identity in found if identity is not None]
    return spoken[0] if spoken and len(spoken) == len(found) else None


def inhibit(turn: Turn) -> Turn:
    """The stage: an incident for which another alert speaks waits for the end of that one."""
    if turn.todo is not Todo.MATCH:
        return turn
    by = speaker_for(turn.case, turn.view)
    return turn if by is None else _inhibited(turn, by)


def _inhibited(turn: Turn, by: str) -> Turn:
    case = turn.case
    turn = turn.change(inhibited_by=by, reason=Reason.INHIBITED, reason_text="", waiting=())
    turn = turn.ledger(
        LedgerMove(
            incident_id=case.id,
            state=LedgerState.SUPPRESSED,
            reason=Reason.INHIBITED,
            at=turn.at,
        )
    )
    speaker = turn.view.live.get(by, "")
    turn = turn.note("inhibited", Reason.INHIBITED, speaker, data={"by": by})
    turn = let_go_of_all(turn.timer("page_hold", None))
    return turn.timer(TIMER, turn.at + LOOK_AGAIN_SECONDS).then(Todo.REST)


def inhibition_over(turn: Turn) -> Turn:
    """The timer: an alert that speaks for this one began to fire, or ended, or may have."""
    case = turn.case
    by = speaker_for(case, turn.view)
    if case.inhibited_by is None:
        if by is None or not may_be_hushed(case):
            return turn.then(Todo.REST)
        return _inhibited(turn, by)
    if by is not None:
        turn = turn.change(inhibited_by=by)
        return turn.timer(TIMER, turn.at + LOOK_AGAIN_SECONDS).then(Todo.REST)
    return stand_alone(turn)


def stand_alone(turn: Turn) -> Turn:
    """Nothing speaks for it any more: it is looked at like a new one."""
    case = turn.case
    if case.inhibited_by is None or not turn.can(Move.RELEASE):
        return turn.then(Todo.REST)
    turn = turn.start_over(inhibited_by=None).timer(TIMER, None)
    turn = turn.unsuppressed(Reason.NEW_ALERT)
    return turn.note("inhibition_ended", Reason.NEW_ALERT).then(Todo.MATCH)


def may_be_hushed(case: Incident) -> bool:
    """Whether nobody was told of it, and nobody needs to be if something speaks for it."""
    return (
        case.state in NOT_TOLD_STATES
        and case.is_firing
        and not case.pages
        and case.routed_to is None
        and case.silenced_by is None
        and not is_in_doubt(case)
    )


def pass_on(turn: Turn) -> Turn:
    """The stage: whom this incident's alerts spoke for, or speak for now, look at themselves."""
    view, case = turn.view, turn.incident
    if case is None or not view.policy.inhibit_rules:
        return turn
    before = view.incidents.get(case.id)
    was = _firing(before) if before is not None and before.is_open else {}
    now = _firing(case) if case.is_open else {}
    due: dict[str, float] = {}
    for identity, alert in now.items():
        if identity not in was:
            due |= dict.fromkeys(_heard_by(alert, case, view), turn.at)
    later = turn.at + view.policy.release_seconds
    for identity in was:
        if identity not in now:
            due |= dict.fromkeys(view.inhibited.get(identity, ()), later)
    due.pop(case.id, None)
    timers = tuple(Timer(subject=other, name=TIMER, due=at) for other, at in due.items())
    return turn.decide(timers=(*turn.decision.timers, *timers)) if timers else turn


def _heard_by(alert: AlertState, case: Incident, view: View) -> list[str]:
    """Incidents that nobody was told of, and that may be spoken for from now on. Where others speak
    under the same key already, whoever listens was found by the first of them."""
    said = dict.fromkeys(speaks_for(alert.labels, view.policy.inhibit_rules))
    fresh = [key for key in said if not view.speaking.get(key)]
    return [other for key in fresh for other in view.listening.get(key, ()) if other != case.id]


def _firing(case: Incident) -> dict[str, AlertState]:
    return {i: a for i, a in case.alerts.items() if a.status is AlertStatus.FIRING}
