"""How far a runbook is trusted: what its file says, and never more than its runs allow.

To run alone it has to have shown the quality its tier asks for: were it any worse, so many good
trials without a harmful one would hardly come about (exact lower bound, core/exact.py). Trials are
those of one version. One that did harm, or would have, begins the count anew; one in which people
did it first, or did what it would have left to them, is a trial that does not count as good. That
nobody had to act, and it would have called people, says nothing of what it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from agent.core import exact
from agent.core.view import View
from agent.model.effect import Verdict
from agent.model.learning import Agreement, Standing, Trial
from agent.model.policy import Learning
from agent.model.runbook import Lifecycle, Runbook

RUNS = (Lifecycle.ACTIVE, Lifecycle.ASSISTED)
HARMFUL = (Agreement.OTHER_ACT, Agreement.AGENT_ALONE, Agreement.TOO_EARLY)
BAD = (Verdict.FAILED, Verdict.INCONCLUSIVE)


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How far a runbook has shown that it may run alone."""

    is_proven: bool
    good: int
    of: int
    """Trials that count, since the latest that did harm."""
    needed: int
    """So many trials would do, were all that are missing good ones; 0: no number would."""
    told: str
    since: float = 0.0
    """When the first of them was."""


def state_of(runbook: Runbook, view: View) -> Lifecycle:
    """The lifecycle state it is in: `suspended` where it may run by its file and was taken out. A
    standing only takes away: what may not run by its file is what its file says."""
    if runbook.lifecycle in RUNS and standing_of(runbook.name, view).is_suspended:
        return Lifecycle.SUSPENDED
    return runbook.lifecycle


def standing_of(name: str, view: View) -> Standing:
    """What is known of it; nothing where it never did anything."""
    return view.standings.get(name) or Standing(runbook=name)


def named(name: str, view: View) -> Runbook | None:
    """The version of it that is loaded."""
    return next((r for r in view.runbooks.runbooks if r.name == name), None)


def quality_asked(tier: str, learning: Learning) -> float | None:
    """Share of good runs a tier asks for before a runbook runs alone; None: no share is enough."""
    return {"low": learning.quality_low, "medium": learning.quality_medium}.get(tier)


def failing_allowed(tier: str, learning: Learning) -> float:
    """Share of runs a tier allows to fail; the strictest where the tier is none that is known."""
    shares = {"low": learning.failing_low, "medium": learning.failing_medium}
    return shares.get(tier, learning.failing_high)


def proof_of_trust(view: View, name: str, tier: str, digest: str) -> Proof:
    """Whether this version of the runbook has proven that it may run alone, and if not, how much is
    missing."""
    learning = view.policy.learning
    trials = counted(standing_of(name, view), digest)
    good, of = sum(1 for t in trials if is_good(t)), len(trials)
    since = trials[0].at if trials else 0.0
    quality = quality_asked(tier, learning)
    if quality is None:
        told = f"tier {tier} stays behind approval, however often it held"
        return Proof(is_proven=False, good=good, of=of, needed=0, told=told, since=since)
    enough = exact.needed(of - good, quality=quality, confidence=learning.confidence)
    few = _few_enough(view, name)
    if few is not None and of == good:
        enough = min(few, enough) if enough is not None else few
    is_proven = enough is not None and of >= enough
    told = f"{good} of {of} trials are good"
    if not is_proven:
        told += f"; tier {tier} needs {f'{enough - (of - good)} of {enough}' if enough else 'more'}"
    return Proof(is_proven=is_proven, good=good, of=of, needed=enough or 0, told=told, since=since)


def _few_enough(view: View, name: str) -> int | None:
    """So many good trials without any other are enough where chance is ruled out by the times of
    the incidents a learned runbook comes from; None: they do not rule it out."""
    promotion = view.promotions.get(name)
    if promotion is None or promotion.not_clean or promotion.backtest is None:
        return None
    if any(is_harmful(t) or is_bad(t) for t in standing_of(name, view).trials):
        return None
    return max(0, view.policy.learning.at_once - len(promotion.incidents))


def counted(standing: Standing, digest: str) -> Sequence[Trial]:
    """The trials of this version that count: since it was resumed, and since the latest that did
    harm."""
    found: list[Trial] = []
    for trial in standing.trials:
        if trial.digest != digest or trial.is_rung or trial.at <= standing.counts_from:
            continue
        if is_harmful(trial):
            found.clear()
        elif trial.agreement is not Agreement.BOTH_LEFT:
            found.append(trial)
    return found


def is_harmful(trial: Trial) -> bool:
    """Whether it did harm, or would have. In shadow an act of people whose effect nobody could tell
    is no harm."""
    if trial.rejected or trial.relapsed or trial.agreement in HARMFUL:
        return True
    if trial.agreement is not None:
        return trial.verdict is Verdict.FAILED
    return trial.verdict in BAD


def is_good(trial: Trial) -> bool:
    """Whether it counts as good. In shadow the same act as people's has to have helped as well."""
    if is_harmful(trial):
        return False
    if trial.agreement is None:
        return trial.verdict is Verdict.HELD
    return trial.agreement is Agreement.SAME_ACT and trial.verdict is Verdict.HELD


def runs_of(standing: Standing, digest: str, *, most: int) -> Sequence[Trial]:
    """The latest runs of this version since it was resumed, oldest first."""
    runs = [
        t
        for t in standing.trials
        if t.verdict is not None
        and t.agreement is None
        and not t.is_rung
        and t.digest == digest
        and t.at > standing.counts_from
    ]
    return runs[-most:]


def is_bad(run: Trial) -> bool:
    """Whether a run speaks against the runbook. A person's no does not: they were asked."""
    return run.relapsed or run.verdict in BAD


def share_held(view: View, runbook: Runbook, plan: str) -> Fraction:
    """How often a plan of this version held, by the rule of succession: what was never tried is
    taken for even, and one success is not yet certainty."""
    tried = [
        t
        for t in standing_of(runbook.name, view).trials
        if t.plan == plan
        and t.digest == runbook.digest
        and t.agreement is None
        and t.verdict is not None
    ]
    held = sum(1 for t in tried if not is_bad(t))
    return Fraction(held + 1, len(tried) + 2)
