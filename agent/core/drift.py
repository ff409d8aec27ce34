"""Whether one aspect of a member's work drifted away from its baseline.

A cumulative sum (Page's CUSUM) against the declared mean, one-sided towards what is worse: up for
errors, latency and tokens, down for work. Each window adds by how many spreads it is off, less half
of the change that matters; the sum never falls below nothing. The declared mean is the anchor and
is never learned away, so that a slow ramp is found too, as soon as it has become big enough.

Three things make the textbook sum cry wolf, and are met here:

- windows are not independent: a bad five minutes is followed by another. What counts for a sum is
  the long-run variance of the windows. It is measured on the calm ones, as autocorrelation and as
  steps between means of batches of windows, and the greater of the two is taken (autocorrelation
  alone is blind to slow noise beneath fast noise);
- single windows are wild: each counts for no more than `CLIP` spreads;
- it comes and goes with the day: where a season is declared, each window is divided by what is
  usual at that time as a share of what is usual at all.

The limit follows from the long-run variance so that, with nothing wrong, it takes `RUN_LENGTH`
windows on average until it is passed (Siegmund's approximation). docs/proof/signals.md has the
measured rates of false alarms, and how long changes take to be found.
"""

from __future__ import annotations

import math

import msgspec

from agent.core.season import between, median, phase_of, phases_of, spread_of
from agent.model.series import DriftNoise, DriftSeason, DriftState
from agent.model.signals import Aspect, Baseline

LEAST_WINDOW_SECONDS, LONGEST_WINDOW_SECONDS = 60.0, 300.0
SHIFT = 2.0
"""Spreads a mean has to have changed by to matter, where the baseline does not say."""
RUN_LENGTH = 1e8
"""Windows between false alarms that the limit is made for, were they of the bell shape. Those of
real systems are not: latency has a long tail."""
TAIL = 1.25
"""The variance is taken as so much greater, for that reason."""
CLIP = 4.0
"""Spreads; a window that is further off counts as this."""
LEAST_WINDOWS = 6
"""So many wild windows in a row are no drift yet."""
FIRST = 48
"""Windows that the noise is learned from at first."""
LEARNED = 96
"""Windows it takes until anything is judged."""
MEMORY = 2_000
"""Windows after which noise is forgotten."""
BATCH = 32
BATCHES = 8
"""Steps between batches it takes until they are relied on."""
BATCH_MEMORY = 60
DOUBT = 1.5
"""The variance is taken as so much greater until there are as many batches."""
SEASONS = 2
"""Seasons it takes until a season is known."""
SEASON_MEMORY = 8
LEAST_SHARE = 0.1
"""At times when less than this share of what is usual is done, a window says next to nothing."""
FULL = 1.25
"""Of the limit: the sum grows no further, so that a long drift can be seen to end."""
LEFT = 0.25
"""Of the limit: so little has to be left of the sum until a drift is over."""
FLOOR = 1e-3
"""Share of the mean that a learned spread is at least: perfect calm does not last."""


SELDOM = 1e-3
"""Share of errors of a member that is said to make none."""


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of one aspect now."""

    drifting: bool
    effect: float = 0.0
    """By how many spreads it is off, on average since then."""
    since: float | None = None
    text: str = ""


def window_seconds(baseline: Baseline, *, least: float = LEAST_WINDOW_SECONDS) -> float:
    """How long a window may be, so that enough of them fall within the time a change has to be
    found in. Shorter than `least` none is."""
    return max(least, min(LONGEST_WINDOW_SECONDS, baseline.within_seconds / 288))


def take(
    state: DriftState | None, baseline: Baseline, *, at: float, value: float, weight: float
) -> DriftState:
    """One window that ended at `at`; `weight`: how many tasks were done in it. What is no number,
    or not later than the window before, says nothing."""
    known = state or DriftState(began_at=at)
    if baseline.aspect is Aspect.WORK:
        # Nothing done is what there is to see, and no reason to look away.
        weight = 1.0
    if not (math.isfinite(value) and math.isfinite(weight)) or at <= known.at or weight <= 0.0:
        return known
    usual = weight if known.weight == 0.0 else known.weight + 0.01 * (weight - known.weight)
    calm = known.sum <= known.limit / 2 and not known.is_drifting
    share, season = 1.0, known.season
    if baseline.season_seconds:
        is_known = at - known.began_at >= SEASONS * baseline.season_seconds
        share = _share(season, at, baseline.season_seconds)
        season = _learn_season(season, baseline.season_seconds, at=at, value=value, calm=calm)
        if not is_known:
            return _change(known, at=at, value=value, weight=usual, season=season)
    heavy = share if baseline.aspect is Aspect.WORK else weight / usual
    even = value / max(share, LEAST_SHARE)
    known = _change(known, at=at, value=value, weight=usual, season=season)
    if calm:
        known = _learn_noise(known, baseline, even)
    return _sum(known, baseline, even, heavy=min(1.0, heavy))


def judge(state: DriftState | None, baseline: Baseline) -> Drifted:
    """What can be said after the latest window. A drift is over when little of the sum is left, so
    that it does not come and go with single windows."""
    if state is None or not state.off_count:
        return Drifted(drifting=False)
    seen = state.off_total / state.off_count
    spread = _spread(state, baseline)
    effect = (seen - baseline.mean) / spread
    text = (
        f"{baseline.aspect.value} {seen:.3g} on average where {baseline.mean:.3g} is usual: "
        f"off by {abs(effect):.1f} times what it varies by"
    )
    return Drifted(drifting=state.is_drifting, effect=effect, since=state.off_since, text=text)


_change = msgspec.structs.replace


def _share(season: DriftSeason, at: float, seconds: float) -> float:
    """What is usual at that time, as a share of what is usual at all."""
    if not season.means:
        return 1.0
    known = [m for m, n in zip(season.means, season.seen, strict=True) if n]
    usual = sum(known) / len(known) if known else 0.0
    if usual <= 0.0:
        return 1.0
    filled = season.means
    if len(known) < len(filled):
        filled = tuple(m if n else usual for m, n in zip(season.means, season.seen, strict=True))
    return max(0.0, between(filled, at, seconds) / usual)


def _learn_season(
    season: DriftSeason, seconds: float, *, at: float, value: float, calm: bool
) -> DriftSeason:
    """The mean of a phase takes in what was seen when the phase is over."""
    phases = phases_of(seconds)
    phase = phase_of(at, seconds, phases)
    means, seen = season.means, season.seen
    if len(means) != phases:
        means, seen = (0.0,) * phases, (0,) * phases
    total, count = season.total, season.count
    if phase != season.phase:
        if count and season.phase >= 0:
            old = season.phase
            times = seen[old] + 1
            step = (total / count - means[old]) / min(times, SEASON_MEMORY)
            means = (*means[:old], means[old] + step, *means[old + 1 :])
            seen = (*seen[:old], times, *seen[old + 1 :])
        total, count = 0.0, 0
    if calm:
        total, count = total + value, count + 1
    return DriftSeason(means=means, seen=seen, phase=phase, total=total, count=count)


def _learn_noise(state: DriftState, baseline: Baseline, even: float) -> DriftState:
    """From calm windows only: what a drift looks like is no noise."""
    noise, first = state.noise, state.first
    if not noise.count:
        first = (*first, even)
        if len(first) < FIRST:
            return _change(state, first=first)
        middle = median(first)
        off = sum(abs(v - middle) for v in first) / len(first)
        # Of what is nearly always the same, the median distance is nothing at all.
        far = CLIP * max(spread_of(first), 1.25 * off)
        for one in first:
            noise = _took(noise, min(middle + far, max(middle - far, one)))
        return _change(state, first=(), noise=noise)
    middle = noise.total / noise.count
    far = CLIP * max(_own_spread(noise), _spread(state, baseline))
    noise = _took(noise, min(middle + far, max(middle - far, even)))
    if noise.batch_count == 0 and noise.count >= LEARNED:
        return _change(state, noise=noise, limit=_limit(state, noise, baseline))
    return _change(state, noise=noise)


def _took(noise: DriftNoise, even: float) -> DriftNoise:
    keep = 1.0 if noise.count < MEMORY else 1.0 - 1.0 / MEMORY
    before = even if noise.before is None else noise.before
    batch, batch_count = noise.batch + even, noise.batch_count + 1
    last, batches, square = noise.batch_before, noise.batches, noise.batch_square
    if batch_count == BATCH:
        mean = batch / BATCH
        if last is not None:
            step = (mean - last) ** 2
            if batches >= BATCHES:
                step = min(step, 9.0 * square)
            batches = min(BATCH_MEMORY, batches + 1)
            square += (step - square) / batches
        last, batch, batch_count = mean, 0.0, 0
    return DriftNoise(
        count=noise.count * keep + 1.0,
        total=noise.total * keep + even,
        squares=noise.squares * keep + even * even,
        products=noise.products * keep + even * before,
        before=even,
        batch=batch,
        batch_count=batch_count,
        batch_before=last,
        batches=batches,
        batch_square=square,
    )


def _own_spread(noise: DriftNoise) -> float:
    mean = noise.total / noise.count
    return math.sqrt(max(0.0, noise.squares / noise.count - mean * mean))


def _spread(state: DriftState, baseline: Baseline) -> float:
    if baseline.spread:
        return baseline.spread
    least = max(FLOOR * abs(baseline.mean), 1e-9)
    if baseline.aspect is Aspect.ERRORS and state.weight:
        # Of a handful of tasks one or none fails: a share of them cannot vary by less.
        share = min(0.5, max(baseline.mean, SELDOM))
        least = math.sqrt(share * (1 - share) / state.weight)
    return max(least, _own_spread(state.noise)) if state.noise.count else least


def _half(baseline: Baseline, spread: float) -> float:
    """Half of the change that matters, in spreads."""
    return (SHIFT if not baseline.shift else abs(baseline.shift) / spread) / 2


def _clip(half: float) -> float:
    return max(CLIP, 2 * half + 1)


def _limit(state: DriftState, noise: DriftNoise, baseline: Baseline) -> float:
    """Of the sum, in spreads."""
    own = _own_spread(noise)
    spread = _spread(_change(state, noise=noise), baseline)
    mean = noise.total / noise.count
    lag = (noise.products / noise.count - mean * mean) / max(own * own, 1e-18)
    # Autocorrelation of a short series comes out too low; and the next greater one is assumed.
    lag += (1 + 3 * max(0.0, lag)) / noise.count + math.sqrt(max(0.0, 1 - lag * lag) / noise.count)
    lag = min(0.95, max(0.0, lag))
    variance = own * own * (1 + lag) / (1 - lag)
    if noise.batches >= BATCHES:
        variance = max(variance, BATCH * noise.batch_square / 2)
    else:
        variance *= DOUBT
    variance = max(TAIL * variance / (spread * spread), 0.25)
    half = _half(baseline, spread)
    passed = variance / (2 * half) * math.log(max(math.e, RUN_LENGTH * 2 * half * half / variance))
    # The sum jumps over its limit by so much on average.
    overshoot = 0.583 * math.sqrt(variance) * 2
    return max(passed - overshoot, LEAST_WINDOWS * (_clip(half) - half))


def _sum(state: DriftState, baseline: Baseline, even: float, *, heavy: float) -> DriftState:
    if not state.limit:
        return state
    spread = _spread(state, baseline)
    half = _half(baseline, spread)
    clip = _clip(half)
    off = min(clip, max(-clip, (even - baseline.mean) / spread))
    worse = -off if baseline.aspect is Aspect.WORK else off
    total = state.sum + heavy * (worse - half)
    if total <= 0.0:
        return _change(
            state, sum=0.0, off_since=None, off_total=0.0, off_count=0.0, is_drifting=False
        )
    drifting = total >= state.limit or (state.is_drifting and total > state.limit * LEFT)
    return _change(
        state,
        sum=min(total, state.limit * FULL),
        off_since=state.at if state.off_since is None else state.off_since,
        off_total=state.off_total + even * heavy,
        off_count=state.off_count + heavy,
        is_drifting=drifting,
    )
