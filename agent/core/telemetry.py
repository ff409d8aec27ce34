"""Machinery layer: running totals of members become windows, and windows are held against the
declared baselines (core/drift.py).

Totals only say something as increments. A total that is lower than before began anew with its
member, and counts from 0; where somebody else counts over many instances, one of them may only have
gone away, so that nothing can be said of that window. The first totals are a beginning and no
increment. What was not heard for `GAP_WINDOWS` is not averaged over.

A window is closed after the time that its baselines ask for, and kept open for up to `STRETCH` of
these while fewer than `LEAST_TASKS` were done: a share of two tasks is no share. One in which the
member was in quarantine, hung or silent and did nothing says nothing of how it works.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agent.core import blind_spots, drift, strangers
from agent.core.heartbeat import sign_of_life
from agent.core.members import (
    NOTHING,
    begins,
    declared,
    ends,
    line,
    owner_of,
    subject_of,
    unusable,
)
from agent.core.sender_clock import CLOCK_SECONDS
from agent.core.view import View
from agent.model.alert import Telemetry
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.event import AlertReceived, TelemetryReceived
from agent.model.reason import Reason
from agent.model.series import DriftState
from agent.model.signals import (
    Aspect,
    Baseline,
    BlindSpotKind,
    Counters,
    Member,
    Mode,
    TelemetrySigns,
    Trouble,
)

KIND = "telemetry"
TIMER = "telemetry"
WINDOW_SECONDS = 300.0
"""Where nothing is declared that asks for another one."""
LEAST_TASKS = 10.0
STRETCH = 4.0
GAP_WINDOWS = 3.0
LARGEST = 2.0**53
"""Above it one more is not seen, and the square of a mean may be no number any more."""
NAMES = ("tasks", "errors", "seconds", "tokens")
NEEDS = {
    Aspect.ERRORS: "errors",
    Aspect.LATENCY: "seconds",
    Aspect.TOKENS: "tokens",
    Aspect.WORK: "tasks",
}
"""The total that each aspect is made of, besides the tasks."""
REMEDY = "mend what sends it (docs/machinery.md has the names): running totals, numbers from 0 on"


def take_telemetry(event: TelemetryReceived, view: View) -> Decision:
    told, at = event.telemetry, event.at
    entity = view.registry.entities.get(told.agent)
    if entity is None:
        return NOTHING if told.source else strangers.heard(told.agent, view, at=at)
    known = view.telemetry.get(told.agent)
    if known is not None and _is_another_count(told, known, view, at=at):
        return NOTHING if told.source else sign_of_life(told.agent, view, at=at)
    wanted = declared(view, told.agent)
    if known is not None and _goes_back(told, known):
        back = "totals go back within one boot: two instances with one name, or replayed messages"
        return _with_faults(known, (back,), view, at=at)
    signs = _counted(told, known, _window(wanted, view), at=at)
    alive = NOTHING if told.source else sign_of_life(told.agent, view, at=at)
    decision = alive.also(_with_faults(signs, _faults(told, signs, wanted, at=at), view, at=at))
    decision = decision.also(_heard_again(told.agent, wanted, view, at=at))
    if at - signs.began_at < _window(wanted, view):
        return decision
    return _closed(signs, wanted, view, decision, at=at)


def watch(agent: str, view: View, *, at: float) -> Timer | None:
    """The timer of a member that declares a baseline, and so promises telemetry."""
    wanted = declared(view, agent)
    if not wanted.baselines:
        return None
    return Timer(subject=subject_of(agent), name=TIMER, due=at + _promised(wanted, view))


def fall_silent(agent: str, view: View, *, at: float) -> Decision:
    """The timer ran out: a baseline that nothing is held against any more is a blind spot."""
    wanted = declared(view, agent)
    if not wanted.baselines:
        return NOTHING
    known = view.telemetry.get(agent)
    if known is not None and at < known.last_at + _promised(wanted, view):
        due = known.last_at + _promised(wanted, view)
        return Decision(timers=(Timer(subject=subject_of(agent), name=TIMER, due=due),))
    entity = view.registry.entities.get(agent)
    since = "ever" if known is None else f"for {at - known.last_at:.0f} s"
    return blind_spots.found(
        view,
        kind=BlindSpotKind.MEMBER_SILENT,
        subject=f"{agent}/{KIND}",
        text=f"a baseline is declared, and no telemetry came {since}: a drift would not be seen",
        remedy=f"send running totals to telemetry/{agent}, or take `baseline` away",
        at=at,
        product=entity.product if entity is not None else None,
        owner=owner_of(view, agent),
    )


def _heard_again(agent: str, wanted: Member, view: View, *, at: float) -> Decision:
    if not wanted.baselines:
        return NOTHING
    kind = BlindSpotKind.MEMBER_SILENT
    back = blind_spots.gone(view, kind=kind, subject=f"{agent}/{KIND}", at=at)
    if back.records or agent not in view.telemetry:
        due = at + _promised(wanted, view)
        timer = Timer(subject=subject_of(agent), name=TIMER, due=due)
        return back.also(Decision(timers=(timer,)))
    return NOTHING


def _window(wanted: Member, view: View) -> float:
    least = view.policy.drift_window_seconds
    windows = (drift.window_seconds(baseline, least=least) for baseline in wanted.baselines)
    return min(windows, default=WINDOW_SECONDS)


def _promised(wanted: Member, view: View) -> float:
    least = GAP_WINDOWS * _window(wanted, view)
    return max(least, min(baseline.within_seconds for baseline in wanted.baselines))


# increments


def _is_another_count(told: Telemetry, known: TelemetrySigns, view: View, *, at: float) -> bool:
    """Whether somebody else counts the same work already, and still does."""
    if told.source == known.source:
        return False
    window = _window(declared(view, told.agent), view)
    return 0.0 <= at - known.last_at <= GAP_WINDOWS * window


def _goes_back(told: Telemetry, known: TelemetrySigns) -> bool:
    """Lower totals of the very same life can only be old ones."""
    return bool(told.boot) and told.boot == known.boot and _is_lower(told.counters, known.counters)


def _is_lower(now: Counters, before: Counters) -> bool:
    return any(
        new is not None and old is not None and new < old
        for new, old in ((_number(now, n), _number(before, n)) for n in NAMES)
    )


def _number(counters: Counters, name: str) -> float | None:
    """What no running total can be is not said."""
    value: float | None = getattr(counters, name)
    return value if value is not None and 0.0 <= value <= LARGEST else None


def _counted(
    told: Telemetry, known: TelemetrySigns | None, window: float, *, at: float
) -> TelemetrySigns:
    """What is known after these totals; the window is not closed yet."""
    new = {name: _number(told.counters, name) for name in NAMES}
    is_new_life = known is not None and bool(told.boot) and told.boot != known.boot
    is_lower = known is not None and _is_lower(told.counters, known.counters)
    if (
        known is None
        or told.source != known.source
        or not 0.0 <= at - known.last_at <= GAP_WINDOWS * window
        or (told.source and (is_new_life or is_lower))
    ):
        return TelemetrySigns(
            agent=told.agent,
            last_at=at,
            boot=told.boot,
            counters=Counters(**new),
            began_at=at,
            source=told.source,
            faulty_at=known.faulty_at if known is not None else None,
        )
    old = {name: _number(known.counters, name) for name in NAMES}
    if is_new_life or is_lower:
        old = {name: None if value is None else 0.0 for name, value in old.items()}
    counted = {n: _sum(getattr(known.window, n), _step(old[n], new[n])) for n in NAMES}
    return msgspec.structs.replace(
        known,
        last_at=at,
        boot=told.boot or known.boot,
        counters=Counters(**{n: old[n] if new[n] is None else new[n] for n in NAMES}),
        window=Counters(**counted),
    )


def _step(old: float | None, new: float | None) -> float | None:
    """None: there is nothing to tell it from."""
    return None if old is None or new is None else new - old


def _sum(counted: float | None, step: float | None) -> float | None:
    return counted if step is None else (counted or 0.0) + step


def _faults(
    told: Telemetry, signs: TelemetrySigns, wanted: Member, *, at: float
) -> tuple[str, ...]:
    faults = list(told.faults)
    if told.sent_at is not None and abs(told.sent_at - at) > CLOCK_SECONDS:
        way = "ahead" if told.sent_at > at else "behind"
        faults.append(f"sent_at: the clock of its sender is more than 5 min {way}")
    named = {fault.partition(":")[0] for fault in faults}
    needed = {"tasks"} | {NEEDS[baseline.aspect] for baseline in wanted.baselines}
    missing = [n for n in sorted(needed - named) if getattr(signs.counters, n) is None]
    if wanted.baselines:
        faults += [
            f"{n}: missing, though a baseline is declared that is made of it" for n in missing
        ]
    return tuple(faults)


def _with_faults(
    signs: TelemetrySigns, faults: tuple[str, ...], view: View, *, at: float
) -> Decision:
    before = signs.faulty_at
    found = unusable(view, signs.agent, faults, before=before, at=at, about=KIND, remedy=REMEDY)
    signs = msgspec.structs.replace(signs, faulty_at=found.at)
    record = Record(kind="telemetry", key=signs.agent, body=signs)
    return Decision(records=(record,)).also(found.decision)


# windows


def _closed(
    signs: TelemetrySigns, wanted: Member, view: View, decision: Decision, *, at: float
) -> Decision:
    """The window is as long as it has to be: it is judged, or held open for more tasks."""
    span, window = at - signs.began_at, _window(wanted, view)
    tasks = signs.window.tasks or 0.0
    if tasks < LEAST_TASKS and span < STRETCH * window:
        return decision
    for baseline in wanted.baselines:
        value = _value(baseline.aspect, signs.window, span=span)
        is_work = baseline.aspect is Aspect.WORK
        if value is None or (is_work and _rests(signs.agent, tasks, view)):
            continue
        weight = span / window if is_work else tasks
        decision = decision.also(
            _held_against(baseline, signs.agent, view, at=at, value=value, weight=weight)
        )
    last = next(r.body for r in reversed(decision.records) if r.kind == "telemetry")
    assert isinstance(last, TelemetrySigns)
    begun = msgspec.structs.replace(last, began_at=at, window=Counters())
    kept = tuple(r for r in decision.records if r.kind != "telemetry")
    record = Record(kind="telemetry", key=signs.agent, body=begun)
    return msgspec.structs.replace(decision, records=(*kept, record))


def _rests(agent: str, tasks: float, view: View) -> bool:
    """Whether that so little is done has a reason which is known already."""
    known = view.agents.get(agent)
    if known is None:
        return False
    if known.mode is Mode.OBSERVE:
        return True
    return tasks <= 0.0 and (not known.alive or known.hung_since is not None)


def _value(aspect: Aspect, window: Counters, *, span: float) -> float | None:
    tasks = window.tasks
    if tasks is None:
        return None
    if aspect is Aspect.WORK:
        return tasks * 3600.0 / span
    part: float | None = getattr(window, NEEDS[aspect])
    if part is None or tasks < LEAST_TASKS:
        return None
    return min(1.0, part / tasks) if aspect is Aspect.ERRORS else part / tasks


def _held_against(
    baseline: Baseline, agent: str, view: View, *, at: float, value: float, weight: float
) -> Decision:
    aspect = baseline.aspect.value
    key = f"{agent}/{aspect}"
    known = view.drifts.get(key)
    state = drift.take(known, baseline, at=at, value=value, weight=weight)
    found = drift.judge(state, baseline)
    since = known.firing_since if known is not None else None
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    if found.drifting and since is None:
        reason = Reason.AGENT_ERRS if baseline.aspect is Aspect.ERRORS else Reason.AGENT_DRIFTS
        why = f"{reason.sentence}: {found.text}" if found.text else reason.sentence
        emits = (begins(Trouble.DRIFT, agent, view, at=at, why=why, about=aspect),)
        journal = (line(KIND, agent, at, reason, found.text),)
        since = at
    elif not found.drifting and since is not None:
        emits = (ends(Trouble.DRIFT, agent, view, at=at, since=since, about=aspect),)
        journal = (line(KIND, agent, at, Reason.DRIFT_OVER, aspect),)
        since = None
    state = msgspec.structs.replace(state, firing_since=since)
    record = Record(kind="drift", key=key, body=state)
    return Decision(records=(record,), emits=emits, journal=journal)


def readings(agent: str, view: View) -> Iterator[tuple[Baseline, DriftState | None]]:
    """Each declared baseline with what is known of it."""
    for baseline in declared(view, agent).baselines:
        yield baseline, view.drifts.get(f"{agent}/{baseline.aspect.value}")
