"""Did what people did make it go away? Only what is credited is learned from.

Judged once what went away can no longer come back. All of this has to hold, asked in this order:

- something was done that can be run again, it is known when, and nothing else was done besides
  that is told in words only, or after it while it still fired: what helped may have been that;
- the symptom went away, and its source said so;
- after the last act that mattered began. Where its expression surely stays true for a while after
  the last bad sample (core/lasting.py), not sooner than that after the act, less one evaluation:
  else the last bad sample was before the act, and the recovery had begun;
- within the time of verification after the last act ended, and as long as the alert may outlive its
  cause (core/decay.py);
- it did not come back, and nothing else broke where people acted or next to it (core/aftermath.py).

What is not certain is not credited: it costs one more repeat, where a credit that is wrong may
become a runbook.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, MutableMapping
from typing import cast

import msgspec

from agent.core import agreeing, near_misses, proposing
from agent.core.aftermath import again, harm
from agent.core.decay import firing_for
from agent.core.lasting import lasts_for
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.learning import Credit, Resolution
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Decay

TIMER = "credit"
SUBJECT = "resolution"

Judgement = tuple[Credit, str]


def judge(incident_id: str, view: View, *, at: float) -> Decision:
    """The timer of a resolution ran out: whether it is credited, and what follows from that. One
    that was judged before stays as it was; one that cannot be judged yet gets its timer again."""
    resolution = view.resolutions.get(incident_id)
    if resolution is None or resolution.credit is not Credit.PENDING:
        return Decision()
    later = _not_before(resolution, view.policy)
    if at < later:
        timer = Timer(subject=f"{SUBJECT}:{incident_id}", name=TIMER, due=later)
        return Decision(timers=(timer,))
    credit, why = judgement(resolution, view)
    judged = msgspec.structs.replace(resolution, credit=credit, credit_why=why)
    entry = JournalEntry(
        at=at,
        subject=incident_id,
        kind="credit",
        reason=Reason.RESOLUTION_CREDITED if credit is Credit.CREDITED else Reason.NOT_CREDITED,
        text=f"{credit.value}: {why}",
        data={"credit": credit.value, "recipe": resolution.recipe[:300]},
    )
    record = Record(kind="resolution", key=incident_id, body=judged)
    seen = _with(view, judged)
    decision = Decision(journal=(entry,), records=(record,))
    decision = decision.also(agreeing.agree(judged, seen, at=at))
    decision = decision.also(near_misses.notice(judged, seen, at=at))
    if credit is Credit.CREDITED:
        decision = decision.also(proposing.consider(judged, seen, at=at))
    return decision


def _with(view: View, judged: Resolution) -> View:
    """The view in which it is judged, without a copy of all the others."""
    others = cast("MutableMapping[str, Resolution]", view.resolutions)  # nothing is written to it
    known = ChainMap({judged.incident_id: judged}, others)
    return msgspec.structs.replace(view, resolutions=known)


def _not_before(resolution: Resolution, policy: Policy) -> float:
    """When everything about it can be known. Where it still fires, people get as long as their act
    has; where it ended late, it may come back, and other trouble follow, as long as any other."""
    is_timed = all(deed.began_at is not None for deed in resolution.deeds)
    if not resolution.deeds or resolution.outside or resolution.besides or not is_timed:
        return 0.0
    if resolution.cleared_at is None:
        return _too_late_at(resolution, policy)
    return max(
        resolution.cleared_at + policy.rails.relapse_seconds,
        _ended(resolution) + policy.rails.chain_seconds,
    )


def judgement(resolution: Resolution, view: View) -> Judgement:
    """Whether it is credited, and why in words."""
    if resolution.outside:
        words = resolution.outside[0][:80]
        return Credit.UNTIMED, f"a part of it was told in words only, and cannot be run: {words}"
    if not resolution.deeds:
        return Credit.NOTHING_DONE, "nobody did anything that could be run again"
    untimed = [deed.use for deed in resolution.deeds if deed.began_at is None]
    if untimed:
        return Credit.UNTIMED, f"nobody said when {untimed[0]} was done"
    if resolution.besides:
        act = resolution.besides[0][:80]
        return Credit.UNTIMED, f"{act} was done after it as well, and may be what ended it"
    if resolution.cleared_at is None:
        return Credit.NOT_CLEARED, "its alert still fired, or nobody said that it was over"
    return _in_time(resolution, view.policy) or _afterwards(resolution, view)


def _in_time(resolution: Resolution, policy: Policy) -> Judgement | None:
    """Too soon or too late after the act; None where it was neither."""
    began, cleared = _began(resolution), resolution.cleared_at or 0.0
    act = max(resolution.deeds, key=lambda d: d.began_at or 0.0).use
    if cleared < began:
        return Credit.BEFORE, f"it was over {_span(began - cleared)} before {act} began"
    lasts = lasts_for(resolution.expression)
    soonest = began + max(0.0, lasts - policy.evaluation_interval_seconds)
    if lasts and cleared < soonest:
        text = (
            f"its expression stays true for {_span(lasts)} after the last bad sample, and it was "
            f"over {_span(cleared - began)} after {act} began: the recovery had begun before"
        )
        return Credit.BEFORE, text
    latest = _too_late_at(resolution, policy)
    if cleared > latest:
        ended = _ended(resolution)
        text = (
            f"it was over {_span(cleared - ended)} after {act} ended, and has "
            f"{_span(latest - ended)} for that"
        )
        return Credit.TOO_LATE, text
    return None


def _afterwards(resolution: Resolution, view: View) -> Judgement:
    rails, cleared = view.policy.rails, resolution.cleared_at or 0.0
    first = min(_times(d.began_at for d in resolution.deeds))
    came = again(resolution, view, since=_began(resolution), until=cleared + rails.relapse_seconds)
    if came is not None:
        return Credit.RELAPSED, f"it fired again within {_span(rails.relapse_seconds)}: {came}"
    broke = harm(resolution, view, since=first, until=_ended(resolution) + rails.chain_seconds)
    if broke is not None:
        return Credit.HARMED, f"other trouble followed where people acted or next to it: {broke}"
    span = _span(cleared - _began(resolution))
    return Credit.CREDITED, f"it was over {span} after the last act began, and stayed so"


def _too_late_at(resolution: Resolution, policy: Policy) -> float:
    decay = firing_for(
        Decay(), resolution.expression or None, policy, longest=policy.longest_decay_seconds
    )
    return _ended(resolution) + policy.learning.proof_seconds + decay


def _began(resolution: Resolution) -> float:
    """When the last act that mattered began."""
    return max(_times(d.began_at for d in resolution.deeds))


def _ended(resolution: Resolution) -> float:
    return max(_times(d.ended_at or d.began_at for d in resolution.deeds))


def _times(times: Iterable[float | None]) -> list[float]:
    return [at for at in times if at is not None]


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
