"""How often something is done: to one target, in a product, in all."""

from __future__ import annotations

import math

from agent.core.budget import entity_of
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.storm import is_half, storm_of
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import Act

DAY_SECONDS = 86400.0
HOUR_SECONDS = 3600.0


def _own_and_others(q: Question) -> tuple[list[Act], list[Act]]:
    acts = [a for a in q.view.acts.get(q.target or "", ()) if a.key != q.key]
    mine = [a for a in acts if a.incident_id == q.incident.id]
    return mine, [a for a in acts if a.incident_id != q.incident.id]


@rail(
    id="cooled_down",
    reads=("acts", "plugins", "policy"),
    reasons=(Reason.COOLDOWN,),
    default="15 min, doubling up to 4 h",
)
def cooled_down(q: Question) -> Stop | None:
    """Time between two incidents on one target, twice as long after each run that was not the end
    of it; the steps and ladder of one incident are attempts. What only contains waits for nothing
    but itself: a repair a moment ago is no reason to let it go on doing harm."""
    own = q.runbook.guard.cooldown if q.runbook else None
    others = [a for a in _own_and_others(q)[1] if a.status is not OutcomeStatus.REFUSED]
    plugin = q.view.plugins.get(q.use)
    if plugin is not None and plugin.contains:
        others = [a for a in others if a.use == q.use]
    every = max(_doubled(others, q), (own.every_seconds or 0.0) if own else 0.0)
    last = max((a.ended_at or a.at for a in others), default=None)
    if last is not None and q.at - last < every:
        left = every - (q.at - last)
        return Stop(reason=Reason.COOLDOWN, text=f"{left:.0f} s of {every:.0f} s left")
    if own and own.most is not None and own.within_seconds is not None:
        runs = {a.incident_id for a in others if q.at - a.at < own.within_seconds}
        if len(runs) >= own.most:
            return Stop(reason=Reason.COOLDOWN, text=f"{len(runs)} runs, at most {own.most}")
    return None


def _doubled(others: list[Act], q: Question) -> float:
    """The policy's cooldown after the latest runs in a row that did not help, or not for long."""
    policy = q.view.policy
    runs: dict[tuple[str, str], bool] = {}
    for act in sorted(others, key=lambda a: a.at):
        if q.at - act.at < DAY_SECONDS and act.by == "agent":
            was_the_end = act.verdict is Verdict.HELD and not act.relapsed
            runs[act.incident_id, act.plan] = was_the_end
    in_a_row = 0
    for was_the_end in reversed(runs.values()):
        if was_the_end:
            break
        in_a_row += 1
    longest = max(policy.cooldown_seconds, policy.rails.cooldown_longest_seconds)
    return min(policy.cooldown_seconds * 2.0 ** max(in_a_row - 1, 0), longest)


@rail(
    id="attempts_left",
    reads=("acts", "policy"),
    reasons=(Reason.ATTEMPTS_EXHAUSTED, Reason.DAILY_ATTEMPTS_EXHAUSTED),
    default="3 per incident, 5 per target and day",
)
def attempts_left(q: Question) -> Stop | None:
    """Plans tried in this incident, and everything that was not a success on this target today."""
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


@rail(
    id="share_per_hour",
    reads=("lately", "registry", "inventory", "policy"),
    reasons=(Reason.SHARE_EXHAUSTED,),
    lets_go=True,
    default="10 %, at least 1",
)
def share_per_hour(q: Question) -> Stop | None:
    """Only a share of a product is acted on within an hour: what is wrong with all of it is not in
    each of its parts."""
    product = q.incident.product
    if product is None:
        return None
    entity = entity_of(q.target, q.view)
    mine = entity.name if entity is not None else q.target
    latest: dict[str, float] = {}
    for act in q.view.lately.values():
        touched = act.entity or act.target
        is_counted = act.product == product and act.status is not OutcomeStatus.REFUSED
        if is_counted and touched != mine and q.at - act.at < HOUR_SECONDS:
            latest[touched] = max(act.at, latest.get(touched, act.at))
    members = [e for e in q.view.registry.entities_of(product) if e.kind in COUNTED]
    allowed = max(1, math.floor(q.view.policy.rails.share_per_hour * len(members)))
    if len(latest) < allowed:
        return None
    free_at = sorted(latest.values())[len(latest) - allowed] + HOUR_SECONDS
    text = f"{', '.join(sorted(latest)[:3])}; {allowed} of {len(members)} within an hour"
    return Stop(reason=Reason.SHARE_EXHAUSTED, text=text[:200], after_seconds=free_at - q.at)


COUNTED = (EntityKind.SERVICE, EntityKind.AGENT, EntityKind.RESOURCE)


@rail(
    id="rate",
    reads=("lately", "storms", "policy"),
    reasons=(Reason.RATE_EXHAUSTED,),
    lets_go=True,
    holds_people=True,
    default="6 a minute after a burst of 10; half after a storm, 0.6 in one",
)
def rate(q: Question) -> Stop | None:
    """Everything that is done takes a token, whoever asked for it; tokens come back slowly. In a
    storm, in which only people act, they come back slower still."""
    rails = q.view.policy.rails
    per_minute, burst = rails.rate_per_minute, float(rails.rate_burst)
    if storm_of(q.view, q.incident.product, q.at) is not None:
        per_minute = rails.storm_rate_per_minute
    elif is_half(q.view, q.at):
        per_minute, burst = per_minute / 2, max(1.0, burst / 2)
    each = per_minute / 60.0
    tokens = _tokens(q, each=each, burst=burst)
    if tokens >= 1.0:
        return None
    text = f"{per_minute:g} a minute after a burst of {burst:g}"
    return Stop(reason=Reason.RATE_EXHAUSTED, text=text, after_seconds=(1.0 - tokens) / each)


def _tokens(q: Question, *, each: float, burst: float) -> float:
    """What is left now of a bucket that was full an hour ago."""
    times = sorted(
        act.at
        for act in q.view.lately.values()
        if act.key != q.key
        and act.status is not OutcomeStatus.REFUSED
        and q.at - act.at < HOUR_SECONDS
    )
    tokens, since = burst, times[0] if times else q.at
    for at in times:
        tokens = min(burst, tokens + (at - since) * each) - 1.0
        since = at
    return min(burst, tokens + (q.at - since) * each)
