"""A runbook in shadow beside people: would it have done what they did?

What it would have done is written down when it decides, as if it might act: with the targets its
steps would have had, and when no rail would have held it back any more. It is compared once it is
known how people ended the incident, and whether that helped.
"""

from __future__ import annotations

import msgspec

from agent.core import guard as guards
from agent.core.facts import resolve_params
from agent.core.likeness import counted_once
from agent.core.plans import target_of
from agent.core.rails.question import Question
from agent.core.suspending import subject_of
from agent.core.trials import add_trial, proven
from agent.core.trust import is_good, named, standing_of
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.effect import Verdict
from agent.model.learning import Agreement, Credit, Resolution, Standing, Trial, WouldHave
from agent.model.reason import Reason
from agent.model.runbook import Facts, Lifecycle, Plan

KIND = "trial"
AGREES = (Agreement.SAME_ACT, Agreement.BOTH_LEFT)
HELPED = {
    Credit.CREDITED: Verdict.HELD,
    Credit.NOT_CLEARED: Verdict.FAILED,
    Credit.RELAPSED: Verdict.FAILED,
    Credit.HARMED: Verdict.FAILED,
}
"""What came of the same act; of the other credits nobody can tell."""
IN_WORDS = {
    Agreement.SAME_ACT: "it would have done the same as people",
    Agreement.OTHER_ACT: "it would have done something else than people",
    Agreement.AGENT_ALONE: "it would have acted, and nobody had to",
    Agreement.PERSON_ALONE: "people acted, and it would have left it to them",
    Agreement.TOO_EARLY: "it would have acted long before people did",
    Agreement.TOO_LATE: "people acted before it would have been ready",
    Agreement.BOTH_LEFT: "it would have called people, and nobody had to act",
}


# when it decides


def look_on(turn: Turn, q: Question, plan: Plan) -> Turn:
    """A runbook in shadow is stopped: what it would have done, were it active, stays on the
    incident. Only its first word counts. `q` is what the rails were asked."""
    runbook = q.runbook
    if turn.case.shadow is not None or runbook is None:
        return turn
    asked = msgspec.structs.replace(
        q, runbook=msgspec.structs.replace(runbook, lifecycle=Lifecycle.ACTIVE)
    )
    stop = guards.ask(asked)
    is_stopped = stop is not None and stop.reason not in guards.ASKS
    after = stop.after_seconds if stop is not None else None
    if is_stopped and after is None:
        return turn  # a rail would have called people: that is what it says at the end
    would = WouldHave(
        runbook=runbook.name,
        digest=runbook.digest,
        plan=plan.name,
        deeds=_deeds(plan, q.facts),
        at=turn.at + (after or 0.0),
    )
    return turn.change(shadow=would)


def _deeds(plan: Plan, facts: Facts) -> tuple[tuple[str, str | None], ...]:
    found: list[tuple[str, str | None]] = []
    for call in plan.steps:
        try:
            target = target_of(resolve_params(call.params, facts))
        except LookupError:
            target = None
        found.append((call.use, target))
    return tuple(found)


def would_settle(turn: Turn, plan: str | None = None) -> Turn:
    """The same of one that would have waited and kept people out of it."""
    case = turn.case
    if case.shadow is not None or case.runbook is None or case.digest is None:
        return turn
    would = WouldHave(runbook=case.runbook, digest=case.digest, plan=plan, at=turn.at, settles=True)
    return turn.change(shadow=would)


def would_have(turn: Turn) -> WouldHave | None:
    """What the incident's runbook in shadow decided; None where it had none. One that came to no
    act would have called people."""
    case = turn.case
    if case.shadow is not None:
        return case.shadow
    runbook = turn.view.runbooks.by_digest(case.digest) if case.digest else None
    if runbook is None or runbook.lifecycle is not Lifecycle.SHADOW:
        return None
    return WouldHave(runbook=runbook.name, digest=runbook.digest, plan=None, at=case.opened_at)


# when it is known what people did


def agree(resolution: Resolution, view: View, *, at: float) -> Decision:
    """Counts one more trial of the runbook that looked on. What a person says afterwards is judged
    again, and replaces what was counted before."""
    would = resolution.shadow
    kind = agreement_of(resolution, would, view) if would is not None else None
    if would is None or kind is None:
        return Decision()
    trial = Trial(
        incident=resolution.incident_id,
        at=at,
        state=Lifecycle.SHADOW,
        digest=would.digest,
        plan=would.plan,
        agreement=kind,
        verdict=_verdict(resolution, kind),
    )
    standing = standing_of(would.runbook, view)
    others = tuple(
        t for t in standing.trials if t.agreement is None or t.incident != trial.incident
    )
    standing = msgspec.structs.replace(standing, trials=others)
    if not _is_counted(resolution, trial, standing, view):
        standing = add_trial(standing, trial)
    entry = JournalEntry(
        at=at,
        subject=subject_of(would.runbook),
        kind=KIND,
        reason=Reason.TRIAL_AGREED if kind in AGREES else Reason.TRIAL_DISAGREED,
        text=f"{resolution.incident_id}: {IN_WORDS[kind]}",
        data={"incident": resolution.incident_id, "agreement": kind.value},
    )
    record = Record(kind="standing", key=would.runbook, body=standing)
    decision = Decision(journal=(entry,), records=(record,))
    runbook = named(would.runbook, view)
    if runbook is None or runbook.digest != would.digest:
        return decision
    told = proven(standing, runbook, view, at=at, incident=resolution.incident_id)
    return decision.also(told) if told is not None else decision


def _is_counted(resolution: Resolution, trial: Trial, standing: Standing, view: View) -> bool:
    """Whether it is a good trial of what has counted as one: siblings of one storm, and what came
    again on the same target, prove one thing once. What speaks against it counts each time."""
    if not is_good(trial):
        return False
    same = (
        view.resolutions.get(other.incident)
        for other in standing.trials
        if other.agreement is Agreement.SAME_ACT and other.digest == trial.digest
    )
    pairs = (sorted((one, resolution), key=lambda r: r.opened_at) for one in same if one)
    return any(len(counted_once(pair, view)) == 1 for pair in pairs)


def agreement_of(resolution: Resolution, would: WouldHave, view: View) -> Agreement | None:
    """How the two compare; None where nothing can be said."""
    deeds = resolution.deeds
    if would.settles:
        return _of_settling(resolution)
    if would.plan is None:
        return Agreement.PERSON_ALONE if deeds else Agreement.BOTH_LEFT
    if not deeds:
        return Agreement.AGENT_ALONE
    if tuple((deed.use, deed.target) for deed in deeds) != would.deeds:
        return Agreement.OTHER_ACT
    began = deeds[0].began_at
    if began is not None and began < would.at:
        return Agreement.TOO_LATE
    if began is not None and began - would.at > view.policy.learning.early_seconds:
        return Agreement.TOO_EARLY
    return Agreement.SAME_ACT


def _of_settling(resolution: Resolution) -> Agreement | None:
    """It would have kept people out of it. That is right where it went away without them, and does
    harm where only their act ended it."""
    if resolution.deeds:
        is_theirs = resolution.credit is Credit.CREDITED
        return Agreement.OTHER_ACT if is_theirs else Agreement.PERSON_ALONE
    return Agreement.SAME_ACT if resolution.cleared_at is not None else None


def _verdict(resolution: Resolution, kind: Agreement) -> Verdict | None:
    if kind is not Agreement.SAME_ACT:
        return None
    if not resolution.deeds:
        return Verdict.HELD  # to wait was right
    return HELPED.get(resolution.credit, Verdict.INCONCLUSIVE)
