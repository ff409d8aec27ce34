"""What is kept of an incident that ended: how, by whose acts, and what was known of it.

Every incident that people were told of, or that went away with nothing done, is kept as a
resolution: those in which nobody acted are what an act has to be compared with. Left out is what a
runbook healed or settled, and what somebody said needs nobody (a silence, an inhibition, a root
that spoke for it), unless people acted on it. It stays pending until what went away can no longer
come back (core/credit.py).

When its alerts ended is learned from their source, also where that comes after the incident was
closed: a person may close what still fires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from agent.core import agreeing, credit
from agent.core.alert_expression import expression_of
from agent.core.diagnosis import default_calls
from agent.core.facts import (
    facts_about,
    facts_of,
    first_alert_of,
    in_order,
    known,
    resolve_params,
)
from agent.core.likeness import recipe_of, signature_of
from agent.core.origins import origins_of
from agent.core.reaching import calls_of
from agent.core.release import let_go_of_all
from agent.core.standing import take_end
from agent.core.told import those_that_mattered, words_of
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.decision import Decision, Record, Timer
from agent.model.effect import OutcomeStatus
from agent.model.event import AlertReceived, ResolvedByPerson
from agent.model.incident import AlertState, Ending, Incident, StepRun
from agent.model.learning import Deed, Mark, Resolution, ToldCall
from agent.model.on_call import Telling
from agent.model.runbook import Facts

KIND = "resolution"
MOST_BYTES = 16_384
"""Of the findings that are kept, and of the labels: what is larger is left out, finding by finding,
so that what is there is whole."""
BY_RUNBOOK = (Ending.HEALED, Ending.SETTLED)
MOST_NAMES = 50

Value = TypeVar("Value")


def learn(turn: Turn) -> Turn:
    """The stage at the end of an incident: how it ended is kept, and those held back under it are
    let go."""
    if turn.todo is not Todo.LEARN:
        return turn
    turn = remember(take_end(turn))
    return let_go_of_all(turn).then(Todo.REST)


def remember(turn: Turn) -> Turn:
    """Keeps how it ended as a pending resolution, with the timer that judges it. What a person says
    afterwards replaces it, and it is judged again."""
    if turn.incident is None or not _is_kept(turn):
        return turn
    resolution = _resolution(turn)
    turn = turn.record(KIND, turn.case.id, resolution)
    # What a person says much later is judged at once: nothing can come back so late.
    due = max(turn.at, (turn.case.resolved_at or turn.at) + turn.view.policy.rails.relapse_seconds)
    return turn.decide(timers=(*turn.decision.timers, timer_of(turn.case.id, due)))


def timer_of(incident_id: str, due: float) -> Timer:
    return Timer(subject=f"{credit.SUBJECT}:{incident_id}", name=credit.TIMER, due=due)


def _said(turn: Turn) -> ResolvedByPerson | None:
    return turn.event if isinstance(turn.event, ResolvedByPerson) else None


def _is_kept(turn: Turn) -> bool:
    case, said = turn.case, _said(turn)
    if case.is_open or case.outcome in BY_RUNBOOK:
        return False
    if said is not None and not _held_by(turn):
        return True
    if those_that_mattered(case, said) or (said is not None and said.told):
        return True
    return not (case.silenced_by or case.inhibited_by or _held_by(turn))


def _held_by(turn: Turn) -> str:
    """Whose page spoke for it until now: with the end of an incident that is forgotten."""
    before = turn.view.incidents.get(turn.case.id)
    return turn.case.held_by or (before.held_by if before is not None else None) or ""


def _resolution(turn: Turn) -> Resolution:
    case, view, said = turn.case, turn.view, _said(turn)
    alert = first_alert_of(case)
    # As a runbook would see it that is about no object of the inventory: what is learned is none.
    facts = facts_about(msgspec.structs.replace(case, digest=None), view)
    deeds = _deeds(case, said, facts)
    names = tuple(dict.fromkeys(a.name for a in in_order(case)))[:MOST_NAMES]
    entity = view.registry.entities.get(case.entity or "")
    kind = entity.kind.value if entity is not None else ""
    findings = bounded(known(case.findings), MOST_BYTES)
    words = words_of(said) if said is not None else None
    before = view.resolutions.get(case.id)
    told = Resolution(
        incident_id=case.id,
        signature=signature_of(alertnames=names, kind=kind, layer=case.layer.value),
        recipe=recipe_of(deeds),
        at=case.resolved_at or turn.at,
        opened_at=case.opened_at,
        fired_at=min(in_order(case)[0].starts_at, case.opened_at),
        cleared_at=cleared_at(case),
        who=case.resolved_by or "",
        alertname=alert.name,
        alertnames=names,
        layer=case.layer.value,
        kind=kind,
        product=case.product,
        entity=case.entity,
        labels=bounded(alert.labels, MOST_BYTES),
        expression=expression_of(alert.generator_url) or "",
        findings=findings,
        diagnostics=_diagnostics(turn, findings),
        deeds=deeds,
        besides=_besides(case, deeds),
        by=_people(case),
        cause=case.cause,
        minutes=_minutes(case, said),
        pages=_pages(case),
        root=_root(turn),
        key=case.key,
        shadow=before.shadow if before is not None else agreeing.would_have(turn),
    )
    if said is None or words is None:
        return told
    return msgspec.structs.replace(
        told,
        cause=words.cause,
        cause_kind=words.cause_kind,
        page_useful=said.page_useful,
        outside=words.outside,
    )


def cleared_at(case: Incident) -> float | None:
    """When the last of its alerts ended. None: one still fires, or of one it is only known that
    its source fell silent. Never later than it was heard: clocks differ."""
    if case.is_firing or case.is_gone_silent:
        return None
    return max(_ended(alert) for alert in case.alerts.values())


def _ended(alert: AlertState) -> float:
    heard = alert.seen_at or alert.starts_at
    return heard if alert.ends_at is None else min(alert.ends_at, heard)


def _deeds(case: Incident, said: ResolvedByPerson | None, facts: Facts) -> tuple[Deed, ...]:
    """In the order in which they began; of what nobody knows when, in the order it was told."""
    seen = [_seen(step, facts) for step in those_that_mattered(case, said)]
    told = [_told(call, said.who, facts) for call in said.told] if said is not None else []
    timed = [d for d in (*seen, *told) if d.began_at is not None]
    untimed = [d for d in told if d.began_at is None]
    return (*sorted(timed, key=lambda d: d.began_at or 0.0), *untimed)


def _seen(step: StepRun, facts: Facts) -> Deed:
    return Deed(
        use=step.use,
        params=step.params,
        target=step.target,
        by=step.by,
        mark=Mark.SEEN,
        began_at=step.started_at,
        ended_at=step.ended_at,
        origins=origins_of(step.params, facts),
    )


def _told(call: ToldCall, who: str, facts: Facts) -> Deed:
    target = call.params.get("target")
    return Deed(
        use=call.use,
        params=call.params,
        target=target if isinstance(target, str) and target else None,
        by=who,
        mark=Mark.TOLD,
        began_at=call.at,
        ended_at=call.at,
        origins=origins_of(call.params, facts),
    )


def _besides(case: Incident, deeds: tuple[Deed, ...]) -> tuple[str, ...]:
    """What else was done after the last act that mattered began, while it still fired. Whether that
    did nothing is not for whoever resolved it to say: it may just have been that."""
    known = [(deed.use, deed.began_at) for deed in deeds if deed.began_at is not None]
    if not known:
        return ()
    last, cleared = max(began for _, began in known), cleared_at(case)
    return tuple(
        f"{step.use} by {step.by}"
        for step in case.steps
        if step.status is not OutcomeStatus.REFUSED
        and last <= step.started_at
        and (cleared is None or step.started_at <= cleared)
        and (step.use, step.started_at) not in known
    )


def _people(case: Incident) -> tuple[str, ...]:
    """Everybody who tried something in it or resolved it, whether or not that mattered."""
    acted = {step.by for step in case.steps if step.by != "agent"}
    return tuple(sorted(acted | ({case.resolved_by} if case.resolved_by else set())))


def _pages(case: Incident) -> int:
    """How often people were called: a page and its fallbacks are one."""
    return len({page.wave for page in calls_of(case) if page.telling is Telling.PAGE})


def _minutes(case: Incident, said: ResolvedByPerson | None) -> float | None:
    if said is not None and said.minutes is not None:
        return said.minutes
    called = [page.at for page in calls_of(case)]
    if not called or case.resolved_at is None:
        return None
    return max(0.0, case.resolved_at - min(called)) / 60.0


def _root(turn: Turn) -> str:
    """What it was a part of. A storm that is on counts also for those of it that were told of
    themselves."""
    case, view = turn.case, turn.view
    if held := _held_by(turn) or case.was_under:
        return held
    storm = view.storms.get(case.storm or "")
    return storm.root if storm is not None and storm.root != case.id else ""


def _diagnostics(
    turn: Turn, findings: Mapping[str, Any]
) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The calls that gave these findings, with the parameters they had: where those come from is
    worked out with everything else of several incidents (core/generalising.py)."""
    case = turn.case
    if not findings:
        return {}
    runbook = turn.view.runbooks.by_digest(case.digest) if case.digest else None
    routed = turn.change(after_diagnosis="route")
    calls = {call.id: call for call in default_calls(routed)}
    if runbook is not None:
        calls |= {call.id: call for call in runbook.diagnose}
    facts = facts_of(turn)
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name in findings:
        call = calls.get(name)
        if call is None:
            continue
        try:
            found[name] = (call.use, resolve_params(call.params, facts))
        except LookupError:
            continue
    return found


def bounded(values: Mapping[str, Value], most: int) -> dict[str, Value]:
    """As many of them as fit into so many bytes of JSON, the smaller ones first."""
    sizes = {name: len(msgspec.json.encode((name, value))) for name, value in values.items()}
    kept: set[str] = set()
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        most -= sizes[name]
        if most < 0:
            break
        kept.add(name)
    return {name: value for name, value in values.items() if name in kept}


def take_late_end(event: AlertReceived, closed: Incident | None, view: View) -> Decision:
    """The source says that an alert of a closed incident ended. Where people closed it while it
    fired, that is when it went away."""
    alert = event.alert
    state = closed.alerts.get(alert.identity) if closed is not None else None
    if closed is None or closed.is_open or state is None or alert.starts_at != state.starts_at:
        return Decision()
    if alert.status is not AlertStatus.RESOLVED or not _is_news(state):
        return Decision()
    ended = msgspec.structs.replace(
        state,
        status=AlertStatus.RESOLVED,
        ends_at=alert.ends_at,
        seen_at=event.at,
        inferred=alert.inferred,
        expired=False,
    )
    case = msgspec.structs.replace(
        closed, alerts={**closed.alerts, state.identity: ended}, version=closed.version + 1
    )
    known = view.resolutions.get(closed.id)
    if known is None:
        return Decision(incident=case)
    learned = msgspec.structs.replace(known, cleared_at=cleared_at(case))
    record = Record(kind=KIND, key=closed.id, body=learned)
    return Decision(incident=case, records=(record,))


def _is_news(state: AlertState) -> bool:
    """Whether its end is not known yet, or was only inferred from silence."""
    return state.status is AlertStatus.FIRING or state.expired
