"""Every run of a runbook is a trial of it, counted where its verdict is given.

A ladder is one run: it held where any of its plans did, and what the plans before it did not
achieve is kept of them alone. What relapses later, and what a person refuses to let run, is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from agent.core.receiving import is_under_way
from agent.core.suspending import KIND, apply, failing, subject_of, suspend
from agent.core.trust import RUNS, is_bad, named, proof_of_trust, standing_of
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.effect import Verdict
from agent.model.event import Announced, Event, Rejected
from agent.model.incident import Ending, Incident, PlanRun, State
from agent.model.learning import Standing, Trial
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Runbook

MOST_TRIALS = 150
"""Room for the 59 good ones tier medium asks for, and for two more that missed (124)."""
SETTLED_BADLY = {
    Reason.STILL_FIRING: Verdict.FAILED,
    Reason.VERIFICATION_FAILED: Verdict.FAILED,
    Reason.WORSENED: Verdict.FAILED,
    Reason.VERIFICATION_INCONCLUSIVE: Verdict.INCONCLUSIVE,
}
PROVABLE = (Lifecycle.SHADOW, Lifecycle.ASSISTED)


def count_runs(turn: Turn) -> Turn:
    """The stage, after everything else was decided: what came to its verdict is counted."""
    case = turn.incident
    before = turn.view.incidents.get(case.id) if case is not None else None
    if case is None or before is None or turn.decision.refused is not None:
        return turn
    for run in case.plans[len(before.plans) :]:
        turn = _add(turn, run.runbook, _trial_of(turn, run))
    turn = _end_ladder(turn, case)
    if isinstance(turn.event, Rejected) and case.reason is Reason.REJECTED:
        turn = _rejected(turn, case)
    return _did_not_settle(turn, case, before)


def _trial_of(turn: Turn, run: PlanRun) -> Trial:
    case = turn.case
    return Trial(
        incident=case.id,
        at=run.at,
        state=_state_then(run.digest, turn.view),
        digest=run.digest,
        plan=run.plan,
        verdict=run.verdict,
        by=case.approved_by or "",
        is_rung=True,
    )


def _state_then(digest: str, view: View) -> Lifecycle:
    runbook = view.runbooks.by_digest(digest)
    return runbook.lifecycle if runbook is not None else Lifecycle.ACTIVE


def _end_ladder(turn: Turn, case: Incident) -> Turn:
    """Once nothing more of it is to come, its last plan says how the run went."""
    if not case.plans:
        return turn
    last = case.plans[-1]
    if last.verdict is not Verdict.HELD and _goes_on(case):
        return turn

    def is_last(trial: Trial) -> bool:
        return trial.is_rung and (trial.incident, trial.plan, trial.at) == (
            case.id,
            last.plan,
            last.at,
        )

    standing = standing_of(last.runbook, turn.view)
    if not any(is_last(trial) for trial in standing.trials):
        return turn
    turn = _change(turn, standing, is_last, is_rung=False)
    return _judged(turn, last.runbook, last.digest)


def _goes_on(case: Incident) -> bool:
    is_asked = case.state is State.AWAITING_APPROVAL
    return case.is_open and (is_asked or bool(case.waits_for) or is_under_way(case))


def _rejected(turn: Turn, case: Incident) -> Turn:
    """A person was asked and said no to what it had prepared."""
    runbook = turn.view.runbooks.by_digest(case.digest or "")
    if runbook is None or runbook.lifecycle is not Lifecycle.ASSISTED:
        return turn  # what was asked about was the risk of it, and not whether it is right
    who = turn.event.who if isinstance(turn.event, Rejected) else ""
    trial = Trial(
        incident=case.id,
        at=turn.at,
        state=runbook.lifecycle,
        digest=runbook.digest,
        plan=case.plan,
        rejected=True,
        by=who,
    )
    return _add(turn, runbook.name, trial)


def _did_not_settle(turn: Turn, case: Incident, before: Incident) -> Turn:
    """What was expected to settle by itself, by a row that names no plan, did not."""
    if case.plan is not None or case.runbook is None or before.verify_started_at is None:
        return turn
    said = (e.reason for e in turn.decision.journal if e.kind == "verdict")
    verdict = next((SETTLED_BADLY[r] for r in said if r in SETTLED_BADLY), None)
    return _settle_trial(turn, case, verdict) if verdict is not None else turn


def settled(turn: Turn) -> Turn:
    """At the end of an incident: where it was explained and went away as expected, that is a run
    that held. Where a plan ran, its verdict was counted when it was given."""
    case = turn.incident
    if case is None or case.outcome is not Ending.SETTLED or case.plan is not None:
        return turn
    return _settle_trial(turn, case, Verdict.HELD)


def _settle_trial(turn: Turn, case: Incident, verdict: Verdict) -> Turn:
    runbook = turn.view.runbooks.by_digest(case.digest or "")
    if runbook is None:
        return turn
    trial = Trial(
        incident=case.id,
        at=turn.at,
        state=runbook.lifecycle,
        digest=runbook.digest,
        verdict=verdict,
    )
    return _judged(_add(turn, runbook.name, trial), runbook.name, runbook.digest)


def mark_relapsed(turn: Turn, name: str, incidents: Iterable[str]) -> Turn:
    """What it healed in these incidents fires again: it was not healed."""
    standing, back = standing_of(name, turn.view), frozenset(incidents)

    def came_back(trial: Trial) -> bool:
        is_held = trial.verdict is Verdict.HELD and trial.agreement is None
        return is_held and not trial.relapsed and trial.incident in back

    digests = {t.digest for t in standing.trials if came_back(t)}
    if not digests:
        return turn
    turn = _change(turn, standing, came_back, relapsed=True)
    for digest in sorted(digests):
        turn = _judged(turn, name, digest)
    return turn


# keeping them


def add_trial(standing: Standing, trial: Trial) -> Standing:
    """The latest are kept."""
    trials = (*standing.trials, trial)[-MOST_TRIALS:]
    return msgspec.structs.replace(standing, trials=trials)


def _add(turn: Turn, name: str, trial: Trial) -> Turn:
    return _keep(turn, add_trial(standing_of(name, turn.view), trial)) if name else turn


def _change(
    turn: Turn, standing: Standing, which: Callable[[Trial], bool], **fields: object
) -> Turn:
    trials = tuple(msgspec.structs.replace(t, **fields) if which(t) else t for t in standing.trials)
    return _keep(turn, msgspec.structs.replace(standing, trials=trials))


def _keep(turn: Turn, standing: Standing) -> Turn:
    return apply(turn, Decision(records=(Record(kind=KIND, key=standing.runbook, body=standing),)))


# what follows from them


def _judged(turn: Turn, name: str, digest: str) -> Turn:
    """Whether it is taken out, or has proven itself, now that there is one more run of it."""
    standing = standing_of(name, turn.view)
    latest = standing.trials[-1] if standing.trials else None
    runbook = turn.view.runbooks.by_digest(digest)
    if runbook is None or latest is None:
        return turn
    decision = out_if_failing(standing, runbook, turn.view, at=turn.at)
    if decision is None and runbook.lifecycle is Lifecycle.ASSISTED and not is_bad(latest):
        decision = proven(standing, runbook, turn.view, at=turn.at, incident=turn.case.id)
    return apply(turn, decision) if decision is not None else turn


def out_if_failing(
    standing: Standing, runbook: Runbook, view: View, *, at: float
) -> Decision | None:
    """Takes it out where its runs are too bad. What an older version did, that an incident was
    still pinned to, says nothing of the one that is loaded."""
    if standing.is_suspended or runbook.lifecycle not in RUNS:
        return None
    why = failing(standing, runbook, view.policy.learning)
    if not why:
        return None
    loaded = named(runbook.name, view)
    if loaded is None or loaded.digest != runbook.digest:
        return None
    return suspend(standing, runbook, view, at=at, reason=Reason.RUNS_FAIL, why=why)


def proven(
    standing: Standing, runbook: Runbook, view: View, *, at: float, incident: str
) -> Decision | None:
    """Its owner is told, once for each count, that it may be let run alone."""
    if standing.is_suspended or runbook.lifecycle not in PROVABLE:
        return None
    seen = msgspec.structs.replace(view, standings={runbook.name: standing})
    proof = proof_of_trust(seen, runbook.name, runbook.tier, runbook.digest)
    told_at = standing.told_ready_at
    if not proof.is_proven or (told_at is not None and told_at >= proof.since):
        return None
    title = f"runbook {runbook.name} has proven itself: {proof.good} of {proof.of}"
    text = (
        f"{proof.told}, the latest in {incident}. It is {runbook.lifecycle.value}; from now on it "
        f"may be made active. See: homeostat runbooks show {runbook.name}"
    )
    subject = subject_of(runbook.name)
    entry = JournalEntry(at=at, subject=subject, kind=KIND, reason=Reason.PROVEN, text=proof.told)
    word: Event = Announced(at=at, subject=subject, team=runbook.owner, title=title, text=text)
    told = msgspec.structs.replace(standing, told_ready_at=at)
    record = Record(kind=KIND, key=runbook.name, body=told)
    return Decision(records=(record,), journal=(entry,), emits=(word,))
